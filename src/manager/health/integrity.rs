//! The full integrity check, table by table so that its progress can be shown.

use super::outcome::CheckOutcome;
use crate::backend::{Backend, DbConnection};
use crate::catalog::{IntegrityCheck, integrity_faults, table_integrity_faults, table_names};
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
    let mut faults = Vec::new();
    for (done, table) in tables.iter().enumerate() {
        progress(IntegrityProgress { table: Some(table.clone()), done, total });
        // If one table cannot be read, the others are checked nevertheless.
        let found = table_integrity_faults(connection, table)
            .unwrap_or_else(|error| vec![format!("table {table}: {}", chain(&error))]);
        faults.extend(found);
    }
    progress(IntegrityProgress { table: None, done: tables.len(), total });
    let found = integrity_faults(connection, IntegrityCheck::Quick)
        .unwrap_or_else(|error| vec![format!("pages of the file: {}", chain(&error))]);
    for fault in found {
        // Both checks report a damaged page.
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    let good = format!("no damage found in {} tables and the pages of the file", tables.len());
    Ok(CheckOutcome::from_faults(&faults, good, "restore a backup"))
}
