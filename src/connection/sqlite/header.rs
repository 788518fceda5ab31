//! Reading the headers of SQLite's files.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use crate::locks;

/// First bytes of every SQLite database (<https://sqlite.org/fileformat2.html#magic_header_string>).
pub(crate) const MAGIC: &[u8] = b"SQLite format 3\0";

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

/// Returns the size that the header of an SQLite database gives; `None` if it gives none, or the file is none.
///
/// # Errors
/// The error of reading the file.
pub fn size_by_header(file: &File) -> io::Result<Option<u64>> {
    let head = read_at(file, 0, 100)?;
    let number = |offset| big_endian(&head, offset);
    // 1 stands for 65,536.
    let page = head.get(16..18).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes);
    let page = page.map(|size| if size == 1 { 65_536 } else { u64::from(size) });
    // The count holds if it was written with the last change.
    let is_database = head.starts_with(MAGIC) && number(24) == number(92);
    let count = number(28).filter(|count| is_database && *count > 0);
    Ok(page.zip(count).map(|(page, count)| page * u64::from(count)))
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
