//! Checks of a database file before SQLite opens it, and of what SQLite has opened.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use super::header::{MAGIC, links};
use super::side_files;
use crate::error::{Error, Result};
use crate::locks;

/// Opens a database file for a connection that takes locks, as [`open_checked`] does.
///
/// # Errors
/// [`Error::Refused`] if the file system has no locks, and the errors of `open_checked`.
pub(super) fn open_locking<C>(path: &Path, establish: impl Fn() -> Result<C>) -> Result<C> {
    open_checked(path, || {
        locks::ensure_supported(path).map_err(|cause| Error::without_locks(path, &cause))?;
        establish()
    })
}

/// Opens a database file with `establish`, and makes sure that SQLite holds the file that was
/// checked: another user who may write to the directory can replace it in between.
///
/// # Errors
/// Those of [`check_file`], that of `establish`, and [`Error::Replaced`].
pub(super) fn open_checked<C>(path: &Path, establish: impl Fn() -> Result<C>) -> Result<C> {
    const ATTEMPTS: usize = 3;

    for _ in 0..ATTEMPTS {
        let checked = check_file(path)?;
        // SQLite opens the file here, and reads nothing before the first statement.
        match establish() {
            Ok(connection) if checked.is_held(path)? => return Ok(connection),
            Err(error) if checked.is_at(path)? => return Err(error),
            _ => {}
        }
    }
    Err(Error::Replaced { path: path.to_owned() })
}

/// Returns an error unless the path is a regular file with one name that is empty or an SQLite
/// database, and the files beside it are its own. Returns its identity.
///
/// # Errors
/// [`Error::NoDatabase`], [`Error::Refused`], [`Error::SideFile`] or [`Error::Io`].
pub fn check_file(path: &Path) -> Result<Identity> {
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
    if links(&metadata) > 1 {
        return refuse(
            "it has several names (hard links), and programs that open it by different names do not \
             see each other's -wal file, so that writes are lost; remove the other names, which \
             `find / -xdev -samefile FILE` lists",
        );
    }
    let head = locks::read_head(path, 16).map_err(Error::io("read the database file", path))?;
    // After a power cut, a new file may have its size and none of its bytes. Its journal empties it.
    let is_unwritten =
        || head.iter().all(|byte| *byte == 0) && side_files::is_unfinished_creation(path);
    if !head.is_empty() && head != MAGIC && !is_unwritten() {
        return refuse(
            "it is not an SQLite database (its first 16 bytes say so); nothing was changed",
        );
    }
    side_files::check(path, &metadata)?;
    Ok(Identity::of(&metadata))
}

/// Device and inode of a file. On other systems than Unix an open file cannot be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    #[cfg(unix)]
    device_and_inode: (u64, u64),
}

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self { device_and_inode: (metadata.dev(), metadata.ino()) }
    }

    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Self {
        Self {}
    }

    /// Returns that of the file at the path.
    pub(super) fn at(path: &Path) -> Result<Self> {
        let found = fs::symlink_metadata(path);
        Ok(Self::of(&found.map_err(Error::io("inspect the database file", path))?))
    }

    /// Whether the file is still at the path, and SQLite has opened it.
    pub(super) fn is_held(self, path: &Path) -> Result<bool> {
        Ok(self.is_at(path)? && self.has_descriptor())
    }

    /// Whether the file is still at the path.
    pub(super) fn is_at(self, path: &Path) -> Result<bool> {
        match fs::symlink_metadata(path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
            found => {
                let found = found.map_err(Error::io("inspect the database file", path))?;
                Ok(Self::of(&found) == self)
            }
        }
    }

    /// Whether a descriptor of this process, other than those of [`locks::with_open_file`], is open on
    /// the file. Linux lists them.
    #[cfg(target_os = "linux")]
    fn has_descriptor(self) -> bool {
        let Ok(entries) = fs::read_dir("/proc/self/fd") else { return true };
        let kept = locks::kept_descriptors();
        entries.filter_map(io::Result::ok).any(|entry| {
            let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
            number.is_some_and(|number| !kept.contains(&number))
                && fs::metadata(entry.path()).is_ok_and(|found| Self::of(&found) == self)
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn has_descriptor(self) -> bool {
        true
    }
}
