//! Copy of the rows of the unknown tables.

use std::path::Path;

use rusqlite::Connection;
use zenith_db::internal::catalog::{column_list, literal, quoted};

use super::orphans;
use super::preserved::{PreservedTable, UnknownTables, cannot_preserve};
use super::row_key::RowKey;
use crate::error::{AdoptionError, Result};
use crate::guarded::{Budget, fault, message, open_to_fill};
use crate::legacy_db::LegacyDb;
use crate::report::RejectedRow;
use crate::tables::TABLES;

/// Copies the rows, continues the sequences of all tables, and deletes the rows whose references lead
/// to no row. Returns those. Nobody else has the new database open.
pub(crate) fn copy_rows(
    target: &Path,
    legacy: &LegacyDb<'_>,
    unknown: &UnknownTables,
) -> Result<Vec<RejectedRow>> {
    let budget = Budget::for_file(legacy.copy)?;
    let has_sequences = legacy.objects.iter().any(|object| object.name == "sqlite_sequence");
    let (target, copy, unknown) = (target.to_owned(), legacy.copy.to_owned(), unknown.clone());
    budget.run("the copy of its own tables", move || {
        let connection = open_to_fill(&target, Some(&copy), Some(budget))?;
        let failed = |cause| fault("its own tables", Some(budget), cause);
        // The rows are copied unchanged, even if they violate CHECK constraints of their own table.
        connection.execute_batch("BEGIN").map_err(failed)?;
        for table in &unknown.tables {
            copy_table(&connection, table).map_err(|cause| explain(table, budget, cause))?;
        }
        if has_sequences {
            let known = TABLES.iter().map(|table| (table.name, table.name));
            let preserved =
                unknown.tables.iter().map(|table| (table.from.as_str(), table.to.as_str()));
            for (from, to) in known.chain(preserved) {
                continue_sequence(&connection, from, to).map_err(failed)?;
            }
        }
        let rejected = orphans::delete_dangling_rows(&connection, &unknown, budget)?;
        connection.execute_batch("COMMIT").map_err(failed)?;
        connection.close().map_err(|(_, cause)| failed(cause))?;
        Ok(rejected)
    })
}

fn copy_table(connection: &Connection, table: &PreservedTable) -> rusqlite::Result<()> {
    let mut list = column_list(&table.columns);
    // A row that is identified by its rowid must have the same one in both databases.
    if let RowKey::Number(number) = table.key {
        list = format!("{number}, {list}");
    }
    let insert = format!(
        "INSERT INTO main.{} ({list}) SELECT {list} FROM legacy.{}",
        quoted(&table.to),
        quoted(&table.from)
    );
    connection.execute(&insert, []).map(drop)
}

/// Says what stopped the copy of a table: a limit, or the table itself.
fn explain(table: &PreservedTable, budget: Budget, cause: rusqlite::Error) -> AdoptionError {
    let words = message(&cause);
    match fault(&format!("the table {}", table.from), Some(budget), cause) {
        AdoptionError::Former { .. } => cannot_preserve(&table.from, &words),
        limit => limit,
    }
}

/// Continues an `AUTOINCREMENT` sequence, so that no key is used a second time.
fn continue_sequence(connection: &Connection, from: &str, to: &str) -> rusqlite::Result<()> {
    let (from, to) = (format!("{} COLLATE NOCASE", literal(from)), literal(to));
    connection.execute_batch(&format!(
        "UPDATE main.sqlite_sequence SET seq = max(seq, coalesce(
             (SELECT max(CAST(seq AS INTEGER)) FROM legacy.sqlite_sequence WHERE name = {from}), 0))
         WHERE name = {to};
         INSERT INTO main.sqlite_sequence (name, seq)
         SELECT {to}, max(CAST(seq AS INTEGER)) FROM legacy.sqlite_sequence WHERE name = {from}
             AND NOT EXISTS (SELECT 1 FROM main.sqlite_sequence WHERE name = {to})
             AND EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = {to} AND sql LIKE '%AUTOINCREMENT%')
         GROUP BY name"
    ))
}
