//! Tables and columns of the former database, listed without preparing a view or a virtual table:
//! `PRAGMA table_list` and its like prepare every one.

use rusqlite::Connection;
use zenith_db::internal::catalog::literal;

use super::fault::fault;
use crate::error::Result;

/// Row of `sqlite_schema`.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) table: String,
    /// Empty for an index that SQLite made for a constraint.
    pub(crate) sql: String,
    /// Whether it is a virtual table. Only those have no page.
    pub(crate) is_virtual: bool,
}

impl Object {
    /// Whether it is an ordinary table, other than SQLite's own.
    pub(crate) fn is_table(&self) -> bool {
        self.kind == "table" && !self.is_virtual && !self.is_internal()
    }

    /// Whether SQLite created it for itself.
    pub(crate) fn is_internal(&self) -> bool {
        self.name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_"))
    }
}

/// Returns the objects, oldest first.
pub(crate) fn objects(connection: &Connection) -> rusqlite::Result<Vec<Object>> {
    let query = "SELECT type, name, tbl_name, coalesce(sql, ''),
                     type = 'table' AND coalesce(rootpage, 0) = 0
                 FROM sqlite_schema ORDER BY rowid";
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([], |row| {
        Ok(Object {
            kind: row.get(0)?,
            name: row.get(1)?,
            table: row.get(2)?,
            sql: row.get(3)?,
            is_virtual: row.get(4)?,
        })
    })?;
    rows.collect()
}

/// Column of a table.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Whether SQLite computes the value from others.
    pub(crate) is_computed: bool,
}

/// Returns the columns of an ordinary table in their order.
pub(crate) fn columns(connection: &Connection, table: &str) -> Result<Vec<Column>> {
    let query = format!(
        "SELECT name, hidden > 1 FROM temp.pragma_table_xinfo({}) WHERE hidden <> 1 ORDER BY cid",
        literal(table)
    );
    let read = || -> rusqlite::Result<Vec<Column>> {
        let mut statement = connection.prepare(&query)?;
        let rows = statement
            .query_map([], |row| Ok(Column { name: row.get(0)?, is_computed: row.get(1)? }))?;
        rows.collect()
    };
    read().map_err(|cause| fault(&format!("the table {table}"), None, cause))
}

/// Runs a query, and returns its only column.
pub(crate) fn names(connection: &Connection, query: &str) -> Result<Vec<String>> {
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare(query)?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    read().map_err(|cause| fault("its schema", None, cause))
}
