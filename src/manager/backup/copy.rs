//! The outcome of copying a database.

use serde::Serialize;

/// What the rows of the copy were compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// Nobody wrote meanwhile: every table has exactly the rows of the source.
    ExactRowCounts,
    /// Others wrote meanwhile: every table is there, and the copy is whole in itself.
    SameTables,
}

/// What was copied.
pub(super) struct CopyOutcome {
    pub(super) rows: i64,
    pub(super) fidelity: Fidelity,
}
