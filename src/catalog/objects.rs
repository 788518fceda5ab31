//! Which tables there are, on either database. On a server, those of the schema in which new tables
//! are made: the first of the `search_path` that exists.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::identifier::literal;
use crate::backend::{Backend, DbConnection};
use crate::dispatch;
use crate::error::Result;

/// Something in the schema of an SQLite database.
#[derive(QueryableByName, Debug)]
pub struct SchemaObject {
    /// `table`, `index`, `trigger` or `view`.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// The table that it belongs to.
    #[diesel(sql_type = Text)]
    pub table: String,
    /// Its definition.
    #[diesel(sql_type = Text)]
    pub sql: String,
}

/// What the schema of an SQLite database holds, the oldest first, without SQLite's own.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn schema_objects(connection: &mut SqliteConnection) -> Result<Vec<SchemaObject>> {
    let query = "SELECT type AS kind, name, tbl_name AS \"table\", sql FROM sqlite_schema
                 WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid";
    Ok(diesel::sql_query(query).load(connection)?)
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The names of the tables of an SQLite database, sorted, without SQLite's own.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn sqlite_tables(connection: &mut SqliteConnection) -> Result<Vec<String>> {
    names(connection, SQLITE_TABLES)
}

const SQLITE_TABLES: &str = "SELECT name FROM sqlite_schema
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";

/// The names of the tables, sorted, without the database's own.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn table_names(connection: &mut DbConnection) -> Result<Vec<String>> {
    let query = match connection.backend() {
        Backend::Sqlite => SQLITE_TABLES,
        Backend::Postgres => {
            r#"SELECT relname::text AS name FROM pg_class
               WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
               ORDER BY relname::text COLLATE "C""#
        }
    };
    let names: Vec<Name> =
        dispatch!(connection, |connection| diesel::sql_query(query).load(connection))?;
    Ok(names.into_iter().map(|name| name.name).collect())
}

/// Whether a table is there.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn table_exists(connection: &mut DbConnection, name: &str) -> Result<bool> {
    Ok(table_names(connection)?.iter().any(|table| table == name))
}

/// Whether the database holds no table at all.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn is_empty(connection: &mut DbConnection) -> Result<bool> {
    Ok(table_names(connection)?.is_empty())
}

/// The names that a query on an SQLite database returns as `name`.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the query fails.
pub fn names(connection: &mut SqliteConnection, query: &str) -> Result<Vec<String>> {
    let rows: Vec<Name> = diesel::sql_query(query).load(connection)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// The columns of an SQLite table that can be read, generated ones included, in the table's order.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn columns(connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>> {
    let table = literal(table);
    names(
        connection,
        &format!("SELECT name FROM pragma_table_xinfo({table}) WHERE hidden <> 1 ORDER BY cid"),
    )
}
