//! A database that is about to be replaced, under an exclusive lock.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::header::links;
use super::{exact_copy, exclusive, vetting};
use crate::config::DatabasePath;
use crate::connection::file::sync_dir;
use crate::error::{CopyError, Error, Result};

/// Exclusive lock on a database that is to be replaced. No other process can read or write the database
/// until this is dropped.
#[derive(Debug)]
pub struct LockedDatabase {
    connection: Connection,
    path: DatabasePath,
}

impl LockedDatabase {
    /// Locks the database.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process has the file open; [`Error::Replaced`] if another file took its
    /// place meanwhile; [`Error::NoDatabase`], [`Error::Refused`], [`Error::SideFile`],
    /// [`Error::ReadOnly`], [`Error::Io`] or [`Error::Copy`] if it cannot be used.
    pub fn lock(path: &DatabasePath, timeout: Duration, action: &'static str) -> Result<Self> {
        let connection = exclusive::lock(path.as_path(), timeout, action, attempt)?;
        // It remains from a killed process, or from one that read the database after that. Under the
        // exclusive lock nobody uses it.
        remove_if_exists(&path.with_suffix("-shm"))?;
        Ok(Self { connection, path: path.clone() })
    }

    /// Copies the pages of the database into an existing empty file.
    ///
    /// # Errors
    /// [`Error::Copy`].
    pub fn copy_to(&self, target: &Path) -> Result<()> {
        exact_copy::copy_from(&self.connection, self.path.as_path(), target, &mut |_, _| ())
    }

    /// Makes the database a single file, so that another can take its name.
    ///
    /// The write-ahead log is checkpointed and removed: otherwise SQLite would read it as the log of
    /// the new database. The lock is still held. A process that waits for it gets a file without a
    /// name, to which SQLite refuses to write.
    ///
    /// # Errors
    /// [`Error::Copy`] if SQLite cannot write the file; [`Error::Refused`] if the log remains;
    /// [`Error::Io`].
    pub fn retire(&self) -> Result<()> {
        let path = self.path.as_path();
        // Closes the journal in memory; otherwise closing the connection would delete one of the new
        // database.
        for mode in ["DELETE", "MEMORY"] {
            self.connection
                .pragma_update(None, "journal_mode", mode)
                .map_err(|cause| Error::Copy { path: path.to_owned(), source: CopyError(cause) })?;
        }
        remove_if_exists(&self.path.with_suffix("-journal"))?;
        let log = self.path.with_suffix("-wal");
        // SQLite does not remove an empty one beside a database in rollback mode.
        if fs::symlink_metadata(&log).is_ok_and(|found| found.is_file() && found.len() == 0) {
            remove_if_exists(&log)?;
        }
        if log.try_exists().map_err(Error::io("inspect", &log))? {
            return Err(Error::Refused {
                database: self.path.to_string(),
                reason:
                    "its write-ahead log cannot be removed, so that no other database can take its \
                         place; nothing was changed"
                        .into(),
            });
        }
        let directory = self.path.directory();
        sync_dir(directory).map_err(Error::io("synchronise", directory))
    }
}

/// Returns a connection with the lock, or nothing if another process has one.
fn attempt(path: &Path) -> Result<Option<Connection>> {
    let failed = |cause| Error::Copy { path: path.to_owned(), source: CopyError(cause) };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection =
        vetting::open_locking(path, || exact_copy::open(path, flags)?.map_err(failed))?;
    connection.busy_timeout(Duration::ZERO).map_err(failed)?;
    match connection.execute_batch(exclusive::LOCK) {
        Ok(()) => Ok(Some(connection)),
        Err(cause) if cause.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(None),
        Err(cause) => Err(failed(cause)),
    }
}

/// Whether this is a regular file with one name.
pub(crate) fn is_single_file(metadata: &Metadata) -> bool {
    metadata.is_file() && links(metadata) == 1
}

/// Removes a file, if it exists.
pub(crate) fn remove_if_exists(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(Error::io("remove", file)(cause)),
        _ => Ok(()),
    }
}
