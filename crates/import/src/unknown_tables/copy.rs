//! Copy of the rows of the unknown tables.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use zenith_db::internal::catalog::{column_list, literal, names, quoted};
use zenith_db::internal::connection;

use super::preserved::{PreservedTable, UnknownTables, cannot_preserve};
use super::references;
use super::row_key::RowKey;
use crate::error::Result;
use crate::report::RejectedRow;
use crate::tables::TABLES;

/// Copies the rows, continues the sequences of all tables, and deletes the rows whose references lead
/// to no row.
pub(crate) fn copy_rows(
    connection: &mut SqliteConnection,
    copy: &Path,
    unknown: &UnknownTables,
    rejected: &mut Vec<RejectedRow>,
) -> Result<()> {
    let uri = format!("{}?mode=ro&immutable=1", connection::literal_uri(copy)?);
    diesel::sql_query("ATTACH ? AS legacy").bind::<Text, _>(uri).execute(connection)?;
    // The rows are copied unchanged, even if they violate CHECK constraints of their own table.
    connection.batch_execute("PRAGMA ignore_check_constraints = ON; BEGIN")?;
    for PreservedTable { from, to, columns, key } in &unknown.tables {
        let mut list = column_list(columns);
        // A row that is identified by its rowid must have the same one in both databases.
        if let RowKey::Number(number) = key {
            list = format!("{number}, {list}");
        }
        let insert = format!(
            "INSERT INTO main.{} ({list}) SELECT {list} FROM legacy.{}",
            quoted(to),
            quoted(from)
        );
        connection.batch_execute(&insert).map_err(|error| cannot_preserve(from, &error))?;
    }
    let sequences = "SELECT name FROM legacy.sqlite_schema WHERE name = 'sqlite_sequence'";
    if !names(connection, sequences)?.is_empty() {
        let known = TABLES.iter().map(|table| (table.name, table.name));
        let preserved = unknown.tables.iter().map(|table| (table.from.as_str(), table.to.as_str()));
        for (from, to) in known.chain(preserved) {
            continue_sequence(connection, from, to)?;
        }
    }
    references::delete_dangling_rows(connection, unknown, rejected)?;
    connection.batch_execute("COMMIT; PRAGMA ignore_check_constraints = OFF; DETACH legacy")?;
    Ok(())
}

/// Continues an `AUTOINCREMENT` sequence, so that no key is used a second time.
fn continue_sequence(connection: &mut SqliteConnection, from: &str, to: &str) -> Result<()> {
    let (from, to) = (format!("{} COLLATE NOCASE", literal(from)), literal(to));
    Ok(connection.batch_execute(&format!(
        "UPDATE main.sqlite_sequence SET seq = max(seq, coalesce(
             (SELECT max(CAST(seq AS INTEGER)) FROM legacy.sqlite_sequence WHERE name = {from}), 0))
         WHERE name = {to};
         INSERT INTO main.sqlite_sequence (name, seq)
         SELECT {to}, max(CAST(seq AS INTEGER)) FROM legacy.sqlite_sequence WHERE name = {from}
             AND NOT EXISTS (SELECT 1 FROM main.sqlite_sequence WHERE name = {to})
             AND EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = {to} AND sql LIKE '%AUTOINCREMENT%')
         GROUP BY name"
    ))?)
}
