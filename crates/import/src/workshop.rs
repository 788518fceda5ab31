//! The hidden directory beside the database in which the new one is built, and what a killed
//! adoption left of one.

use std::fs;
use std::path::{Path, PathBuf};

use diesel::SqliteConnection;
use tempfile::TempDir;
use zenith_db::config::{DatabasePath, SqliteOptions};
use zenith_db::internal::connection;
use zenith_db::{Config, Error, Result};

/// A private directory that goes when it is dropped. While it is in use its lock is held, and the
/// lock of a process that was killed is free.
pub(super) struct Workshop {
    /// Before the directory, so that it is closed first.
    _lock: SqliteConnection,
    directory: TempDir,
}

const LOCK: &str = "lock.db";

impl Workshop {
    /// Opens one in `parent`.
    pub(super) fn open(parent: &Path, name: &str, options: &SqliteOptions) -> Result<Self> {
        let directory = private_directory(&prefix(name), parent)?;
        let lock = connection_path(&directory.path().join(LOCK))?;
        connection::sqlite::create_file(&lock)?;
        let lock =
            connection::sqlite::open_exclusively(lock.as_path(), options, "taking a new lock")?;
        Ok(Self { _lock: lock, directory })
    }

    /// The place of a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// A new directory that nobody else can look into.
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

/// The path as the opener takes it.
pub(super) fn connection_path(path: &Path) -> Result<DatabasePath> {
    let config = Config::for_path(path)?;
    let path = config.location().path().cloned();
    path.ok_or_else(|| Error::Internal("a path names no file".into()))
}

/// Removes the directories of adoptions of `name` that were killed.
pub(super) fn clear_leftovers(parent: &Path, name: &str, options: &SqliteOptions) -> Result<()> {
    let at_once = SqliteOptions { busy_timeout: std::time::Duration::ZERO, ..*options };
    for path in entries(parent, &prefix(name))? {
        let lock = path.join(LOCK);
        if lock.exists() {
            // Then another adoption is at work in it. Any other fault means that it was never
            // finished, and nobody is there.
            let taken =
                connection::sqlite::open_exclusively(&lock, &at_once, "looking for leftovers");
            if matches!(taken, Err(Error::Locked { .. })) {
                continue;
            }
        } else if fs::remove_dir(&path).is_ok() {
            continue;
        }
        fs::remove_dir_all(&path).map_err(Error::io("remove what was left at", &path))?;
        tracing::debug!(path = %path.display(), "removed what a killed adoption left");
    }
    Ok(())
}

/// What in a directory has a name that begins so.
pub(super) fn entries(parent: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let read = match fs::read_dir(parent) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(Error::io("look into", parent))?,
    };
    let mut found = Vec::new();
    for entry in read {
        let entry = entry.map_err(Error::io("look into", parent))?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
