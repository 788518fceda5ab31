//! Files that get their name when they are complete: backups, retained originals, records.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::NamedTempFile;

use super::file::{Owner, rename_new, sync_dir};
use crate::error::{Error, Result};

/// Private file under a temporary name. It is removed when this is dropped, and after the process was
/// killed by the next [`NewFile::create`] in the same directory.
#[derive(Debug)]
pub struct NewFile {
    file: NamedTempFile,
    _side_files: SideFiles,
    _registered: Temporary,
    directory: PathBuf,
}

const PREFIX: &str = ".zenith-";
const SUFFIX: &str = ".partial";

impl NewFile {
    /// Creates an empty file with mode 0600 for `owner`, and removes those that killed processes left in
    /// the directory.
    ///
    /// # Errors
    /// [`Error::Io`] if the directory cannot be written.
    pub fn create(directory: &Path, owner: Owner) -> Result<Self> {
        sweep(directory);
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(PREFIX).suffix(SUFFIX);
        let created = || builder.tempfile_in(directory);
        loop {
            let (file, registered) = Temporary::create(created, NamedTempFile::path)
                .map_err(Error::io("create a file in", directory))?;
            owner.give(file.as_file()).map_err(Error::io("change the owner of", file.path()))?;
            // Where files cannot be locked, leftovers are not recognised, and stay. On Windows the lock
            // would keep SQLite from writing the file.
            if cfg!(unix)
                && let Err(error) = file.as_file().lock()
            {
                tracing::debug!(%error, "a temporary file could not be locked");
            }
            // Another process may have removed it as a leftover before it was locked.
            if file.path().try_exists().map_err(Error::io("inspect", file.path()))? {
                let (side_files, directory) =
                    (SideFiles(file.path().to_owned()), directory.to_owned());
                return Ok(Self {
                    file,
                    _side_files: side_files,
                    _registered: registered,
                    directory,
                });
            }
        }
    }

    /// Whether the directory has temporary files other than `own`, the name of the caller's. Those that killed
    /// processes left are removed first. Returns `true` if the directory cannot be read.
    pub(crate) fn others(directory: &Path, own: Option<&OsStr>) -> bool {
        sweep(directory);
        let Ok(entries) = fs::read_dir(directory) else { return true };
        entries.map(|entry| entry.map(|entry| entry.file_name())).any(|name| {
            name.map_or(true, |name| {
                let text = name.to_string_lossy();
                text.starts_with(PREFIX) && text.ends_with(SUFFIX) && Some(&*name) != own
            })
        })
    }

    /// Returns the temporary path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns the open file.
    pub fn as_file_mut(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Writes the file to the disk and renames it, without replacing another file.
    ///
    /// # Errors
    /// [`Error::Io`]. If the path already exists, its cause has the kind
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists). No file is left behind.
    pub fn persist(self, path: &Path) -> Result<()> {
        self.try_persist(path).map_err(|failed| failed.0)
    }

    /// As [`NewFile::persist`]. If the file could not be renamed, it is returned.
    fn try_persist(self, path: &Path) -> Result<(), Box<(Error, Option<Self>)>> {
        let written = self.file.as_file().sync_all().and_then(|()| rename_new(self.path(), path));
        if let Err(cause) = written {
            return Err(Box::new((Error::io("write", path)(cause), Some(self))));
        }
        let Self { file, directory, .. } = self;
        // It has another name now, so that there is nothing to remove.
        drop(file.into_parts().1.keep());
        sync_dir(&directory).map_err(|cause| {
            drop(fs::remove_file(path));
            Box::new((Error::io("synchronise", directory)(cause), None))
        })
    }

    /// Renames the file to the first of the names that does not exist yet. Returns its path.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn persist_as(self, mut name: impl FnMut() -> PathBuf) -> Result<PathBuf> {
        let mut file = self;
        loop {
            let path = name();
            match file.try_persist(&path).map_err(|failed| *failed) {
                Ok(()) => return Ok(path),
                Err((error, Some(unnamed))) if error.is_already_exists() => file = unnamed,
                Err((error, _)) => return Err(error),
            }
        }
    }
}

/// What SQLite keeps beside a database while it writes it.
const SIDE_SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Files that SQLite creates beside a database with a temporary name. Those that it leaves, because it
/// could not remove them, are removed when this is dropped.
#[derive(Debug)]
struct SideFiles(PathBuf);

impl Drop for SideFiles {
    fn drop(&mut self) {
        for suffix in SIDE_SUFFIXES {
            let mut path = self.0.as_os_str().to_owned();
            path.push(suffix);
            // What cannot be removed, the next run removes.
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes the files of killed processes. Only those of the current user are opened: in a directory that
/// others can write to, anything can have such a name.
fn sweep(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    if cfg!(not(unix)) {
        return;
    }
    for path in entries.filter_map(io::Result::ok).map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with(PREFIX) || !Owner::is_own_file(&path) {
            continue;
        }
        let main = SIDE_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
        if let Some(main) = main.filter(|main| main.ends_with(SUFFIX)) {
            // They do not outlive the file to which they belong, except beside one that was killed.
            if fs::symlink_metadata(directory.join(main)).is_err() {
                drop(fs::remove_file(&path));
            }
            continue;
        }
        if !name.ends_with(SUFFIX) {
            continue;
        }
        let Ok(file) = File::open(&path) else { continue };
        // Removed under the lock, for which a process that has just created the file waits.
        if file.try_lock().is_ok() && fs::remove_file(&path).is_ok() {
            drop(SideFiles(path.clone()));
            tracing::debug!(path = %path.display(), "removed the file of a killed process");
        }
    }
}

static TEMPORARY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Registration of a temporary file or directory, for [`remove_temporary_files`]; ends when this is
/// dropped.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// Creates a file or directory and registers its path.
    ///
    /// # Errors
    /// The error of `create`.
    pub fn create<T, E>(
        create: impl FnOnce() -> Result<T, E>,
        path: impl FnOnce(&T) -> &Path,
    ) -> Result<(T, Self), E> {
        // Held meanwhile, so that nothing is created that is not registered.
        let mut temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
        let created = create()?;
        let path = path(&created).to_owned();
        temporary.insert(path.clone());
        Ok((created, Self(path)))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Removes the temporary files and directories of this process, which is about to end because of a
/// signal. Whatever creates or removes one afterwards waits for the end of the process.
pub fn remove_temporary_files() {
    let temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
    for path in &*temporary {
        // What cannot be removed, the next run removes.
        let _ = if path.is_dir() { remove_dir(path) } else { fs::remove_file(path) };
    }
    std::mem::forget(temporary);
}

/// Removes a directory in which another thread may still create files.
fn remove_dir(path: &Path) -> io::Result<()> {
    const ATTEMPTS: usize = 100;

    let is_filled = |removed: &io::Result<()>| {
        removed.as_ref().is_err_and(|cause| cause.kind() == io::ErrorKind::DirectoryNotEmpty)
    };
    let mut attempts = std::iter::repeat_with(|| fs::remove_dir_all(path)).take(ATTEMPTS);
    attempts.find(|removed| !is_filled(removed)).unwrap_or(Ok(()))
}
