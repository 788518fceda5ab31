//! The former database: locked if it is to be replaced, and read through a private copy of its
//! consistent state, its write-ahead log included.

use std::fs;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use zenith_db::config::{DatabasePath, SqliteOptions};
use zenith_db::internal::connection;
use zenith_db::{Error, Result};

use super::error::AdoptionError;
use super::staging_dir::private_directory;

/// Exclusive lock on the database that is to be replaced. No other process can read or write the
/// database until this is dropped.
pub(super) struct Original {
    connection: SqliteConnection,
    path: DatabasePath,
}

pub(super) const LOCKING: &str =
    "locking the database for the adoption (stop the application first)";

impl Original {
    /// Locks the database. Returns `None` if another process replaced the file meanwhile.
    pub(super) fn lock(path: &DatabasePath, options: &SqliteOptions) -> Result<Option<Self>> {
        let before = identity(path.as_path())?;
        let connection = connection::sqlite::open_exclusively(path.as_path(), options, LOCKING)?;
        if identity(path.as_path())? != before {
            return Ok(None);
        }
        // It remains from a killed process, or from one that read the database after that. Under the
        // exclusive lock nobody uses it.
        remove_if_exists(&path.with_suffix("-shm"))?;
        Ok(Some(Self { connection, path: path.clone() }))
    }

    /// Copies the database into a new file.
    pub(super) fn copy_to(&mut self, target: &Path) -> Result<()> {
        vacuum_into(&mut self.connection, target)
    }

    /// Makes the database a single file, so that another can take its name.
    ///
    /// The write-ahead log is checkpointed and removed: otherwise SQLite would read it as the log of
    /// the new database. The lock is still held. A process that waits for it gets a file without a
    /// name, to which SQLite refuses to write.
    pub(super) fn retire(&mut self) -> Result<(), AdoptionError> {
        let mode = connection::read_pragma(&mut self.connection, "journal_mode", "journal_mode")?;
        if mode == "wal" {
            self.connection.batch_execute("PRAGMA journal_mode = DELETE")?;
        }
        // Closes the journal; otherwise closing the connection would delete one of the new database.
        self.connection.batch_execute("PRAGMA journal_mode = MEMORY")?;
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

/// Returns the device and inode of the file.
#[cfg(unix)]
fn identity(path: &Path) -> Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    let metadata = match fs::symlink_metadata(path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NoDatabase { database: path.display().to_string() });
        }
        found => found.map_err(Error::io("read the metadata of", path))?,
    };
    Ok((metadata.dev(), metadata.ino()))
}

/// On other systems an open file cannot be replaced.
#[cfg(not(unix))]
fn identity(_: &Path) -> Result<()> {
    Ok(())
}

/// Whether a killed process left a write-ahead log. Nobody has the database open then, or a `-shm`
/// would exist; and reading the database in place would create one.
pub(super) fn has_abandoned_log(path: &DatabasePath) -> bool {
    path.with_suffix("-wal").exists() && !path.with_suffix("-shm").exists()
}

/// Refuses a database with a rollback journal: SQLite would roll it back before reading, which writes
/// to the database.
pub(super) fn ensure_no_journal(source: &DatabasePath) -> Result<()> {
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
    connection::sqlite::inspect(source, options, |connection| {
        // Called a second time if somebody wrote meanwhile.
        fs::write(target, []).map_err(Error::io("empty", target))?;
        let inner = connection.sqlite()?;
        connection::set_query_only(inner, false)?;
        vacuum_into(inner, target)
    })
}

fn copy_with_log(source: &DatabasePath, options: &SqliteOptions, target: &Path) -> Result<()> {
    let parent = target.parent().unwrap_or_else(|| Path::new("."));
    let directory = private_directory("legacy-", parent)?;
    let database = directory.path().join("legacy.db");
    let log: PathBuf = directory.path().join("legacy.db-wal");
    fs::copy(source.as_path(), &database).map_err(Error::io("copy", source.as_path()))?;
    fs::copy(source.with_suffix("-wal"), log)
        .map_err(Error::io("copy the write-ahead log of", source.as_path()))?;
    let mut connection =
        connection::sqlite::open_exclusively(&database, options, "reading a copy of the database")?;
    vacuum_into(&mut connection, target)
}

fn vacuum_into(connection: &mut SqliteConnection, target: &Path) -> Result<()> {
    let uri = connection::literal_uri(target)?;
    diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(uri).execute(connection)?;
    Ok(())
}
