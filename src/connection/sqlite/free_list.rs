//! The list of free pages of a database (<https://sqlite.org/fileformat2.html#the_freelist>), which SQLite
//! reads only to take pages from it, or to check the whole file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable};

use super::header::{Header, big_endian, read_at};
use super::side_files::{self, beside};
use super::write_ahead_log::pages_in;
use crate::connection::pragma;
use crate::error::{Error, Result};
use crate::locks;

/// Runs `look` in a transaction, with the pages of the free list as the transaction sees it; with `None` if
/// the list cannot be read at that state: of a database in memory, and in an older snapshot of a
/// database with a write-ahead log. The transaction has written nothing.
///
/// # Errors
/// [`Error::Io`], [`Error::Query`], and the errors of `look`.
pub(crate) fn with_free_pages<T>(
    connection: &mut SqliteConnection,
    mut look: impl FnMut(&mut SqliteConnection, Option<&[u32]>) -> Result<T>,
) -> Result<T> {
    /// A transaction of another process rarely ends while the list is read, which takes milliseconds.
    const ATTEMPTS: usize = 50;

    let Some(path) = path_of(connection)? else { return look(connection, None) };
    // Others may have committed since a transaction that only reads began. One that may write keeps them off.
    let may_be_old = AnsiTransactionManager::transaction_manager_status_mut(connection)
        .transaction_depth()?
        .is_some()
        && pragma::read(connection, "query_only", "query_only")? == "1";
    let index = || LogIndex::of(&path).map_err(Error::io("read the index of the log of", &path));
    for _ in 0..ATTEMPTS {
        let before = index()?;
        if before == LogIndex::Unknown || (may_be_old && before != LogIndex::NoLog) {
            break;
        }
        let looked = connection.transaction(|connection| {
            // The first read takes SQLite's lock, and begins the snapshot.
            pragma::read(connection, "page_count", "page_count")?;
            let free = read(&path, before.frames());
            // Then the snapshot and the list are of the same state.
            if index()? != before || !before.is_settled() {
                return Ok(None);
            }
            let free = free.map_err(Error::io("read the free list of", &path))?;
            look(connection, Some(&free)).map(Some)
        });
        if let Some(looked) = looked? {
            return Ok(looked);
        }
    }
    look(connection, None)
}

/// Returns the pages of the free list of a file without a write-ahead log, which nobody writes.
///
/// # Errors
/// [`Error::Io`].
pub fn free_pages(path: &Path) -> Result<Vec<u32>> {
    read(path, 0).map_err(Error::io("read the free list of", path))
}

#[derive(QueryableByName)]
struct FileName {
    #[diesel(sql_type = Nullable<Binary>)]
    name: Option<Vec<u8>>,
}

/// Returns the path of the file that a connection has opened; `None` for a database in memory.
pub(super) fn path_of(connection: &mut SqliteConnection) -> Result<Option<PathBuf>> {
    let query =
        "SELECT CAST(file AS BLOB) AS name FROM temp.pragma_database_list WHERE name = 'main'";
    let FileName { name } = diesel::sql_query(query).get_result(connection)?;
    Ok(name.filter(|name| !name.is_empty()).map(path_from))
}

#[cfg(unix)]
fn path_from(name: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;

    std::ffi::OsString::from_vec(name).into()
}

/// SQLite has names in UTF-8 there.
#[cfg(not(unix))]
fn path_from(name: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&name).into_owned().into()
}

/// What the index of a write-ahead log says (<https://sqlite.org/walformat.html#the_wal_index_header>).
/// A new snapshot has the frames that it counts, to which the log itself may have more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LogIndex {
    NoLog,
    /// Two copies of the header, which differ while SQLite writes them.
    Header([[u8; 48]; 2]),
    /// The log belongs to a process that keeps its index in memory.
    Unknown,
}

impl LogIndex {
    pub(super) fn of(database: &Path) -> io::Result<Self> {
        if !Header::read(database)?.is_wal {
            return Ok(Self::NoLog);
        }
        let index = match locks::read_head(&beside(database, "-shm"), 96) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
            index => index?,
        };
        let (copies, _) = index.as_chunks();
        if let Some(copies) = copies.first_chunk() {
            return Ok(Self::Header(*copies));
        }
        let has_log = std::fs::metadata(beside(database, "-wal")).is_ok_and(|log| log.len() > 0);
        Ok(if has_log { Self::Unknown } else { Self::NoLog })
    }

    fn is_settled(&self) -> bool {
        !matches!(self, Self::Header([one, other]) if one != other)
    }

    /// Number of frames of committed transactions.
    fn frames(&self) -> u32 {
        match self {
            // In the byte order of the machine.
            Self::Header([header, _]) => match header.get(16..20).and_then(<[u8]>::first_chunk) {
                Some(frames) => u32::from_ne_bytes(*frames),
                None => 0,
            },
            Self::NoLog | Self::Unknown => 0,
        }
    }
}

fn read(database: &Path, frames: u32) -> io::Result<Vec<u32>> {
    let log = match side_files::open(&beside(database, "-wal")) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        _ if frames == 0 => None,
        log => {
            let log = log?;
            let pages = pages_in(&log, frames)?;
            Some((log, pages))
        }
    };
    locks::with_open_file(database, |file| {
        let size = match read_at(file, 16, 2)?.as_slice() {
            [0, 1] => 65536,
            [high, low] => usize::from(u16::from_be_bytes([*high, *low])),
            _ => return Ok(Vec::new()),
        };
        Pages { file, log, size }.free()
    })
}

/// The pages of a database.
struct Pages<'a> {
    file: &'a File,
    /// The log, and where it has pages.
    log: Option<(File, BTreeMap<u32, u64>)>,
    size: usize,
}

impl Pages<'_> {
    /// Returns the pages of the free list, in its order. A page that repeats ends the list.
    fn free(&self) -> io::Result<Vec<u32>> {
        let head = self.read(1)?;
        let reserved = head.get(20).copied().map_or(0, usize::from);
        let most_leaves = (self.size.saturating_sub(reserved) / 4).saturating_sub(2);
        let most = self.file.metadata()?.len() / self.size.max(1) as u64
            + self.log.as_ref().map_or(0, |(_, pages)| pages.len() as u64);
        let (mut free, mut trunks) = (Vec::new(), BTreeSet::new());
        let mut next = big_endian(&head, 32).unwrap_or(0);
        while next != 0 && free.len() as u64 <= most {
            free.push(next);
            if !trunks.insert(next) {
                break;
            }
            let trunk = self.read(next)?;
            let leaves = big_endian(&trunk, 4).unwrap_or(0) as usize;
            if leaves <= most_leaves {
                free.extend((0..leaves).filter_map(|leaf| big_endian(&trunk, 8 + 4 * leaf)));
            }
            next = big_endian(&trunk, 0).unwrap_or(0);
        }
        Ok(free)
    }

    /// Reads a page, of which nothing is left after the end of the file.
    fn read(&self, page: u32) -> io::Result<Vec<u8>> {
        if let Some((log, pages)) = &self.log
            && let Some(offset) = pages.get(&page)
        {
            return read_at(log, *offset, self.size);
        }
        read_at(self.file, (u64::from(page) - 1) * self.size as u64, self.size)
    }
}
