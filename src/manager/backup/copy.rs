//! Outcome of copying a database.

use serde::Serialize;

use crate::catalog::UnreadableTable;

/// What the comparison of a backup with its database has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// Nothing was written to the database during the copy, and each table of the copy has as many rows as
    /// the table of the database.
    ExactRowCounts,
    /// The database was written during the copy, and the copy has all tables and is consistent.
    SameTables,
}

/// Number of copied rows, how exactly they were compared, and the tables that could not be.
pub(super) struct CopyOutcome {
    pub(super) rows: i64,
    pub(super) fidelity: Fidelity,
    pub(super) unchecked: Vec<UnreadableTable>,
}
