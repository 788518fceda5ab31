//! What a transfer is told, and what it tells.

use std::collections::BTreeMap;

use serde::Serialize;
use zenith_db::migrations::{EmbeddedMigration, all};

use super::digest::TableContents;

/// How a transfer is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferOptions {
    /// Whether to go on with what a stopped transfer left in the target. Without it, such a target is
    /// refused. An empty one is begun with either way.
    pub resume: bool,
    /// How many rows are committed together, at the most; 5,000 by default, and at least 1. A batch
    /// that holds 8 MiB is committed sooner.
    pub batch_rows: usize,
    /// Whether to leave behind the tables that are not of the schema, such as those that an adopted
    /// database carries along. Without it, a source with rows in such a table is refused.
    pub leave_other_tables: bool,
    /// The migrations that both databases must have, and no others: those of the crate by default.
    /// [`transfer`](crate::transfer) takes its manager's.
    pub migrations: &'static [EmbeddedMigration],
}

impl Default for TransferOptions {
    fn default() -> Self {
        Self { resume: false, batch_rows: 5_000, leave_other_tables: false, migrations: all() }
    }
}

/// What a transfer is doing with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferPhase {
    /// Rows that a stopped transfer left in the target are compared with the source's.
    Comparing,
    /// Rows are copied; those that are counted have been committed.
    Copying,
    /// The target's rows are read again.
    Proving,
}

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TransferProgress {
    /// What is being done.
    pub phase: TransferPhase,
    /// The table.
    pub table: &'static str,
    /// How many of its rows are done.
    pub rows: i64,
    /// How many it has in the source.
    pub of: i64,
}

/// A table that was moved, as it is on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferredTable {
    /// Its name.
    pub table: &'static str,
    /// In the snapshot of the source.
    pub source: TableContents,
    /// In the target, read after everything was written.
    pub target: TableContents,
}

/// A transfer that was done and proven: on both sides every table has the same rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferReport {
    /// Every table, by name.
    pub tables: Vec<TransferredTable>,
    /// The rows of all of them.
    pub rows: i64,
    /// The tables that are not of the schema and were left behind, with their rows.
    pub left_behind: BTreeMap<String, i64>,
    /// How many of them a stopped transfer had copied already, and were found equal.
    pub resumed_rows: i64,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}
