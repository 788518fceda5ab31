//! Tables of the library, which migrations of an application must leave as they are.

use std::collections::BTreeSet;

use super::ledger::Ledger;
use super::structure::Structure;
use crate::backend::DbConnection;
use crate::error::{MigrationFault, Result};
use crate::types::MigrationOwner;

/// Differences between the library's tables and what its own migrations create. Indexes, triggers and references of
/// other tables are none.
pub(super) struct LibraryTables(BTreeSet<String>);

impl LibraryTables {
    /// Compares a database with the library's migrations of its ledger.
    pub(super) fn of(connection: &mut DbConnection, ledger: &Ledger) -> Result<Self> {
        let library = ledger.ran_of(MigrationOwner::Library);
        let expected = Structure::made_by(library, connection.backend())?;
        let found = Structure::of(connection)?;
        let tables = expected.tables();
        let lacks =
            expected.missing_from(&found).into_iter().map(|line| format!("{line} is missing"));
        let more = |kind: &str, ours: &BTreeSet<String>, theirs: &BTreeSet<String>, end: &str| {
            let of_ours =
                |line: &&String| line.split(end).next().is_some_and(|t| tables.contains(t));
            let lines = theirs.difference(ours).filter(of_ours);
            lines.map(|line| format!("{kind} {line} was added")).collect::<Vec<_>>()
        };
        let columns = more("column", &expected.columns, &found.columns, ".");
        let checks = more("check", &expected.checks, &found.checks, ": ");
        Ok(Self(lacks.chain(columns).chain(checks).collect()))
    }

    /// Refuses differences that did not exist before.
    ///
    /// # Errors
    /// [`MigrationFault::ChangesLibrary`].
    pub(super) fn ensure_as(&self, before: &Self) -> Result<()> {
        let new: Vec<&str> = self.0.difference(&before.0).map(String::as_str).collect();
        if new.is_empty() {
            return Ok(());
        }
        Err(MigrationFault::ChangesLibrary { changes: new.join("; ") }.into())
    }
}
