//! The full integrity check, table by table so that its progress can be shown.

use super::outcome::CheckOutcome;
use crate::backend::{Backend, DbConnection};
use crate::catalog::{
    Integrity, IntegrityCheck, integrity, not_checked, table_integrity, table_names,
};
use crate::error::{Result, chain};

pub(super) const FULL_INTEGRITY: &str = "Full Integrity";

/// Progress of
/// [`DatabaseManager::deep_health_check`](crate::manager::DatabaseManager::deep_health_check).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegrityProgress {
    /// Name of the table that is being checked; `None` during the last step, which checks the pages
    /// of the whole file.
    pub table: Option<String>,
    /// Number of steps that have finished.
    pub done: usize,
    /// Number of steps: one per table, and one for the whole file.
    pub total: usize,
}

/// Checks everything that `PRAGMA integrity_check` checks.
///
/// The check of one table compares its rows with its indexes and constraints, but skips the
/// freelist, unused pages and pages that two tables claim. `quick_check` of the whole file finds
/// those.
pub(super) fn full_integrity(
    connection: &mut DbConnection,
    progress: &mut dyn FnMut(IntegrityProgress),
) -> Result<CheckOutcome> {
    if connection.backend() == Backend::Postgres {
        return Ok(CheckOutcome::Good(
            "skipped: PostgreSQL has no such check built in; `pg_amcheck --install-missing \
             --heapallindexed DATABASE` checks tables and indexes"
                .into(),
        ));
    }
    let tables = table_names(connection)?;
    let total = tables.len() + 1;
    let mut all = Integrity::default();
    for (done, table) in tables.iter().enumerate() {
        progress(IntegrityProgress { table: Some(table.clone()), done, total });
        // If one table cannot be read, the others are checked nevertheless.
        match table_integrity(connection, table) {
            Ok(found) => {
                all.faults.extend(found.faults);
                all.unchecked.extend(found.unchecked);
            }
            Err(error) => all.faults.push(format!("table {table}: {}", chain(&error))),
        }
    }
    progress(IntegrityProgress { table: None, done: tables.len(), total });
    let found = match integrity(connection, IntegrityCheck::Quick) {
        Ok(found) => found.faults,
        Err(error) => vec![format!("pages of the file: {}", chain(&error))],
    };
    for fault in found {
        // Both checks report a damaged page.
        if !all.faults.contains(&fault) {
            all.faults.push(fault);
        }
    }
    let checked = tables.len() - all.unchecked.len();
    Ok(outcome(&all, &format!("no damage found in {checked} tables and the pages of the file")))
}

/// Returns the outcome of a check, which is `good` if there is no damage.
pub(super) fn outcome(found: &Integrity, good: &str) -> CheckOutcome {
    let good = format!("{good}{}", not_checked(&found.unchecked));
    CheckOutcome::from_faults(&found.faults, good, "restore a backup: `zenith-db restore --latest`")
}
