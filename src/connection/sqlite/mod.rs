//! Opening an SQLite file: literally, without creating it by accident, and without a trace when
//! only reading.

mod exact_copy;
mod exclusive;
mod file_stamp;
mod free_list;
mod header;
mod locked_database;
mod open_file;
mod place;
mod rollback_journal;
mod second;
mod side_files;
mod uri;
mod vetting;
mod write_ahead_log;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

pub use exact_copy::{copy, open_to_read};
pub use free_list::free_pages;
pub(crate) use free_list::with_free_pages;
pub(crate) use header::MAGIC;
pub use header::size_by_header;
pub use locked_database::LockedDatabase;
pub(crate) use locked_database::{is_single_file, remove_if_exists};
pub(crate) use open_file::OpenFile;
pub(crate) use second::with_second_connection;
pub use uri::literal_uri;
pub use vetting::check_file;

use file_stamp::FileStamp;
use place::Reading;

use super::access::Access;
use super::{file, pragma};
use crate::backend::DbConnection;
use crate::config::{DatabasePath, SqliteOptions};
use crate::error::{Error, Result};
use crate::locks;

/// Whether anything exists at the path. A broken symbolic link counts.
pub(crate) fn exists(path: &DatabasePath) -> bool {
    fs::symlink_metadata(path.as_path()).is_ok()
}

/// Creates an empty database file, private to its owner, in a private directory.
///
/// Returns `false` if the file already exists: another process may have created it.
///
/// # Errors
/// [`Error::Io`], or [`Error::Refused`] if the file system has no locks.
pub fn create_file(path: &DatabasePath) -> Result<bool> {
    file::create_private_dir(path.directory())?;
    let created = file::create_private_file(path.as_path())
        .map_err(Error::io("create the database file", path.as_path()))?;
    if created && let Err(cause) = locks::ensure_supported(path.as_path()) {
        let removed = fs::remove_file(path.as_path());
        removed.map_err(Error::io("remove the database file", path.as_path()))?;
        return Err(Error::without_locks(path.as_path(), &cause));
    }
    Ok(created)
}

/// Removes a database file that this process has created, if `is_unused` agrees while no other process
/// has it open. Returns whether the file was removed.
pub(super) fn remove_created<E: From<Error>>(
    path: &DatabasePath,
    options: &SqliteOptions,
    is_unused: impl FnOnce(&mut DbConnection) -> Result<bool, E>,
) -> Result<bool, E> {
    let action = "removing the database";
    let connection = exclusive::lock(path.as_path(), options.busy_timeout, action, lock)?;
    let mut connection = DbConnection::Sqlite(connection);
    if !is_unused(&mut connection)? {
        return Ok(false);
    }
    // This removes the WAL; the rollback journal exists only during a transaction.
    connection.batch_execute("PRAGMA journal_mode = DELETE").map_err(Error::from)?;
    let removed = fs::remove_file(path.as_path());
    removed.map_err(Error::io("remove the database file", path.as_path()))?;
    Ok(true)
}

/// Returns a connection with an exclusive lock, or nothing if another process has a lock.
fn lock(path: &Path) -> Result<Option<SqliteConnection>> {
    let mut connection = vetting::open_locking(path, || establish(path, "mode=rw"))?;
    match connection.batch_execute(&format!("PRAGMA busy_timeout = 0; {}", exclusive::LOCK)) {
        Ok(()) => Ok(Some(connection)),
        Err(source) if pragma::is_busy(&source) => Ok(None),
        Err(cause) => Err(cause.into()),
    }
}

/// Opens the database, which must exist.
///
/// # Errors
/// [`Error::NoDatabase`], [`Error::Refused`], [`Error::ReadOnly`], [`Error::Open`] or
/// [`Error::Pragma`].
pub fn open(path: &DatabasePath, options: &SqliteOptions, access: Access) -> Result<DbConnection> {
    let path = path.as_path();
    let mut connection = if access.writes() {
        vetting::open_locking(path, || establish_to_write(path))
    } else {
        vetting::check_file(path)?;
        if Reading::of(path)? == Reading::Immutable {
            return read_only(path, options, Reading::Immutable);
        }
        vetting::open_locking(path, || establish(path, "mode=rw"))
    }?;
    pragma::configure(&mut connection, options, access)?;
    Ok(DbConnection::Sqlite(connection))
}

