//! The table `legacy_values`, for values that have no column in the new schema where `metadata` cannot
//! hold them.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::cell::{Cell, Statement, with_values};
use super::error::Result;

/// Name of the table.
pub(super) const TABLE: &str = "legacy_values";

/// Creates the table.
pub(super) fn create(connection: &mut SqliteConnection) -> Result<()> {
    Ok(connection.batch_execute(&format!(
        "CREATE TABLE {TABLE} (
             table_name TEXT NOT NULL, row_id BIGINT NOT NULL, column_name TEXT NOT NULL, value,
             PRIMARY KEY (table_name, row_id, column_name)
         ) WITHOUT ROWID"
    ))?)
}

/// Drops the table if it is empty.
pub(super) fn drop_if_empty(connection: &mut SqliteConnection) -> Result<()> {
    let count = diesel::dsl::sql::<BigInt>(&format!("(SELECT count(*) FROM {TABLE})"));
    let rows: i64 = diesel::select(count).get_result(connection)?;
    if rows == 0 {
        connection.batch_execute(&format!("DROP TABLE {TABLE}"))?;
    }
    Ok(())
}

/// Stores the value that a former row had in a column.
pub(super) fn insert(
    connection: &mut SqliteConnection,
    table: &str,
    id: i64,
    column: &str,
    value: &Cell,
) -> Result<()> {
    let insert = with_values(&format!("INSERT OR REPLACE INTO {TABLE} VALUES"), 4);
    let cells = row(table, id, column, value.clone());
    Statement::new(&insert, &cells, &[]).execute(connection)?;
    Ok(())
}

/// Returns the row of the table for a value that a former row had in a column.
pub(super) fn row(table: &str, id: i64, column: &str, value: Cell) -> [Cell; 4] {
    [Cell::Text(table.into()), Cell::Integer(id), Cell::Text(column.into()), value]
}
