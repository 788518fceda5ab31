//! The former database: locked if it is to be replaced, and read through a private copy of its
//! consistent state, its write-ahead log included.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use zenith_db::config::{DatabasePath, SqliteOptions};
use zenith_db::internal::connection;
use zenith_db::{Error, Result};

use super::error::AdoptionError;
use super::staging_dir::private_directory;

/// Exclusive lock on the database that is to be replaced. No other process can read or write the
/// database until this is dropped.
pub(super) struct Original {
    connection: Connection,
    path: DatabasePath,
}

pub(super) const LOCKING: &str =
    "locking the database for the adoption (stop the application first)";

impl Original {
    /// Locks the database. Returns `None` if another process replaced the file meanwhile.
    pub(super) fn lock(path: &DatabasePath, options: &SqliteOptions) -> Result<Option<Self>> {
        let locked = connection::sqlite::lock(path.as_path(), options.busy_timeout, LOCKING);
        let connection = match locked {
            // Another adoption finished meanwhile.
            Err(Error::Replaced { .. }) => return Ok(None),
            locked => locked?,
        };
        // It remains from a killed process, or from one that read the database after that. Under the
        // exclusive lock nobody uses it.
        remove_if_exists(&path.with_suffix("-shm"))?;
        Ok(Some(Self { connection, path: path.clone() }))
    }

    /// Copies the pages of the database into an existing empty file.
    pub(super) fn copy_to(&self, target: &Path) -> Result<()> {
        connection::sqlite::copy_from(&self.connection, self.path.as_path(), target)
    }

    /// Makes the database a single file, so that another can take its name.
    ///
    /// The write-ahead log is checkpointed and removed: otherwise SQLite would read it as the log of
    /// the new database. The lock is still held. A process that waits for it gets a file without a
    /// name, to which SQLite refuses to write.
    pub(super) fn retire(&self) -> Result<(), AdoptionError> {
        // Closes the journal in memory; otherwise closing the connection would delete one of the new
        // database.
        for mode in ["DELETE", "MEMORY"] {
            self.connection.pragma_update(None, "journal_mode", mode)?;
        }
        remove_if_exists(&self.path.with_suffix("-journal"))?;
        let wal = self.path.with_suffix("-wal");
        if wal.exists() {
            return Err(AdoptionError::LogRemains { path: wal });
        }
        let directory = self.path.directory();
        connection::sync_dir(directory).map_err(Error::io("sync", directory))?;
        Ok(())
    }
}

fn remove_if_exists(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", file)(cause))
        }
        _ => Ok(()),
    }
}

/// Whether a killed process left a write-ahead log. Nobody has the database open then, or a `-shm`
/// would exist; and reading the database in place would create one.
pub(super) fn has_abandoned_log(path: &DatabasePath) -> bool {
    path.with_suffix("-wal").exists() && !path.with_suffix("-shm").exists()
}

/// Refuses a database with a rollback journal: SQLite would roll it back before reading, which writes
/// to the database.
pub(super) fn ensure_no_journal(source: &DatabasePath) -> Result<()> {
    connection::sqlite::check_file(source.as_path())?;
    if !source.with_suffix("-journal").exists() {
        return Ok(());
    }
    Err(Error::Refused {
        database: source.to_string(),
        reason:
            "a rollback journal exists beside it: a program is writing to it, or was stopped while \
                 it did; open and close it with that program first"
                .into(),
    })
}

/// Copies a database without changing it, or creating files beside it.
pub(super) fn copy(source: &DatabasePath, options: &SqliteOptions, target: &Path) -> Result<()> {
    ensure_no_journal(source)?;
    if has_abandoned_log(source) {
        return copy_with_log(source, options, target);
    }
    connection::sqlite::copy(source.as_path(), target, options.busy_timeout)
}

fn copy_with_log(source: &DatabasePath, options: &SqliteOptions, target: &Path) -> Result<()> {
    let parent = target.parent().unwrap_or_else(|| Path::new("."));
    let directory = private_directory("legacy-", parent)?;
    let database = directory.path().join("legacy.db");
    let log: PathBuf = directory.path().join("legacy.db-wal");
    fs::copy(source.as_path(), &database).map_err(Error::io("copy", source.as_path()))?;
    fs::copy(source.with_suffix("-wal"), log)
        .map_err(Error::io("copy the write-ahead log of", source.as_path()))?;
    connection::sqlite::copy(&database, target, options.busy_timeout)
}
