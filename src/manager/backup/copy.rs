//! Outcome of copying a database.

use serde::Serialize;

/// How exactly a backup was compared with its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// Nothing was written during the copy: every table has as many rows as in the source.
    ExactRowCounts,
    /// The database was written during the copy: the copy has all tables and is consistent in
    /// itself.
    SameTables,
}

/// Number of copied rows, and how exactly they were compared.
pub(super) struct CopyOutcome {
    pub(super) rows: i64,
    pub(super) fidelity: Fidelity,
}
