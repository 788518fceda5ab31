//! Files and directories that only their owner can read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};

/// Creates a directory and its missing parents with mode 0700.
///
/// An existing directory is not changed, unless it is empty apart from hidden files: such a
/// directory was created for the database, by a volume mount or a checkout, and is made private.
///
/// # Errors
/// [`Error::Io`] if the directory cannot be created or made private.
pub fn create_private_dir(path: &Path) -> Result<()> {
    if path.is_dir() {
        return tighten_if_empty(path)
            .map_err(Error::io("restrict the permissions of the directory", path));
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(Error::io("create the directory", path))
}

#[cfg(unix)]
fn tighten_if_empty(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = fs::metadata(path)?.permissions().mode();
    let shared_on_purpose = mode & 0o1022 != 0;
    let mut entries = fs::read_dir(path)?.filter_map(io::Result::ok);
    let in_use = entries.any(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    if mode & 0o077 == 0 || shared_on_purpose || in_use {
        return Ok(());
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(0o700)) {
        // Somebody else's directory: the health check reports what is wrong with it.
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

#[cfg(not(unix))]
fn tighten_if_empty(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Creates an empty file with mode 0600. Returns `false` if the path already exists.
pub(super) fn create_private_file(path: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// Runs `look` on an open file of a database.
///
/// The descriptor stays open until the process ends: closing any descriptor of a file releases
/// every POSIX lock that the process holds on it, including those of SQLite's other connections
/// (<https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).
#[cfg(unix)]
pub(super) fn with_open_file<T>(
    path: &Path,
    look: impl FnOnce(&File) -> io::Result<T>,
) -> io::Result<T> {
    use std::collections::BTreeMap;
    use std::os::unix::fs::MetadataExt;
    use std::sync::{Mutex, PoisonError};

    static KEPT: Mutex<BTreeMap<(u64, u64), Vec<File>>> = Mutex::new(BTreeMap::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    // Of a file that has been deleted nobody needs the locks any more.
    let there = |file: &File| file.metadata().is_ok_and(|metadata| metadata.nlink() > 0);
    kept.retain(|_, files| files.iter().any(there));
    let place = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    let mut place_of_file = place(&fs::metadata(path)?);
    if !kept.contains_key(&place_of_file) {
        let file = File::open(path)?;
        place_of_file = place(&file.metadata()?);
        // If another file took its place meanwhile, both are kept.
        kept.entry(place_of_file).or_default().push(file);
    }
    match kept.get(&place_of_file).and_then(|files| files.first()) {
        Some(file) => look(file),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Returns the first bytes of a database file.
#[cfg(unix)]
pub(crate) fn read_head(path: &Path, length: usize) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt;

    let mut head = vec![0; length];
    let read = with_open_file(path, |file| file.read_at(&mut head, 0))?;
    head.truncate(read);
    Ok(head)
}

/// Returns the first bytes of a database file.
#[cfg(not(unix))]
pub(crate) fn read_head(path: &Path, length: usize) -> io::Result<Vec<u8>> {
    use std::io::Read;

    let mut head = Vec::with_capacity(length);
    File::open(path)?.take(length as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Writes the entries of a directory to the disk, after a rename. It has an effect on Unix only.
///
/// # Errors
/// The error of the operating system.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
