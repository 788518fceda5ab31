//! Conditions that the source and the target must fulfil before a transfer.

use std::collections::BTreeMap;

use zenith_db::DbConnection;
use zenith_db::internal::catalog::{RowCounts, row_counts};
use zenith_db::internal::config::counted;
use zenith_db::manager::UnreadableTable;

use super::error::{Result, TransferError};
use super::own::{self, OwnTable};
use super::report::TransferOptions;
use super::rows::{ALL, HISTORY};
use super::state::TransferState;
use super::table::TransferTable;

/// Tables of the source that are neither in the schema nor of the application, or cannot be transferred. They are reported: if they were skipped silently, they
/// would be missed too late.
#[derive(Debug, Default)]
pub(super) struct OtherTables {
    /// Tables with rows, with their number of rows.
    pub(super) counted: BTreeMap<String, i64>,
    /// Tables that cannot be read.
    pub(super) unreadable: Vec<UnreadableTable>,
}

/// Refuses a source whose rows would be lost. Returns the tables that the options allow to skip.
pub(super) fn check_source(
    source: &mut DbConnection,
    options: &TransferOptions,
) -> Result<OtherTables> {
    if TransferState::read(source)?.is_some() {
        return Err(TransferError::UnfinishedSource);
    }
    let own = own::all(source, options.migrations)?;
    let OtherTables { counted: with_rows, unreadable } = other_tables(source, &own)?;
    let found: Vec<String> = with_rows
        .iter()
        .map(|(table, rows)| with_rows_of(table, *rows))
        .chain(unreadable.iter().map(UnreadableTable::to_string))
        .collect();
    if !found.is_empty() && !options.leave_other_tables {
        return Err(TransferError::OtherTables { found: found.join(", ") });
    }
    Ok(OtherTables { counted: with_rows, unreadable })
}

fn other_tables(source: &mut DbConnection, own: &[OwnTable]) -> Result<OtherTables> {
    let known = |name: &str| {
        name.starts_with("__")
            || ALL.iter().any(|table| table.name() == name)
            || own.iter().any(|table| table.name() == name)
    };
    let RowCounts { counted, unreadable } = row_counts(source)?;
    let counted = counted.into_iter().filter(|(name, rows)| *rows > 0 && !known(name)).collect();
    Ok(OtherTables { counted, unreadable })
}

/// Refuses a source of which a table of the schema could not be checked for damage.
pub(super) fn ensure_checked(
    unchecked: &[UnreadableTable],
    tables: &[&dyn TransferTable],
) -> Result<()> {
    let ours = |table: &&UnreadableTable| tables.iter().any(|known| known.name() == table.name);
    let tables: Vec<String> =
        unchecked.iter().filter(ours).map(UnreadableTable::to_string).collect();
    if tables.is_empty() {
        return Ok(());
    }
    Err(TransferError::Unchecked { tables: tables.join(", ") })
}

/// Refuses a target with rows, except for its history of migrations.
pub(super) fn ensure_empty(target: &mut DbConnection, tables: &[&dyn TransferTable]) -> Result<()> {
    let mut found = Vec::new();
    for table in tables.iter().filter(|table| table.name() != HISTORY) {
        let rows = table.count(target)?;
        if rows > 0 {
            found.push(with_rows_of(table.name(), rows));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(TransferError::NotEmpty { found: found.join(", ") })
}

fn with_rows_of(table: &str, rows: i64) -> String {
    format!("{table} ({})", counted(rows, "row", "rows"))
}
