//! Hidden directory beside the database in which the new one is built.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use zenith_db::config::DatabasePath;
use zenith_db::internal::connection::Temporary;
use zenith_db::{Config, Error, Result};

/// Private directory that is removed when this is dropped. A lock is held while it is in use; the lock
/// of a process that was killed is free.
pub(super) struct StagingDir {
    /// Declared before the directory, so that it is closed first.
    _lock: File,
    _registered: Temporary,
    directory: TempDir,
}

const LOCK: &str = "lock";

impl StagingDir {
    /// Creates a directory in `parent` for the database `name`.
    pub(super) fn open(parent: &Path, name: &str) -> Result<Self> {
        let create = || private_directory(&prefix(name), parent);
        let (directory, registered) = Temporary::create(create, TempDir::path)?;
        let path = directory.path().join(LOCK);
        let lock = File::create_new(&path).map_err(Error::io("create", &path))?;
        lock.lock().map_err(Error::io("lock", &path))?;
        Ok(Self { _lock: lock, _registered: registered, directory })
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
///
/// In a shared directory anybody can make a directory of such a name. Nothing in it is opened but the
/// lock, and only if the directory belongs to the current user and nobody else can write to it.
pub(super) fn clear_leftovers(parent: &Path, name: &str) -> Result<()> {
    for path in entries(parent, &prefix(name))? {
        if !is_private(&path) || is_in_use(&path.join(LOCK)) {
            continue;
        }
        fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        tracing::debug!(path = %path.display(), "removed the directory of a killed adoption");
    }
    Ok(())
}

#[cfg(unix)]
fn is_private(directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let user = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(directory)
        .is_ok_and(|found| found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(directory: &Path) -> bool {
    fs::symlink_metadata(directory).is_ok_and(|found| found.is_dir())
}

/// Whether a process holds the lock. A lock that does not exist yet may be about to be created: its
/// directory is new.
fn is_in_use(lock: &Path) -> bool {
    match File::open(lock) {
        Ok(file) => file.try_lock().is_err(),
        Err(_) => lock.parent().and_then(age_of).is_none_or(|age| age < NEW),
    }
}

/// Age up to which a directory without a lock is left alone.
const NEW: Duration = Duration::from_secs(60);

fn age_of(directory: &Path) -> Option<Duration> {
    fs::symlink_metadata(directory).ok()?.modified().ok()?.elapsed().ok()
}

/// Returns the entries of a directory whose names begin with `prefix`.
fn entries(parent: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
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
