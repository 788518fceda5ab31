//! State of an adoption that the conversion of a row depends on.

use std::collections::{BTreeMap, HashSet};

use zenith_db::types::UtcTime;

/// Keys of rows of known tables.
type Ids = BTreeMap<&'static str, HashSet<i64>>;

/// State of an adoption that the conversion of a row depends on.
#[derive(Debug)]
pub(super) struct ConversionContext {
    /// Time of the adoption.
    pub(super) now: UtcTime,
    /// Keys of the copied rows of each table in `TRACKED`. A table without an entry has not been
    /// copied yet.
    pub(super) copied: Ids,
    /// Keys of the rows that break a rule, for each table that has been copied.
    pub(super) rejected: Ids,
    /// Keys of the messages whose parent message does not exist. Empty until all rows are copied.
    pub(super) without_parent: HashSet<i64>,
}

impl ConversionContext {
    /// Context before the first table is copied.
    pub(super) fn new() -> Self {
        Self {
            now: UtcTime::now(),
            copied: Ids::new(),
            rejected: Ids::new(),
            without_parent: HashSet::new(),
        }
    }
}
