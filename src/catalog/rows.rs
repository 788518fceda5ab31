//! Row counts.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::identifier::quoted;
use super::objects::table_names;
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;

/// Returns the number of rows of a table.
pub(crate) fn row_count(connection: &mut DbConnection, table: &str) -> Result<i64> {
    let count = diesel::dsl::sql::<BigInt>(&format!("(SELECT count(*) FROM {})", quoted(table)));
    Ok(dispatch!(connection, |connection| diesel::select(count).get_result(connection))?)
}

/// Returns the name of each table and its number of rows, sorted by name. Runs one `SELECT count(*)` per
/// table.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if a table cannot be read.
pub fn row_counts(connection: &mut DbConnection) -> Result<Vec<(String, i64)>> {
    let mut counts = Vec::new();
    for name in table_names(connection)? {
        let count = row_count(connection, &name)?;
        counts.push((name, count));
    }
    Ok(counts)
}
