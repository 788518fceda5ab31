//! Outcome of copying a database.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalog::{RowCounts, UnreadableTable};

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

/// What is beside each table in a list of differences between a database and its copy.
pub(super) const COMPARED: [&str; 2] = ["rows in the database", "rows in the copy"];

/// Row count of each table, how exactly they were compared, and what the copy does not prove or does not have.
pub(in crate::manager) struct CopyOutcome {
    pub(super) tables: BTreeMap<String, i64>,
    pub(super) fidelity: Fidelity,
    pub(super) unchecked: Vec<UnreadableTable>,
    /// What the tables depend on, and the copy lacks.
    pub(super) needs: Vec<String>,
}

impl CopyOutcome {
    /// Returns the outcome of a copy that nobody could write meanwhile.
    pub(in crate::manager) fn exact(rows: RowCounts, unchecked: Vec<UnreadableTable>) -> Self {
        Self::of(rows, unchecked, Fidelity::ExactRowCounts)
    }

    /// Returns the outcome of a copy with these rows, of which some tables were not checked for damage.
    pub(super) fn of(
        rows: RowCounts,
        mut unchecked: Vec<UnreadableTable>,
        fidelity: Fidelity,
    ) -> Self {
        for table in rows.unreadable {
            if !unchecked.iter().any(|other| other.name == table.name) {
                unchecked.push(table);
            }
        }
        let tables = rows.counted.into_iter().collect();
        Self { tables, fidelity, unchecked, needs: Vec::new() }
    }
}
