//! What a rollback journal says about its database
//! (<https://sqlite.org/fileformat2.html#the_rollback_journal>).

use std::fs::File;
use std::io;

use super::header::{Header, big_endian, read_at};

const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// A rollback journal that SQLite would roll back.
#[derive(PartialEq, Eq)]
pub(super) struct RollbackJournal {
    /// Random number that the writer chose.
    nonce: u32,
    /// Number of pages that the database had.
    pages: u32,
    /// Change counter of the database before the transaction, if the journal has page 1.
    changes: Option<u32>,
    /// Whether it names a super-journal, which SQLite would delete. SQLite writes one for a
    /// transaction in several files, and this program never makes one.
    pub(super) names_super_journal: bool,
}

impl RollbackJournal {
    /// Reads a journal; `None` if SQLite would ignore it, because its header is empty.
    pub(super) fn read(file: &File) -> io::Result<Option<Self>> {
        let head = read_at(file, 0, 28)?;
        let length = file.metadata()?.len();
        // The name of the super-journal is at the end, whatever the beginning says.
        let tail = read_at(file, length.saturating_sub(16), 16)?;
        let names_super_journal = tail.get(8..) == Some(&MAGIC) && big_endian(&tail, 0) != Some(0);
        let starts = head.get(..8) == Some(&MAGIC);
        if !starts && !names_super_journal {
            return Ok(None);
        }
        let changes = if starts { page_one_changes(file, length)? } else { None };
        let field = |offset| big_endian(&head, offset).unwrap_or_default();
        Ok(Some(Self { nonce: field(12), pages: field(16), changes, names_super_journal }))
    }

    pub(super) const fn is_of_empty_database(&self) -> bool {
        self.pages == 0
    }

    /// Whether the journal may be the one of this database. A transaction increments the change counter
    /// once, so that the journal's is the present or the previous one.
    pub(super) fn may_belong_to(&self, header: Header) -> bool {
        if header.is_empty {
            return self.is_of_empty_database();
        }
        let is_own = |counter: u32| header.changes.wrapping_sub(counter) <= 1;
        self.changes.is_none_or(is_own)
    }
}

/// Returns the change counter in the journal's copy of page 1. A journal consists of segments, each
/// with a header and a number of records.
fn page_one_changes(file: &File, length: u64) -> io::Result<Option<u32>> {
    let mut offset = 0;
    loop {
        let head = read_at(file, offset, 28)?;
        let field = |offset| big_endian(&head, offset).unwrap_or_default();
        let (records, nonce, sector, page_size) = (field(8), field(12), field(20), field(24));
        if !head.starts_with(&MAGIC)
            || !page_size.is_power_of_two()
            || !(512..=65536).contains(&page_size)
            || !(28..=65536).contains(&sector)
        {
            return Ok(None);
        }
        let sector = u64::from(sector);
        offset += sector;
        // Number of the page, its contents and their checksum.
        let record = u64::from(page_size) + 8;
        let rest = length.saturating_sub(offset) / record;
        // The number of records is written last, when they are synchronised.
        let records = if records == 0 { rest } else { rest.min(records.into()) };
        for index in 0..records {
            let start = offset + index * record;
            if big_endian(&read_at(file, start, 4)?, 0) != Some(1) {
                continue;
            }
            let page = read_at(file, start + 4, page_size as usize)?;
            let sum = big_endian(&read_at(file, start + 4 + u64::from(page_size), 4)?, 0);
            if sum == Some(checksum(nonce, &page)) {
                return Ok(big_endian(&page, 24));
            }
        }
        offset = (offset + records * record).next_multiple_of(sector);
    }
}

/// SQLite's checksum of a record: the sum of every 200th byte, from the end.
fn checksum(nonce: u32, page: &[u8]) -> u32 {
    let bytes = page.iter().rev().skip(199).step_by(200);
    bytes.fold(nonce, |sum, byte| sum.wrapping_add(u32::from(*byte)))
}
