//! Comparison of the preserved tables.

use std::collections::HashSet;
use std::path::Path;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use zenith_db::config::SqliteOptions;
use zenith_db::internal::catalog::{column_list, quoted};
use zenith_db::internal::connection;

use super::tally::Tally;
use super::unfaithful::unfaithful;
use crate::build::BuildOutcome;
use crate::cell::AnyRow;
use crate::error::Result;
use crate::legacy_db::LegacyDb;
use crate::report::PreservedTableReport;
use crate::unknown_tables::PreservedTable;

/// Compares the rows of every preserved table.
pub(super) fn compare_preserved(
    legacy: &LegacyDb<'_>,
    built: &BuildOutcome,
    target: &Path,
    options: &SqliteOptions,
) -> Result<Vec<PreservedTableReport>> {
    let mut new = connection::inspect_copy(target, options)?;
    let new = new.sqlite()?;
    let mut reports = Vec::new();
    for PreservedTable { from, to, columns, key } in &built.unknown.tables {
        let list = column_list(columns);
        let rejected: HashSet<i64> =
            built.rejected.iter().filter(|row| row.table == *from).map(|row| row.id).collect();
        let key = if rejected.is_empty() { "1".to_owned() } else { key.expression() };
        let (mut before, mut after, mut read) = (Tally::default(), Tally::default(), 0);
        let query = format!("SELECT {key}, {list} FROM {}", quoted(from));
        legacy.each(from, &query, |row| {
            read += 1;
            if rejected.is_empty() || !rejected.contains(&row.rowid) {
                before.add(&row.cells);
            }
            Ok(())
        })?;
        let query = format!("SELECT 1, {list} FROM {}", quoted(to));
        let rows = diesel::sql_query(query).load_iter::<AnyRow, DefaultLoadingMode>(new)?;
        for row in rows {
            after.add(&row?.cells);
        }
        if before != after {
            return unfaithful(&format!("the table {to} is not what was read from {from}"));
        }
        let digest = format!("{:032x}", after.sum);
        let (table, name) = (from.clone(), to.clone());
        reports.push(PreservedTableReport { table, name, read, copied: after.rows, digest });
    }
    Ok(reports)
}
