//! What keeps SQLite from taking a lock: another process, or a file system without locks.

use std::io;
use std::path::{Path, PathBuf};

use super::open_file::read_head;

/// Lock that could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The lock for writing, for which only another writer is an obstacle.
    Write,
    /// A lock for which every other connection is an obstacle.
    Exclusive,
    /// The whole write-ahead log, for which every connection that reads is an obstacle.
    Log,
}

/// What keeps SQLite from taking a lock.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// Another process holds the lock.
    Process(String),
    /// The file at this path cannot be locked: the operating system says why.
    NoLocks(PathBuf, io::Error),
    /// No other process holds the lock any more, this process does, or the operating system does not say.
    Unknown,
}

/// Returns what keeps SQLite from taking a lock on one of the databases that this process has opened:
/// SQLite's error does not say on which. If several processes are candidates, none is named.
pub(crate) fn obstacle() -> Obstacle {
    let mut candidates = Vec::new();
    for path in databases() {
        // In WAL mode each open connection has a lock on the file, which blocks nobody.
        let wanted = if is_wal(&path) { Wanted::Write } else { Wanted::Exclusive };
        match obstacle_of(&path, wanted) {
            Obstacle::Process(process) => candidates.push(process),
            found @ Obstacle::NoLocks(..) => return found,
            Obstacle::Unknown => {}
        }
    }
    match (candidates.pop(), candidates.pop()) {
        (Some(process), None) => Obstacle::Process(process),
        _ => Obstacle::Unknown,
    }
}

/// Returns what keeps SQLite from taking a lock on the database at a path.
pub(crate) fn obstacle_of(path: &Path, wanted: Wanted) -> Obstacle {
    match process(path, wanted) {
        Ok(Ok(Some(process))) => Obstacle::Process(described(process)),
        Ok(Err(cause)) => Obstacle::NoLocks(path.to_owned(), cause),
        Ok(Ok(None)) | Err(_) => Obstacle::Unknown,
    }
}

/// Returns an error unless files can be locked in the file system of a database. SQLite takes a file
/// without locks for one that another process has locked, and waits for it.
pub(crate) fn ensure_supported(database: &Path) -> io::Result<()> {
    // The caller reports a file that cannot be opened.
    process(database, Wanted::Write).unwrap_or(Ok(None)).map(drop)
}

fn described(process: i32) -> String {
    // Linux gives the program's name. Its arguments, which may hold secrets, are not read.
    let name = std::fs::read_to_string(format!("/proc/{process}/comm"));
    match name {
        Ok(name) => format!("{} (process {process})", name.trim_end()),
        Err(_) => format!("process {process}"),
    }
}

/// Whether the header of a database says that it is in WAL mode
/// (<https://sqlite.org/fileformat2.html#the_database_header>).
fn is_wal(path: &Path) -> bool {
    read_head(path, 20).is_ok_and(|head| head.ends_with(&[2, 2]))
}

/// Returns the process that holds the lock, if any; the outer error is that of opening the file, the
/// inner one that of asking for its locks.
#[cfg(unix)]
fn process(path: &Path, wanted: Wanted) -> io::Result<io::Result<Option<i32>>> {
    use rustix::process::FlockType::{ReadLock, WriteLock};
    use rustix::process::{Flock, FlockType, fcntl_getlk};

    use super::open_file::with_open_file;

    /// `WAL_WRITE_LOCK`, in the `-shm` file (<https://sqlite.org/walformat.html#wal_locks>).
    const IN_SHM: (u64, u64) = (120, 1);
    /// `WAL_READ_LOCK(0)` to `WAL_READ_LOCK(4)`, in the `-shm` file.
    const READS_IN_SHM: (u64, u64) = (123, 5);
    /// From the pending byte to the last of the shared ones, in the database
    /// (<https://sqlite.org/fileformat2.html#the_lock_byte_page>).
    const IN_FILE: (u64, u64) = (0x4000_0000, 512);

    let holder = |path: &Path, (start, length), kind: FlockType| {
        let lock = Flock { start, length, ..kind.into() };
        with_open_file(path, |file| Ok(fcntl_getlk(file, &lock).map_err(io::Error::from)))
    };
    let mut shm = path.as_os_str().to_owned();
    shm.push("-shm");
    let shm: &Path = shm.as_ref();
    // Only a writer is in the way of a lock for reading.
    let mut locks = match wanted {
        Wanted::Write => vec![(shm, IN_SHM, ReadLock), (path, IN_FILE, ReadLock)],
        Wanted::Exclusive => {
            vec![(shm, IN_SHM, ReadLock), (path, IN_FILE, ReadLock), (path, IN_FILE, WriteLock)]
        }
        Wanted::Log => vec![(shm, READS_IN_SHM, WriteLock)],
    };
    // Without this file nobody uses a log.
    if !shm.exists() {
        locks.retain(|(file, ..)| *file != shm);
    }
    for (path, range, kind) in locks {
        match holder(path, range, kind)? {
            Ok(found) => {
                if let Some(process) = found.and_then(|found| found.pid) {
                    return Ok(Ok(Some(process.as_raw_nonzero().get())));
                }
            }
            Err(cause) => return Ok(Err(cause)),
        }
    }
    Ok(Ok(None))
}

#[cfg(unix)]
fn databases() -> Vec<PathBuf> {
    super::open_file::databases()
}

/// Returns nothing: other systems do not say.
#[cfg(not(unix))]
fn process(_: &Path, _: Wanted) -> io::Result<io::Result<Option<i32>>> {
    Ok(Ok(None))
}

#[cfg(not(unix))]
fn databases() -> Vec<PathBuf> {
    Vec::new()
}
