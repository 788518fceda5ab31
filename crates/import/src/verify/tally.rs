//! Digest of rows in any order.

use sha2::{Digest, Sha256};

use crate::cell::Cell;

/// Number of rows, and the sum, modulo 2^128, of the first halves of their SHA-256 digests. The
/// transfer's `ContentDigest` cannot be used here: it encodes values by the column types of
/// `schema.rs`, but unknown tables have no such types and any value in any column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) sum: u128,
}

impl Tally {
    /// Adds a row.
    pub(super) fn add(&mut self, cells: &[Cell]) {
        let mut digest = Sha256::new();
        for cell in cells {
            cell.digest(&mut digest);
        }
        let bytes: [u8; 32] = digest.finalize().into();
        let (low, _) = bytes.split_at(16);
        let low = low.try_into().map(u128::from_be_bytes).unwrap_or_default();
        self.sum = self.sum.wrapping_add(low);
        self.rows += 1;
    }
}
