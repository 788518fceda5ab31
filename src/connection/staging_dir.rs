//! Hidden directory in which a database is built before it gets its name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::new_file::Temporary;
use crate::error::{Error, Result};

/// Private directory that is removed when this is dropped. A lock file in it is locked meanwhile, so that the
/// directory of a killed process is recognised by its free lock.
#[derive(Debug)]
pub struct StagingDir {
    /// Declared before the directory, so that it is closed first.
    _lock: File,
    _registered: Temporary,
    directory: TempDir,
}

const LOCK: &str = "lock";

impl StagingDir {
    /// Creates a directory in `parent`, for the file `name` and a purpose such as `adopting`. First removes the
    /// directories that killed processes left for the same file and purpose.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(parent: &Path, name: &str, purpose: &str) -> Result<Self> {
        Self::clear_leftovers(parent, name, purpose)?;
        let create = || private_directory(&prefix(name, purpose), parent);
        loop {
            let (directory, registered) = Temporary::create(create, TempDir::path)?;
            let path = directory.path().join(LOCK);
            // Another process may have removed it as a leftover before it was locked.
            let Some(lock) = locked(&path).map_err(Error::io("lock", &path))? else { continue };
            return Ok(Self { _lock: lock, _registered: registered, directory });
        }
    }

    /// Removes the directories that killed processes left for the same file and purpose. What cannot be
    /// removed stays: in a shared directory, it may belong to another user.
    ///
    /// # Errors
    /// [`Error::Io`] if `parent` cannot be read.
    pub fn clear_leftovers(parent: &Path, name: &str, purpose: &str) -> Result<()> {
        clear_leftovers(parent, &prefix(name, purpose))
    }

    /// Returns the path of a file in the directory.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Creates the lock of a new directory. Returns `None` if the directory is removed as a leftover.
fn locked(path: &Path) -> io::Result<Option<File>> {
    use io::ErrorKind::{AlreadyExists, NotFound};

    let lock = match File::create_new(path) {
        Err(cause) if matches!(cause.kind(), NotFound | AlreadyExists) => return Ok(None),
        lock => lock?,
    };
    lock.lock()?;
    Ok(path.try_exists()?.then_some(lock))
}

/// Creates a directory that only the current user can read, and that is removed when it is dropped.
///
/// # Errors
/// [`Error::Io`].
pub fn private_directory(prefix: &str, parent: &Path) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir_in(parent).map_err(Error::io("create a directory in", parent))
}

fn prefix(name: &str, purpose: &str) -> String {
    format!(".{name}.{purpose}-")
}

/// In a shared directory anybody can make a directory of such a name. Nothing in it is opened but the
/// lock, and only if the directory belongs to the current user and nobody else can write to it.
fn clear_leftovers(parent: &Path, prefix: &str) -> Result<()> {
    for path in entries(parent, prefix)? {
        if !is_private(&path) {
            continue;
        }
        // Removed under the lock, for which a process that has just created it waits.
        let Some(_lock) = unused(&path.join(LOCK)) else { continue };
        match fs::remove_dir_all(&path) {
            Ok(()) => {
                tracing::debug!(path = %path.display(), "removed a killed process's directory");
            }
            Err(cause) => tracing::warn!(%cause, path = %path.display(), "was not removed"),
        }
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

/// Takes the lock of a directory that nobody uses. A lock that does not exist yet may be about to be created: its
/// directory is new.
fn unused(lock: &Path) -> Option<File> {
    let is_new = || lock.parent().and_then(age_of).is_none_or(|age| age < NEW);
    let file = match File::open(lock) {
        Ok(file) => file,
        Err(_) if is_new() => return None,
        // Whoever is about to create it after all makes another directory then.
        Err(_) => File::create_new(lock).ok()?,
    };
    file.try_lock().ok().map(|()| file)
}

/// Age up to which a directory without a lock is left alone.
const NEW: Duration = Duration::from_secs(60);

fn age_of(directory: &Path) -> Option<Duration> {
    fs::symlink_metadata(directory).ok()?.modified().ok()?.elapsed().ok()
}

/// Returns the entries of a directory whose names begin with `prefix`.
fn entries(parent: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let read = match fs::read_dir(parent) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
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
