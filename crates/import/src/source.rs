//! The former database, read through a private copy of its consistent state, its write-ahead log included.

use std::fs;
use std::path::{Path, PathBuf};

use zenith_db::config::{DatabasePath, SqliteOptions};
use zenith_db::internal::connection::{self, private_directory};
use zenith_db::{Error, Result};

pub(super) const LOCKING: &str =
    "locking the database for the adoption (stop the application first)";

/// Whether a killed process left a write-ahead log. Nobody has the database open then, or a `-shm`
/// would exist; and reading the database in place would create one.
pub(super) fn has_abandoned_log(path: &DatabasePath) -> bool {
    path.with_suffix("-wal").exists() && !path.with_suffix("-shm").exists()
}

/// Refuses a database with a rollback journal: SQLite would roll it back before reading, which writes
/// to the database.
pub(super) fn ensure_no_journal(source: &DatabasePath) -> Result<()> {
    connection::sqlite::check_file(source.as_path())?;
    let journal = source.with_suffix("-journal");
    if !journal.try_exists().map_err(Error::io("inspect", &journal))? {
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
    connection::sqlite::copy(source.as_path(), target, options.busy_timeout, &mut |_, _| ())
}

fn copy_with_log(source: &DatabasePath, options: &SqliteOptions, target: &Path) -> Result<()> {
    let parent = target.parent().unwrap_or_else(|| Path::new("."));
    let directory = private_directory("legacy-", parent)?;
    let database = directory.path().join("legacy.db");
    let log: PathBuf = directory.path().join("legacy.db-wal");
    fs::copy(source.as_path(), &database).map_err(Error::io("copy", source.as_path()))?;
    fs::copy(source.with_suffix("-wal"), log)
        .map_err(Error::io("copy the write-ahead log of", source.as_path()))?;
    connection::sqlite::copy(&database, target, options.busy_timeout, &mut |_, _| ())
}
