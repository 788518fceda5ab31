//! Private copy of the former database, from which all rows are read.

use std::path::Path;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use zenith_db::config::SqliteOptions;
use zenith_db::internal::catalog::{column_list, columns, is_one_of, sqlite_tables};
use zenith_db::internal::connection;

use super::cell::AnyRow;
use super::column_map::ColumnMap;
use super::error::Result;
use super::tables::TABLES;

/// Private copy of the former database, with its known tables.
pub(super) struct LegacyDb<'a> {
    /// Path of the copy.
    pub(super) copy: &'a Path,
    pub(super) options: &'a SqliteOptions,
    /// Each known table that the former database has, with the query for its rows in the order of
    /// their keys.
    tables: Vec<(ColumnMap, String)>,
}

impl<'a> LegacyDb<'a> {
    /// Reads which known tables and columns the copy has.
    pub(super) fn open(copy: &'a Path, options: &'a SqliteOptions) -> Result<Self> {
        let mut connection = connection::inspect_copy(copy, options)?;
        let connection = connection.sqlite()?;
        let existing = sqlite_tables(connection)?;
        let mut tables = Vec::new();
        for table in TABLES.iter().filter(|table| is_one_of(table.name, &existing)) {
            let columns = columns(connection, table.name)?;
            let list = column_list(&columns);
            let query = format!("SELECT id, {list} FROM {} ORDER BY id", table.name);
            tables.push((ColumnMap::new(table, &columns), query));
        }
        Ok(Self { copy, options, tables })
    }

    /// Returns each known table that the former database has, with the query for its rows.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&ColumnMap, &str)> {
        self.tables.iter().map(|(map, query)| (map, query.as_str()))
    }

    /// Calls `work` with each row of a query on the copy.
    pub(super) fn each(
        &self,
        query: &str,
        mut work: impl FnMut(AnyRow) -> Result<()>,
    ) -> Result<()> {
        let mut connection = connection::inspect_copy(self.copy, self.options)?;
        let connection = connection.sqlite()?;
        let rows = diesel::sql_query(query).load_iter::<AnyRow, DefaultLoadingMode>(connection)?;
        for row in rows {
            work(row?)?;
        }
        Ok(())
    }
}
