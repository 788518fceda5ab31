//! Opening an SQLite file: literally, without creating it by accident, and without a trace when
//! only reading.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Instant, SystemTime};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

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

/// Opens the database with an exclusive lock: until the connection is closed, no other process can
/// read or write it, in any journal mode.
///
/// # Errors
/// [`Error::Locked`] if another process has the file open; [`Error::Refused`], [`Error::Io`] or
/// [`Error::Open`] if it cannot be used.
pub fn open_exclusively(
    path: &Path,
    options: &SqliteOptions,
    action: &'static str,
) -> Result<SqliteConnection> {
    check_file(path)?;
    // What may not be written to, SQLite opens for reading without a word, and keeps nobody out of.
    #[cfg(unix)]
    rustix::fs::accessat(
        rustix::fs::CWD,
        path,
        rustix::fs::Access::WRITE_OK,
        rustix::fs::AtFlags::EACCESS,
    )
    .map_err(|cause| {
        Error::io("open for writing, which the exclusive lock needs,", path)(cause.into())
    })?;
    let mut connection = establish(path, "mode=rw")?;
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
    check_file(path.as_path())?;
    let mut connection = establish(path.as_path(), "mode=rw")?;
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
/// The errors of [`open`], and those of `look`.
pub fn inspect<T>(
    path: &DatabasePath,
    options: &SqliteOptions,
    mut look: impl FnMut(&mut DbConnection) -> Result<T>,
) -> Result<T> {
    check_file(path.as_path())?;
    let wal = path.with_suffix("-wal");
    let has_wal = || fs::metadata(&wal).is_ok_and(|wal| wal.len() > 0);
    if path.with_suffix("-journal").exists() {
        // Left by a process that was stopped while it wrote, perhaps: until somebody who may write
        // rolls it back, nobody can read. SQLite leaves that of a live process alone.
        roll_back_hot_journal(path.as_path(), options)?;
    } else if !has_wal() {
        let before = FileStamp::of(path.as_path())?;
        let seen = look(&mut read_only(path.as_path(), options, IMMUTABLE)?);
        if !has_wal() && FileStamp::of(path.as_path())? == before {
            return seen;
        }
    }
    look(&mut read_only(path.as_path(), options, "mode=ro")?)
}

/// Rolls back a hot journal: opening for writing and reading once is enough.
fn roll_back_hot_journal(path: &Path, options: &SqliteOptions) -> Result<()> {
    let mut connection = establish(path, "mode=rw")?;
    pragma::configure(&mut connection, options, Access::Read)
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
    let mut connection = establish(path, mode)?;
    pragma::configure(&mut connection, options, Access::Read)?;
    Ok(DbConnection::Sqlite(connection))
}

fn establish(path: &Path, mode: &str) -> Result<SqliteConnection> {
    let uri = format!("{}?{mode}", literal_uri(path)?);
    SqliteConnection::establish(&uri)
        .map_err(|source| Error::Open { path: path.to_owned(), source })
}

/// Returns the `file:` URI of exactly this path. SQLite offers modes only through URIs; every byte
/// with a meaning in a URI is escaped.
///
/// # Errors
/// [`Error::Io`] if the working directory is unknown.
pub fn literal_uri(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path).map_err(Error::io("resolve the path", path))?;
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(absolute.as_os_str());
    #[cfg(not(unix))]
    let text = format!("/{}", absolute.to_string_lossy().replace('\\', "/"));
    #[cfg(not(unix))]
    let bytes = text.as_bytes();
    Ok(format!("file://{}", percent_encode(bytes, PLAIN_IN_A_PATH)))
}

/// Characters that stand for themselves in the path of a URI.
const PLAIN_IN_A_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');

/// Returns an error unless the path is a regular file that is empty or an SQLite database.
fn check_file(path: &Path) -> Result<()> {
    let refuse = |reason: &str| {
        Err(Error::Refused { database: path.display().to_string(), reason: reason.into() })
    };
    let metadata = match fs::symlink_metadata(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return Err(Error::NoDatabase { database: path.display().to_string() });
        }
        found => found.map_err(Error::io("inspect the database file", path))?,
    };
    if metadata.is_symlink() {
        return refuse(
            "it is a symbolic link, and SQLite would create its -wal, -shm and -journal files \
             beside the link; give the path of the file itself",
        );
    }
    if metadata.is_dir() {
        return refuse("it is a directory; add the file's name, such as zenith.db");
    }
    if !metadata.is_file() {
        return refuse("it is not a regular file");
    }
    let head = file::read_head(path, 16).map_err(Error::io("read the database file", path))?;
    if head.is_empty() || head == b"SQLite format 3\0" {
        return Ok(());
    }
    refuse("it is not an SQLite database (its first 16 bytes say so); nothing was changed")
}

/// Properties of a file that change when it is written.
#[derive(PartialEq, Eq)]
struct FileStamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl FileStamp {
    fn of(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(Error::io("inspect the database file", path))?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok() })
    }
}
