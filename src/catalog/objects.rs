//! Tables, columns and other objects of a database.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::identifier::literal;
use super::names::names;
#[cfg(feature = "postgres")]
use super::owner::is_ours;
use crate::backend::{Backend, DbConnection};
use crate::dispatch;
use crate::error::Result;

/// Table, index, trigger or view of an SQLite database.
#[derive(QueryableByName, Debug)]
pub struct SchemaObject {
    /// Type of the object: `table`, `index`, `trigger` or `view`.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Name of the object.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Name of the table that the object belongs to; the name of a view itself.
    #[diesel(sql_type = Text)]
    pub table: String,
    /// SQL statement that creates the object.
    #[diesel(sql_type = Text)]
    pub sql: String,
}

/// Returns the objects of an SQLite database, oldest first, without SQLite's internal ones.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn schema_objects(connection: &mut SqliteConnection) -> Result<Vec<SchemaObject>> {
    let query = "SELECT type AS kind, name, tbl_name AS \"table\", sql FROM sqlite_schema
                 WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid";
    Ok(diesel::sql_query(query).load(connection)?)
}

/// Returns the names of the tables of an SQLite database, sorted, without SQLite's internal ones.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn sqlite_tables(connection: &mut SqliteConnection) -> Result<Vec<String>> {
    names(connection, SQLITE_TABLES)
}

const SQLITE_TABLES: &str = "SELECT name FROM sqlite_schema
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";

/// Returns the names of the tables, sorted, without the internal ones of SQLite. On PostgreSQL, reads the
/// tables of `current_schema()`.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn table_names(connection: &mut DbConnection) -> Result<Vec<String>> {
    let query = match connection.backend() {
        Backend::Sqlite => SQLITE_TABLES,
        Backend::Postgres => {
            r#"SELECT relname::text AS name FROM pg_class
               WHERE relkind IN ('r', 'p') AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
               ORDER BY relname::text COLLATE "C""#
        }
    };
    dispatch!(connection, |connection| names(connection, query))
}

/// Returns the names of the tables whose rows a migration may change, sorted. On a server, these are tables of the
/// program's owners that the user can read and write: a statement about another's table could run functions of that owner,
/// and a lock of it stop that program. On SQLite, they are those that store rows themselves: a virtual table of SQLite is not
/// among them, nor are the shadow tables in which its module keeps what it derives from other tables; the
/// shadow table `…_content`, in which a full-text index keeps its rows, is.
pub(crate) fn storing_tables(connection: &mut DbConnection) -> Result<Vec<String>> {
    #[cfg(feature = "postgres")]
    if let DbConnection::Postgres(connection) = connection {
        let query = format!(
            "SELECT relname::text AS name FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
             WHERE relkind IN ('r', 'p') AND nspname = current_schema() AND {}
                 AND has_table_privilege(pg_class.oid, 'SELECT')
                 AND has_table_privilege(pg_class.oid, 'UPDATE, DELETE, TRUNCATE')
             ORDER BY relname::text COLLATE \"C\"",
            is_ours("relowner")
        );
        return names(connection, &query);
    }
    names(
        connection.sqlite()?,
        "SELECT name FROM temp.pragma_table_list
         WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
             AND (type = 'table' OR (type = 'shadow' AND name LIKE '%\\_content' ESCAPE '\\'))
         ORDER BY name",
    )
}

/// Whether the table is a virtual table of SQLite.
pub(super) fn is_virtual(connection: &mut DbConnection, table: &str) -> Result<bool> {
    if connection.backend() == Backend::Postgres {
        return Ok(false);
    }
    let virtual_tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage = 0";
    Ok(names(connection.sqlite()?, virtual_tables)?.iter().any(|name| name == table))
}

/// Whether the table exists.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn table_exists(connection: &mut DbConnection, name: &str) -> Result<bool> {
    Ok(table_names(connection)?.iter().any(|table| table == name))
}

/// Whether the database has no tables.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn is_empty(connection: &mut DbConnection) -> Result<bool> {
    Ok(table_names(connection)?.is_empty())
}

/// Returns the names of the columns of an SQLite table in their order, with generated columns and without
/// hidden ones.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn columns(connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>> {
    let table = literal(table);
    names(
        connection,
        &format!(
            "SELECT name FROM temp.pragma_table_xinfo({table}) WHERE hidden <> 1 ORDER BY cid"
        ),
    )
}
