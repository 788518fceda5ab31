//! Digest of a table's rows that can be compared between databases.
//!
//! The migrations' data loss guard (`src/migrations/data_loss_guard/digest.rs`) and the importer
//! (`crates/import/src/verify/`) have digests of their own. This one must be equal on both backends and
//! in reports that are kept, so it hashes a defined encoding of each row. The guard's is per column,
//! because migrations drop and rename columns, and PostgreSQL computes it without sending the rows. The
//! importer's compares values before and after a conversion of types.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use zenith_db::internal::config::counted;

/// Digest of rows that does not depend on their order: the sums, modulo 2^128, of the first and of the
/// second halves of each row's SHA-256, shown as 64 hexadecimal digits.
///
/// A row of a table of the schema is hashed as the values of its columns in the order of `schema.rs`. Integers are big-endian,
/// of 4 or 8 bytes by their type. A boolean is one byte. A `DOUBLE PRECISION` is the 8 bytes of IEEE
/// 754, with -0.0 as 0.0 (SQLite does not distinguish them). A text is its length in 8 bytes and its
/// UTF-8. A time is the microseconds since 1970 in 8 bytes. A nullable column begins with a byte that is
/// 0 for NULL. `schema_version.checksum` is left out: each backend has its own migrations.
///
/// A row of a table of the application is hashed in the order of the names that `Structure::columns` has, each column with
/// the byte for NULL. A `DOUBLE PRECISION` is hashed as above, and every other value as a text: an integer in decimal
/// digits, a boolean as `t` or `f`, a time as `2026-01-02 03:04:05.000006`, and bytes as lower-case hexadecimal digits.
///
/// The digest detects accidental differences. It does not protect against rows that are forged so that
/// the sums agree.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ContentDigest {
    first: u128,
    second: u128,
}

impl ContentDigest {
    /// Adds an encoded row.
    fn add(&mut self, row: &[u8]) {
        let hash: [u8; 32] = Sha256::digest(row).into();
        let half = |at: usize| {
            let bytes = hash.iter().skip(at).take(16);
            bytes.fold(0_u128, |number, byte| (number << 8) | u128::from(*byte))
        };
        self.first = self.first.wrapping_add(half(0));
        self.second = self.second.wrapping_add(half(16));
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}{:032x}", self.first, self.second)
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentDigest({self})")
    }
}

impl Serialize for ContentDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Number of a table's rows, and their digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableContents {
    /// Number of rows.
    pub rows: i64,
    /// Digest of the rows.
    pub digest: ContentDigest,
}

impl TableContents {
    /// Adds an encoded row.
    pub(super) fn add(&mut self, row: &[u8]) {
        self.rows += 1;
        self.digest.add(row);
    }
}

impl fmt::Display for TableContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", counted(self.rows, "row", "rows"), self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(rows: &[&str]) -> TableContents {
        let mut contents = TableContents::default();
        for row in rows {
            contents.add(row.as_bytes());
        }
        contents
    }

    #[test]
    fn the_order_does_not_matter_and_everything_else_does() {
        assert_eq!(contents(&["a", "b"]), contents(&["b", "a"]));
        for other in [&["a"][..], &["a", "b", "b"], &["a", "c"], &["ab", ""], &["a", "a"]] {
            assert_ne!(contents(&["a", "b"]).digest, contents(other).digest, "{other:?}");
        }
    }

    #[test]
    fn one_row_is_its_hash() {
        assert_eq!(contents(&[]).digest.to_string(), "0".repeat(64));
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(contents(&[""]).digest.to_string(), empty);
    }
}
