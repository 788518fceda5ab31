//! What a write-ahead log says about its database (<https://sqlite.org/fileformat2.html#walformat>).

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;

use super::header::{Header, big_endian, read_at};

/// A write-ahead log with frames.
#[derive(PartialEq, Eq)]
pub(super) struct WriteAheadLog {
    /// Random numbers that SQLite changes whenever it begins the log anew.
    salts: [u8; 8],
    /// Change counters in the first and the last frame with page 1.
    changes: Option<(u32, u32)>,
}

const FRAME_HEADER: usize = 24;

impl WriteAheadLog {
    /// Reads a log; `None` if it has no frame that SQLite would read. Without `verify`, the checksums
    /// are not compared, so that frames count that a power failure left half written.
    pub(super) fn read(file: &File, verify: bool) -> io::Result<Option<Self>> {
        let head = read_at(file, 0, 32)?;
        let Some(format) = Format::of(&head) else { return Ok(None) };
        let mut sum = Sum::default();
        let (mut changes, mut offset, mut has_frame) = (None, head.len() as u64, false);
        if verify && !sum.add(&head, 0..24, &format).matches(&head, 24) {
            return Ok(None);
        }
        // The number of the page, the salts and, on page 1, the change counter.
        let length = if verify { FRAME_HEADER + format.page_size } else { FRAME_HEADER + 28 };
        loop {
            let frame = read_at(file, offset, length)?;
            // Frames after the end are from before the log was begun anew.
            if frame.get(8..16) != Some(&format.salts) || frame.len() < length {
                break;
            }
            if verify {
                sum.add(&frame, 0..8, &format).add(&frame, FRAME_HEADER..length, &format);
                if !sum.matches(&frame, 16) {
                    break;
                }
            }
            has_frame = true;
            if let (Some(1), Some(counter)) =
                (big_endian(&frame, 0), big_endian(&frame, FRAME_HEADER + 24))
            {
                let (first, last) = changes.unwrap_or((counter, counter));
                changes = Some((first, last.max(counter)));
            }
            offset += (FRAME_HEADER + format.page_size) as u64;
        }
        Ok(has_frame.then_some(Self { salts: format.salts, changes }))
    }

    /// Whether the log may be the one of this database.
    ///
    /// A database gets its first page, which says that it is in WAL mode, before its first log. A
    /// transaction that writes page 1 increments the change counter by at most one, and a checkpoint
    /// copies it: the database has a counter of the log, or the one before the first.
    pub(super) fn may_belong_to(&self, header: Header) -> bool {
        if header.is_empty || !header.is_wal {
            return false;
        }
        self.changes
            .is_none_or(|(first, last)| (first.saturating_sub(1)..=last).contains(&header.changes))
    }
}

/// Returns where the first `frames` frames of a log have the latest contents of each page.
pub(super) fn pages_in(file: &File, frames: u32) -> io::Result<BTreeMap<u32, u64>> {
    let head = read_at(file, 0, 32)?;
    let Some(format) = Format::of(&head) else { return Ok(BTreeMap::new()) };
    let mut pages = BTreeMap::new();
    let mut offset = head.len() as u64;
    for _ in 0..frames {
        let Some(page) = big_endian(&read_at(file, offset, 4)?, 0) else { break };
        pages.insert(page, offset + FRAME_HEADER as u64);
        offset += (FRAME_HEADER + format.page_size) as u64;
    }
    Ok(pages)
}

/// What the header of a log says about its frames.
struct Format {
    page_size: usize,
    salts: [u8; 8],
    /// Whether checksums are sums of big-endian words.
    is_big_endian: bool,
}

impl Format {
    fn of(head: &[u8]) -> Option<Self> {
        let magic = big_endian(head, 0)?;
        let page_size = usize::try_from(big_endian(head, 8)?).ok()?;
        let salts = *head.get(16..)?.first_chunk()?;
        let is_log = magic & !1 == 0x377f_0682 && head.len() == 32;
        (is_log && page_size.is_power_of_two() && (512..=65536).contains(&page_size))
            .then_some(Self { page_size, salts, is_big_endian: magic & 1 == 1 })
    }
}

/// Checksum of a log up to a frame.
#[derive(Default)]
struct Sum(u32, u32);

impl Sum {
    fn add(&mut self, bytes: &[u8], range: Range<usize>, format: &Format) -> &mut Self {
        let read = if format.is_big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        let (words, _) = bytes.get(range).unwrap_or_default().as_chunks::<4>();
        let (pairs, _) = words.as_chunks::<2>();
        for &[first, second] in pairs {
            self.0 = self.0.wrapping_add(read(first)).wrapping_add(self.1);
            self.1 = self.1.wrapping_add(read(second)).wrapping_add(self.0);
        }
        self
    }

    /// Whether the bytes have this checksum at an offset.
    fn matches(&self, bytes: &[u8], offset: usize) -> bool {
        big_endian(bytes, offset) == Some(self.0) && big_endian(bytes, offset + 4) == Some(self.1)
    }
}