/// Runs `look` on a connection that can only read, and leaves no file behind.
///
/// Opening a WAL database read-only makes SQLite create its `-wal` and `-shm` files. Where no WAL
/// exists nobody is writing, so the file is opened as immutable instead; if it changed meanwhile,
/// the result is discarded and `look` runs again on a live connection.
///
/// # Errors
/// The errors of [`open`], and those of `look`; [`Error::HotJournal`] if a process was stopped while it
/// wrote: rolling its transaction back would write to the database.
pub fn inspect<T>(
    path: &DatabasePath,
    options: &SqliteOptions,
    mut look: impl FnMut(&mut DbConnection) -> Result<T>,
) -> Result<T> {
    vetting::check_file(path.as_path())?;
    let (wal, journal) = (path.with_suffix("-wal"), path.with_suffix("-journal"));
    let has_wal = || fs::metadata(&wal).is_ok_and(|wal| wal.len() > 0);
    // The journal of a live process does not keep others from reading.
    if !has_wal() && !journal.exists() {
        let before = FileStamp::settled(path.as_path())?;
        // Its first statement reads the schema, so that even opening may meet another's pages.
        let immutable = read_only(path.as_path(), options, Reading::Immutable);
        let seen = immutable.and_then(|mut immutable| look(&mut immutable));
        if !has_wal() && !journal.exists() && FileStamp::of(path.as_path())? == before {
            return seen;
        }
    }
    let begun = Instant::now();
    loop {
        if Reading::of(path.as_path())? == Reading::Immutable {
            return Err(place::written_meanwhile(path.as_path()));
        }
        let live = read_only(path.as_path(), options, Reading::Live);
        match live.and_then(|mut live| look(&mut live)) {
            // SQLite would have to roll back the journal, which the connection may not. That of a live
            // process passes for one to roll back while its transaction ends.
            Err(Error::WriteRefused(_)) => {
                if begun.elapsed() >= JOURNAL_OF_LIVE_PROCESS && journal.exists() {
                    return Err(Error::HotJournal { path: journal });
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            seen => return seen,
        }
    }
}

/// Time for which a journal must need a rollback before it is called hot.
const JOURNAL_OF_LIVE_PROCESS: Duration = Duration::from_millis(200);

/// Rolls back the transaction of a process that was stopped while it wrote, if any: writing the
/// database is then allowed.
///
/// # Errors
/// The errors of [`open`].
pub(super) fn recover(path: &DatabasePath, options: &SqliteOptions) -> Result<()> {
    if !path.with_suffix("-journal").exists() {
        return Ok(());
    }
    // SQLite does it before the first read. The journal of a live process it leaves alone.
    let path = path.as_path();
    let mut connection = vetting::open_locking(path, || establish(path, "mode=rw"))?;
    let read = pragma::configure(&mut connection, options, Access::Read)
        .and_then(|()| pragma::read(&mut connection, "schema_version", "schema_version"));
    match read {
        Err(error @ Error::WriteRefused(_)) => {
            place::ensure_writable(path)?;
            Err(error)
        }
        read => read.map(drop),
    }
}

/// Opens a finished copy, such as a backup, which nobody else writes.
///
/// # Errors
/// [`Error::Open`] or [`Error::Pragma`].
pub fn inspect_copy(path: &Path, options: &SqliteOptions) -> Result<DbConnection> {
    read_only(path, options, Reading::Immutable)
}

fn read_only(path: &Path, options: &SqliteOptions, reading: Reading) -> Result<DbConnection> {
    let establish = || establish(path, reading.mode());
    let mut connection = match reading {
        Reading::Live => vetting::open_locking(path, establish),
        Reading::Immutable => vetting::open_checked(path, establish),
    }?;
    pragma::configure(&mut connection, options, Access::Read)?;
    Ok(DbConnection::Sqlite(connection))
}

fn establish_to_write(path: &Path) -> Result<SqliteConnection> {
    place::ensure_writable(path)?;
    establish(path, "mode=rw")
}

fn establish(path: &Path, mode: &str) -> Result<SqliteConnection> {
    let uri = format!("{}?{mode}", literal_uri(path)?);
    SqliteConnection::establish(&uri)
        .map_err(|source| Error::Open { path: path.to_owned(), source })
}
