//! Opening an SQLite file: literally, without creating it by accident, and without a trace when
//! only reading.

mod exact_copy;
mod exclusive;
mod header;
mod rollback_journal;
mod side_files;
mod uri;
mod vetting;
mod write_ahead_log;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

pub use exact_copy::{copy, copy_from, open_to_read};
pub use exclusive::lock;
pub use uri::literal_uri;
pub use vetting::check_file;

use super::access::Access;
use super::{file, lock_owner, pragma};
use crate::backend::DbConnection;
use crate::config::{DatabasePath, SqliteOptions};
use crate::error::{Error, Result};

/// Whether anything exists at the path. A broken symbolic link counts.
pub(crate) fn exists(path: &DatabasePath) -> bool {
    fs::symlink_metadata(path.as_path()).is_ok()
}

/// Creates an empty database file, private to its owner, in a private directory.
///
/// Returns `false` if the file already exists: another process may have created it.
///
/// # Errors
/// [`Error::Io`].
pub fn create_file(path: &DatabasePath) -> Result<bool> {
    file::create_private_dir(path.directory())?;
    file::create_private_file(path.as_path())
        .map_err(Error::io("create the database file", path.as_path()))
}

/// Removes a database file that this process has created, if `is_unused` agrees while no other process
/// has it open. Returns whether the file was removed.
pub(super) fn remove_created<E: From<Error>>(
    path: &DatabasePath,
    options: &SqliteOptions,
    is_unused: impl FnOnce(&mut DbConnection) -> Result<bool, E>,
) -> Result<bool, E> {
    let connection = open_exclusively(path.as_path(), options, "removing the database")?;
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

fn open_exclusively(
    path: &Path,
    options: &SqliteOptions,
    action: &'static str,
) -> Result<SqliteConnection> {
    let mut connection = vetting::open_checked(path, || establish(path, "mode=rw"))?;
    exclusive::ensure_writable(path)?;
    let begun = Instant::now();
    let timeout = options.busy_timeout.as_millis();
    let lock = format!(
        "PRAGMA busy_timeout = {timeout}; PRAGMA trusted_schema = OFF; \
         PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT"
    );
    match connection.batch_execute(&lock) {
        Ok(()) => Ok(connection),
        Err(source) if pragma::is_busy(&source) => {
            Err(lock_owner::locked(&mut connection, action, begun, source))
        }
        Err(cause) => Err(cause.into()),
    }
}

/// Opens the database, which must exist.
///
/// # Errors
/// [`Error::NoDatabase`], [`Error::Refused`], [`Error::Open`] or [`Error::Pragma`].
pub fn open(path: &DatabasePath, options: &SqliteOptions, access: Access) -> Result<DbConnection> {
    let path = path.as_path();
    let mut connection = vetting::open_checked(path, || establish(path, "mode=rw"))?;
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
        let seen = look(&mut read_only(path.as_path(), options, IMMUTABLE)?);
        if !has_wal() && !journal.exists() && FileStamp::of(path.as_path())? == before {
            return seen;
        }
    }
    let begun = Instant::now();
    loop {
        let live = read_only(path.as_path(), options, "mode=ro");
        match live.and_then(|mut live| look(&mut live)) {
            // SQLite would have to roll back the journal, which the connection may not. That of a live
            // process passes for one to roll back while its transaction ends.
            Err(Error::Query(cause)) if pragma::is_read_only(&cause) => {
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
    let mut connection = vetting::open_checked(path, || establish(path, "mode=rw"))?;
    pragma::configure(&mut connection, options, Access::Read)?;
    pragma::read(&mut connection, "schema_version", "schema_version").map(drop)
}

/// Mode for a file that nobody writes: SQLite takes no locks and creates no other files.
const IMMUTABLE: &str = "mode=ro&immutable=1";

/// Opens a finished copy, such as a backup, which nobody else writes.
///
/// # Errors
/// [`Error::Open`] or [`Error::Pragma`].
pub fn inspect_copy(path: &Path, options: &SqliteOptions) -> Result<DbConnection> {
    read_only(path, options, IMMUTABLE)
}

fn read_only(path: &Path, options: &SqliteOptions, mode: &str) -> Result<DbConnection> {
    let mut connection = vetting::open_checked(path, || establish(path, mode))?;
    pragma::configure(&mut connection, options, Access::Read)?;
    Ok(DbConnection::Sqlite(connection))
}

fn establish(path: &Path, mode: &str) -> Result<SqliteConnection> {
    let uri = format!("{}?{mode}", literal_uri(path)?);
    SqliteConnection::establish(&uri)
        .map_err(|source| Error::Open { path: path.to_owned(), source })
}

/// Properties of a file that change when it is written.
#[derive(PartialEq, Eq)]
struct FileStamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl FileStamp {
    /// Returns the properties when the next write will change them: the clock of a file system has
    /// ticks of some milliseconds, and two writes in one tick have the same time.
    fn settled(path: &Path) -> Result<Self> {
        const TICK: Duration = Duration::from_millis(20);

        let age = Self::of(path)?.modified.and_then(|modified| modified.elapsed().ok());
        if age.is_some_and(|age| age < TICK) {
            std::thread::sleep(TICK);
        }
        Self::of(path)
    }

    fn of(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(Error::io("inspect the database file", path))?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok() })
    }
}
