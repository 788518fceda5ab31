//! Which tables there are, on either database. On a server, those of the schema in which new tables
//! are made: the first of the `search_path` that exists.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::connection::Backend;
use crate::{DbConnection, Result, dispatch};

/// A name as SQL takes it, whatever is in it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Something in the schema of an SQLite database.
#[derive(QueryableByName)]
pub(crate) struct SchemaObject {
    /// `table`, `index`, `trigger` or `view`.
    #[diesel(sql_type = Text)]
    pub(crate) kind: String,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    /// The table that it belongs to.
    #[diesel(sql_type = Text)]
    pub(crate) table: String,
    #[diesel(sql_type = Text)]
    pub(crate) sql: String,
}

/// What the schema of an SQLite database holds, the oldest first, without SQLite's own.
pub(crate) fn schema_objects(connection: &mut SqliteConnection) -> Result<Vec<SchemaObject>> {
    let query = "SELECT type AS kind, name, tbl_name AS \"table\", sql FROM sqlite_schema
                 WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid";
    Ok(diesel::sql_query(query).load(connection)?)
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The names of the tables, sorted, without the database's own.
pub(crate) fn table_names(connection: &mut DbConnection) -> Result<Vec<String>> {
    let query = match connection.backend() {
        Backend::Sqlite => {
            "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        }
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
pub(crate) fn table_exists(connection: &mut DbConnection, name: &str) -> Result<bool> {
    Ok(table_names(connection)?.iter().any(|table| table == name))
}

/// Whether the database holds no table at all.
pub(crate) fn is_empty(connection: &mut DbConnection) -> Result<bool> {
    Ok(table_names(connection)?.is_empty())
}
