//! Row counts.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

#[cfg(feature = "postgres")]
use super::dumped::{DumpedTable, dumped_tables};
use super::objects::table_names;
use super::table_path::table_path;
use super::unreadable::UnreadableTable;
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;

/// Row counts of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Name of each table and its number of rows, sorted by name.
    pub counted: Vec<(String, i64)>,
    /// Tables that cannot be read, sorted by name.
    pub unreadable: Vec<UnreadableTable>,
}

/// Returns the number of rows of a table.
pub(crate) fn row_count(connection: &mut DbConnection, table: &str) -> Result<i64> {
    let table = table_path(connection, table)?;
    let count = diesel::dsl::sql::<BigInt>(&format!("(SELECT count(*) FROM {table})"));
    Ok(dispatch!(connection, |connection| diesel::select(count).get_result(connection))?)
}

/// Returns the number of rows of a table, or why the program cannot read it.
pub(crate) fn try_row_count(
    connection: &mut DbConnection,
    table: &str,
) -> Result<Result<i64, UnreadableTable>> {
    match row_count(connection, table) {
        Ok(count) => Ok(Ok(count)),
        Err(error) => UnreadableTable::of(connection, table, error).map(Err),
    }
}

/// Counts the rows of every table that can be read. Runs one `SELECT count(*)` per table.
///
/// On PostgreSQL, these are the rows that `pg_dump` writes for `current_schema()`: those of a partitioned table are
/// counted with its partitions, those of an inherited table without its heirs, and those of an extension's table only
/// if they are its configuration.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn row_counts(connection: &mut DbConnection) -> Result<RowCounts> {
    #[cfg(feature = "postgres")]
    if let DbConnection::Postgres(connection) = connection {
        return dumped_row_counts(connection);
    }
    let mut counts = RowCounts::default();
    for name in table_names(connection)? {
        match try_row_count(connection, &name)? {
            Ok(count) => counts.counted.push((name, count)),
            Err(table) => counts.unreadable.push(table),
        }
    }
    Ok(counts)
}

#[cfg(feature = "postgres")]
fn dumped_row_counts(connection: &mut PgConnection) -> Result<RowCounts> {
    let mut counts = RowCounts::default();
    for DumpedTable { name, rows, is_readable } in dumped_tables(connection)? {
        // An error would end the transaction.
        if !is_readable {
            let reason = format!("permission denied for table {name}");
            counts.unreadable.push(UnreadableTable { name, reason });
            continue;
        }
        let count = diesel::dsl::sql::<BigInt>(&format!("(SELECT count(*) FROM {rows})"));
        let rows: i64 = diesel::select(count).get_result(connection)?;
        match counts.counted.last_mut().filter(|(last, _)| *last == name) {
            Some((_, counted)) => *counted += rows,
            None => counts.counted.push((name, rows)),
        }
    }
    Ok(counts)
}
