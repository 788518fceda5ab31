//! Conditions that the source and the target must fulfil before a transfer.

use std::collections::BTreeMap;

use zenith_db::DbConnection;
use zenith_db::internal::catalog::row_counts;

use super::error::{Result, TransferError};
use super::report::TransferOptions;
use super::rows::{ALL, HISTORY};
use super::state::TransferState;

/// Refuses a source of which rows would be lost. Returns the tables that the options allow to skip, with
/// their number of rows.
pub(super) fn check_source(
    source: &mut DbConnection,
    options: &TransferOptions,
) -> Result<BTreeMap<String, i64>> {
    if TransferState::read(source)?.is_some() {
        return Err(TransferError::UnfinishedSource);
    }
    let skipped = other_tables(source)?;
    if !skipped.is_empty() && !options.leave_other_tables {
        let found = skipped.iter().map(|(table, rows)| counted(table, *rows));
        let found = found.collect::<Vec<_>>().join(", ");
        return Err(TransferError::OtherTables { found });
    }
    Ok(skipped)
}

/// Returns the tables with rows that are not in the schema, with their number of rows. If they were
/// skipped without a word, they would be missed too late.
fn other_tables(source: &mut DbConnection) -> Result<BTreeMap<String, i64>> {
    let known = |name: &str| name.starts_with("__") || ALL.iter().any(|table| table.name() == name);
    let counts = row_counts(source)?.into_iter();
    Ok(counts.filter(|(name, rows)| *rows > 0 && !known(name)).collect())
}

/// Refuses a target with rows, except for its history of migrations.
pub(super) fn ensure_empty(target: &mut DbConnection) -> Result<()> {
    let mut found = Vec::new();
    for table in ALL.iter().filter(|table| table.name() != HISTORY) {
        let rows = table.count(target)?;
        if rows > 0 {
            found.push(counted(table.name(), rows));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(TransferError::NotEmpty { found: found.join(", ") })
}

fn counted(table: &str, rows: i64) -> String {
    format!("{table} ({rows} {})", if rows == 1 { "row" } else { "rows" })
}
