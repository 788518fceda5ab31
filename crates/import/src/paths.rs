//! Paths that belong to the new database.

use std::path::{Path, PathBuf};

use zenith_db::config::DatabasePath;
use zenith_db::{Config, Error};

use super::error::{AdoptionError, Result};

/// Returns the configured database file. The former application supported only SQLite, so adoption
/// does as well.
pub(super) fn database_file(config: &Config) -> Result<&DatabasePath> {
    config.location().path().ok_or(AdoptionError::NotAFile)
}

/// Refuses a quarantine file that SQLite would read as a part of the database.
pub(super) fn ensure_not_database(file: &Path, database: &DatabasePath) -> Result<()> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(Error::io("find", path));
    let file = absolute(file)?;
    for own in database_files(database) {
        if absolute(&own)? == file {
            return Err(AdoptionError::QuarantineIsDatabase { path: file });
        }
    }
    Ok(())
}

/// Refuses a target at whose path the database or a file of SQLite exists.
pub(super) fn ensure_free(database: &DatabasePath) -> Result<()> {
    match database_files(database).into_iter().find(|file| file.symlink_metadata().is_ok()) {
        None => Ok(()),
        Some(path) => Err(AdoptionError::TargetExists { path }),
    }
}

/// Returns the paths of the database and of the files that SQLite may create beside it.
fn database_files(path: &DatabasePath) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|suffix| path.with_suffix(suffix))
}

/// Returns a path in the type that opening a database takes.
pub(super) fn connection_path(path: &Path) -> Result<DatabasePath> {
    let config = Config::for_path(path).map_err(Error::from)?;
    let path = config.location().path().cloned();
    Ok(path.ok_or_else(|| Error::Internal("a path names no file".into()))?)
}
