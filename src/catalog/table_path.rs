//! The names of tables in statements.

use super::identifier::quoted;
#[cfg(feature = "postgres")]
use super::names::names;
use crate::backend::DbConnection;
use crate::error::Result;

/// Returns the table as a statement names it: on a server within `current_schema()`, because a name alone is that of a table
/// of `pg_catalog`, if that has one.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn table_path(connection: &mut DbConnection, table: &str) -> Result<String> {
    Ok(table_paths(connection, [table])?.concat())
}

/// As [`table_path`], for several tables.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn table_paths<'a>(
    connection: &mut DbConnection,
    tables: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<String>> {
    let prefix = match connection {
        DbConnection::Sqlite(_) => String::new(),
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(inner) => {
            let query = "SELECT pg_catalog.format('%I.', current_schema()) AS name";
            names(inner, query)?.concat()
        }
    };
    Ok(tables.into_iter().map(|table| format!("{prefix}{}", quoted(table))).collect())
}
