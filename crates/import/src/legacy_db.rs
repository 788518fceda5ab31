//! Private copy of the former database, from which all rows are read.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use zenith_db::internal::catalog::column_list;

use super::cell::AnyRow;
use super::column_map::ColumnMap;
use super::error::{AdoptionError, Result};
use super::guarded::{self, Object, Rows};
use super::tables::{TABLES, is_known};

/// Private copy of the former database, with its known tables.
pub(super) struct LegacyDb<'a> {
    /// Path of the copy.
    pub(super) copy: &'a Path,
    /// Its objects, oldest first.
    pub(super) objects: Vec<Object>,
    /// Each known table that the former database has, with the query for its rows in the order of
    /// their keys.
    tables: Vec<(ColumnMap, String)>,
    /// Columns of known tables that SQLite computes, as `table.column`. They are not read.
    pub(super) computed: Vec<(String, String)>,
    /// Open connections that nobody uses.
    idle: Mutex<Vec<Connection>>,
}

impl<'a> LegacyDb<'a> {
    /// Reads which tables and columns the copy has.
    pub(super) fn open(copy: &'a Path) -> Result<Self> {
        let connection = guarded::open_to_read(copy, None)?;
        let objects = guarded::ensure_bounded(&connection)?;
        let (mut tables, mut computed) = (Vec::new(), Vec::new());
        let exists = |name: &str| {
            let mut tables = objects.iter().filter(|object| object.is_table());
            tables.any(|object| object.name.eq_ignore_ascii_case(name))
        };
        for table in TABLES.iter().filter(|table| exists(table.name)) {
            let columns = guarded::columns(&connection, table.name)?;
            for column in columns.iter().filter(|column| column.is_computed) {
                let of = |source: &str| source.eq_ignore_ascii_case(&column.name);
                if table.columns.iter().any(|known| of(known.source)) {
                    let object = format!("the column {} of the table {}", column.name, table.name);
                    return Err(AdoptionError::NotStored { object });
                }
                computed.push((table.name.to_owned(), column.name.clone()));
            }
            let columns = stored(columns);
            let list = column_list(&columns);
            let query = format!("SELECT id, {list} FROM {} ORDER BY id", table.name);
            tables.push((ColumnMap::new(table, &columns), query));
        }
        Ok(Self { copy, objects, tables, computed, idle: Mutex::new(vec![connection]) })
    }

    /// Returns each known table that the former database has, with the query for its rows.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&ColumnMap, &str)> {
        self.tables.iter().map(|(map, query)| (map, query.as_str()))
    }

    /// Returns the names of the unknown ordinary tables, sorted.
    pub(super) fn unknown_tables(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .objects
            .iter()
            .filter(|object| object.is_table() && !is_known(&object.name))
            .filter(|object| !object.name.eq_ignore_ascii_case("__diesel_schema_migrations"))
            .filter(|object| !self.is_shadow(&object.name))
            .map(|object| object.name.clone())
            .collect();
        names.sort_unstable();
        names
    }

    /// Whether a virtual table keeps its content in this one.
    pub(super) fn is_shadow(&self, table: &str) -> bool {
        self.objects.iter().filter(|object| object.is_virtual).any(|object| {
            let start = table.get(..object.name.len());
            let rest = table.get(object.name.len()..).unwrap_or_default();
            let words = object.sql.to_ascii_lowercase();
            let mut words = words.split(|character: char| !character.is_ascii_alphanumeric());
            let module = words.by_ref().find(|word| *word == "using").and_then(|_| words.next());
            start.is_some_and(|start| start.eq_ignore_ascii_case(&object.name))
                && module.is_some_and(|module| MODULES.iter().any(|m| module.starts_with(m)))
                && SHADOWS.iter().any(|suffix| rest.eq_ignore_ascii_case(suffix))
        })
    }

    /// Returns the names of the stored columns of an ordinary table.
    pub(super) fn columns(&self, table: &str) -> Result<Vec<String>> {
        self.with(|connection| Ok(stored(guarded::columns(connection, table)?)))
    }

    /// Calls `work` with each row of a query on a table of the copy.
    pub(super) fn each(
        &self,
        table: &str,
        query: &str,
        work: impl FnMut(AnyRow) -> Result<()>,
    ) -> Result<()> {
        self.with(|connection| connection.each_row(table, query, work))
    }

    /// Calls `work` with a connection to the copy.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let connection = match taken {
            Some(connection) => connection,
            None => guarded::open_to_read(self.copy, None)?,
        };
        let result = work(&connection);
        idle().push(connection);
        result
    }
}

/// Modules of virtual tables that SQLite itself has.
const MODULES: &[&str] = &["fts3", "fts4", "fts5", "rtree", "geopoly"];

/// What the names of the tables end with that these modules keep their content in.
const SHADOWS: &[&str] = &[
    "_content",
    "_segments",
    "_segdir",
    "_docsize",
    "_stat",
    "_data",
    "_idx",
    "_config",
    "_node",
    "_rowid",
    "_parent",
];

fn stored(columns: Vec<guarded::Column>) -> Vec<String> {
    let columns = columns.into_iter().filter(|column| !column.is_computed);
    columns.map(|column| column.name).collect()
}
