//! How many rows there are.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::migrations::table_names;
use crate::{DbConnection, Result, dispatch};

/// Each table with the number of its rows, sorted by name, counted one by one.
pub(super) fn row_counts(connection: &mut DbConnection) -> Result<Vec<(String, i64)>> {
    let mut rows = Vec::new();
    for name in table_names(connection)? {
        let quoted = name.replace('"', "\"\"");
        let count = diesel::dsl::sql::<BigInt>(&format!("(SELECT count(*) FROM \"{quoted}\")"));
        let count =
            dispatch!(&mut *connection, |connection| diesel::select(count).get_result(connection))?;
        rows.push((name, count));
    }
    Ok(rows)
}
