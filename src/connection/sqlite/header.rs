//! Reading the headers of SQLite's files.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use crate::locks;

/// Returns the number of names (hard links) of a file.
#[cfg(unix)]
pub(super) fn links(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

/// Returns 1: on other systems the number is not known.
#[cfg(not(unix))]
pub(super) fn links(_: &Metadata) -> u64 {
    1
}

/// Fields of the header of a database file
/// (<https://sqlite.org/fileformat2.html#the_database_header>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// Whether the file has no header: it is empty, or its first bytes were never written.
    pub(super) is_empty: bool,
    /// Whether the database is in WAL mode.
    pub(super) is_wal: bool,
    /// File change counter.
    pub(super) changes: u32,
}

impl Header {
    pub(super) fn read(database: &Path) -> io::Result<Self> {
        let head = locks::read_head(database, 100)?;
        Ok(Self::parse(&head).unwrap_or(Self { is_empty: true, ..Self::default() }))
    }

    /// Returns the fields in the first bytes of page 1.
    fn parse(page: &[u8]) -> Option<Self> {
        if page.iter().all(|byte| *byte == 0) {
            return None;
        }
        let is_wal = *page.get(18)? == 2;
        Some(Self { is_empty: false, is_wal, changes: big_endian(page, 24)? })
    }
}

/// Returns the four-byte number at an offset.
pub(super) fn big_endian(bytes: &[u8], offset: usize) -> Option<u32> {
    let number = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_be_bytes(*number))
}

/// Reads up to `length` bytes at an offset; fewer at the end of the file.
#[cfg(unix)]
pub(super) fn read_at(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match std::os::unix::fs::FileExt::read_at(file, rest, offset + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Reads up to `length` bytes at an offset; fewer at the end of the file.
#[cfg(not(unix))]
pub(super) fn read_at(mut file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};

    let mut bytes = Vec::with_capacity(length);
    file.seek(SeekFrom::Start(offset))?;
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
