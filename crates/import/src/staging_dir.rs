//! Hidden directory beside the database in which the new one is built.

use std::fs;
use std::path::{Path, PathBuf};

use diesel::SqliteConnection;
use tempfile::TempDir;
use zenith_db::config::{DatabasePath, SqliteOptions};
use zenith_db::internal::connection;
use zenith_db::{Config, Error, Result};

/// Private directory that is removed when this is dropped. A lock is held while it is in use; the lock
/// of a process that was killed is free.
pub(super) struct StagingDir {
    /// Declared before the directory, so that it is closed first.
    _lock: SqliteConnection,
    directory: TempDir,
}

const LOCK: &str = "lock.db";

impl StagingDir {
    /// Creates a directory in `parent` for the database `name`.
    pub(super) fn open(parent: &Path, name: &str, options: &SqliteOptions) -> Result<Self> {
        let directory = private_directory(&prefix(name), parent)?;
        let lock = connection_path(&directory.path().join(LOCK))?;
        connection::sqlite::create_file(&lock)?;
        let lock = connection::sqlite::open_exclusively(
            lock.as_path(),
            options,
            "locking a new staging directory",
        )?;
        Ok(Self { _lock: lock, directory })
    }

    /// Returns the path of a file in the directory.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Creates a directory that only the current user can read.
pub(super) fn private_directory(prefix: &str, parent: &Path) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir_in(parent).map_err(Error::io("create a directory in", parent))
}

fn prefix(name: &str) -> String {
    format!(".{name}.adopting-")
}

/// Returns a path in the type that opening a database takes.
pub(super) fn connection_path(path: &Path) -> Result<DatabasePath> {
    let config = Config::for_path(path)?;
    let path = config.location().path().cloned();
    path.ok_or_else(|| Error::Internal("a path names no file".into()))
}

/// Removes the directories of killed adoptions of the database `name`.
pub(super) fn clear_leftovers(parent: &Path, name: &str, options: &SqliteOptions) -> Result<()> {
    let without_waiting = SqliteOptions { busy_timeout: std::time::Duration::ZERO, ..*options };
    for path in entries(parent, &prefix(name))? {
        let lock = path.join(LOCK);
        if lock.exists() {
            // If it is locked, another adoption uses the directory. Any other error means that the
            // lock was never completed, so nobody does.
            let taken = connection::sqlite::open_exclusively(
                &lock,
                &without_waiting,
                "checking an old staging directory",
            );
            if matches!(taken, Err(Error::Locked { .. })) {
                continue;
            }
        } else if fs::remove_dir(&path).is_ok() {
            continue;
        }
        fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        tracing::debug!(path = %path.display(), "removed the directory of a killed adoption");
    }
    Ok(())
}

/// Returns the entries of a directory whose names begin with `prefix`.
pub(super) fn entries(parent: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let read = match fs::read_dir(parent) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(Error::io("read the directory", parent))?,
    };
    let mut found = Vec::new();
    for entry in read {
        let entry = entry.map_err(Error::io("read the directory", parent))?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
