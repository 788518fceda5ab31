//! Content of the known tables in one of the two databases.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

use super::tally::Tally;
use crate::cell::Cell;
use crate::column_map::ColumnMap;
use crate::rules::Column;

/// Content of a known table in one of the two databases.
#[derive(Default)]
pub(super) struct Side {
    pub(super) read: u64,
    pub(super) copied: u64,
    /// Number of copied rows with a changed value.
    pub(super) changed_rows: u64,
    /// Digest of each column.
    pub(super) columns: Vec<Sha256>,
    /// Digest that the new column must have; `None` while it is that of the former one.
    pub(super) expected: Vec<Option<Sha256>>,
    /// Number of changed values in each column.
    pub(super) changed: Vec<u64>,
    /// Number of changed values for each column and reason.
    pub(super) changes: BTreeMap<(usize, &'static str), u64>,
}

/// Content of one of the two databases.
#[derive(Default)]
pub(super) struct Sides {
    pub(super) tables: HashMap<&'static str, Side>,
    /// Content of `legacy_values`.
    pub(super) overflow: Tally,
}

impl Side {
    /// Empty content of a table with this many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns: vec![Sha256::new(); columns],
            expected: vec![None; columns],
            changed: vec![0; columns],
            ..Self::default()
        }
    }

    /// Adds a former row, with the values that the new one must have.
    pub(super) fn add(&mut self, map: &ColumnMap, raw: &[Cell], new: &[Cell]) {
        let mut changed_row = false;
        let columns = self.columns.iter_mut().zip(&mut self.expected).zip(&mut self.changed);
        for ((index, new), ((digest, expected), changed)) in new.iter().enumerate().zip(columns) {
            let old = map.source(index, raw);
            let differs = old != new;
            if differs && expected.is_none() {
                *expected = Some(digest.clone());
            }
            old.digest(digest);
            if let Some(expected) = expected {
                new.digest(expected);
            }
            *changed += u64::from(differs);
            let derived = map.table.columns.get(index).is_some_and(Column::is_derived);
            changed_row |= differs && !derived;
        }
        self.changed_rows += u64::from(changed_row);
    }
}
