//! Options, progress and report of a transfer.

use std::collections::BTreeMap;

use serde::Serialize;
use zenith_db::manager::UnreadableTable;
use zenith_db::migrations::Migrations;

use super::digest::TableContents;

/// Options of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferOptions {
    /// Whether to resume an interrupted transfer, if the target holds part of one; `false` by default,
    /// and then such a target is refused. An empty target is accepted in both cases.
    pub resume: bool,
    /// Maximum number of rows in a batch, at least 1; 5,000 by default. A batch that reaches 8 MiB is
    /// committed earlier.
    pub batch_rows: usize,
    /// Whether to skip tables that are not part of the schema, such as those of an application or of an
    /// adopted database; `false` by default, and then a source with rows in such a table is refused.
    pub leave_other_tables: bool,
    /// Migrations that both databases must have, and no others; those of `zenith-db` by default.
    /// [`transfer`](crate::transfer) uses its manager's instead.
    pub migrations: Migrations,
}

impl Default for TransferOptions {
    fn default() -> Self {
        Self {
            resume: false,
            batch_rows: 5_000,
            leave_other_tables: false,
            migrations: Migrations::default(),
        }
    }
}

/// Phase of the transfer of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferPhase {
    /// Rows that an interrupted transfer has copied are compared with the source's.
    Comparing,
    /// Rows are copied. The progress counts rows that have been committed.
    Copying,
    /// Rows of the target are read again and compared.
    Proving,
}

/// Progress of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TransferProgress {
    /// Current phase.
    pub phase: TransferPhase,
    /// Name of the table.
    pub table: &'static str,
    /// Number of the table's rows that have been processed in this phase.
    pub rows: i64,
    /// Number of the table's rows in the source.
    pub of: i64,
}

/// Table that was transferred, with the row count and digest of the source and of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferredTable {
    /// Name of the table.
    pub table: &'static str,
    /// Row count and digest in the snapshot of the source.
    pub source: TableContents,
    /// Row count and digest in the target, read after everything was written.
    pub target: TableContents,
}

/// Report of a completed transfer, in which every table has been found equal on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferReport {
    /// Every table, sorted by name.
    pub tables: Vec<TransferredTable>,
    /// Number of rows of all tables.
    pub rows: i64,
    /// Tables that are not in the schema and were skipped, with their number of rows.
    pub left_behind: BTreeMap<String, i64>,
    /// Tables that are not in the schema, cannot be read, and were skipped.
    pub unreadable_tables: Vec<UnreadableTable>,
    /// Number of rows that an interrupted transfer had copied and that were found equal.
    pub resumed_rows: i64,
    /// Duration of the transfer, in milliseconds.
    pub milliseconds: u64,
}
