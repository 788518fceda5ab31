//! Database files that this process has opened itself, apart from SQLite.

#[cfg(unix)]
use std::collections::BTreeMap;
#[cfg(unix)]
use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;
#[cfg(unix)]
use std::sync::{Mutex, PoisonError};

/// File that [`with_open_file`] has opened.
#[cfg(unix)]
struct Kept {
    path: PathBuf,
    files: Vec<File>,
}

/// Files that [`with_open_file`] has opened, by device and inode.
#[cfg(unix)]
static KEPT: Mutex<BTreeMap<(u64, u64), Kept>> = Mutex::new(BTreeMap::new());

/// Returns the descriptors that [`with_open_file`] has opened.
#[cfg(target_os = "linux")]
pub(crate) fn kept_descriptors() -> Vec<i32> {
    use std::os::fd::AsRawFd;

    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.values().flat_map(|kept| &kept.files).map(AsRawFd::as_raw_fd).collect()
}

/// Returns the paths of the databases that this process has opened, and that still exist.
#[cfg(unix)]
pub(super) fn databases() -> Vec<PathBuf> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let exists = |kept: &&Kept| kept.files.iter().any(has_name);
    let paths = kept.values().filter(exists).map(|kept| kept.path.clone());
    // A `-shm` file is not a database, and no database has such a name.
    paths.filter(|path| !path.as_os_str().to_string_lossy().ends_with("-shm")).collect()
}

#[cfg(unix)]
fn has_name(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;

    file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
}

/// Runs `look` on an open file of a database.
///
/// The descriptor stays open until the process ends: closing any descriptor of a file releases
/// every POSIX lock that the process holds on it, including those of SQLite's other connections
/// (<https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).
#[cfg(unix)]
pub(crate) fn with_open_file<T>(
    path: &Path,
    look: impl FnOnce(&File) -> io::Result<T>,
) -> io::Result<T> {
    use std::os::unix::fs::MetadataExt;

    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    // Nobody needs the locks of a deleted file any more.
    kept.retain(|_, kept| kept.files.iter().any(has_name));
    let place = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    let mut place_of_file = place(&fs::symlink_metadata(path)?);
    if !kept.contains_key(&place_of_file) {
        let file = open_regular(path)?;
        place_of_file = place(&file.metadata()?);
        // If another file took its place meanwhile, both are kept.
        let entry = kept.entry(place_of_file);
        let new = || Kept { path: path.to_owned(), files: Vec::new() };
        entry.or_insert_with(new).files.push(file);
    }
    match kept.get(&place_of_file).and_then(|kept| kept.files.first()) {
        Some(file) => look(file),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Runs `look` on an open file of a database.
#[cfg(not(unix))]
pub(crate) fn with_open_file<T>(
    path: &Path,
    look: impl FnOnce(&File) -> io::Result<T>,
) -> io::Result<T> {
    look(&open_regular(path)?)
}

/// Opens a regular file for reading, and nothing else that took its place meanwhile: opening a pipe would wait for its
/// writer.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;

        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
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
    open_regular(path)?.take(length as u64).read_to_end(&mut head)?;
    Ok(head)
}
