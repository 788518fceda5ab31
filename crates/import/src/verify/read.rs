//! Content of the known tables, read from each database again.

use std::path::Path;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use zenith_db::config::SqliteOptions;
use zenith_db::internal::catalog::{is_one_of, sqlite_tables};
use zenith_db::internal::connection;

use super::metadata;
use super::side::{Side, Sides};
use super::unfaithful::unfaithful;
use crate::audit::Chain;
use crate::build::BuildOutcome;
use crate::cell::{AnyRow, Cell};
use crate::error::Result;
use crate::legacy_db::LegacyDb;
use crate::overflow_values;
use crate::tables::AUDIT_LOG;

/// Reads the former database, and computes what the new one must have.
pub(super) fn read_legacy(legacy: &LegacyDb<'_>, built: &BuildOutcome) -> Result<Sides> {
    let mut sides = Sides::default();
    for role in &built.grants.unreadable {
        let query = format!("SELECT id, permissions FROM roles WHERE id = {role}");
        legacy.each("roles", &query, |row| {
            let cell = row.cells.into_iter().next().unwrap_or(Cell::Null);
            let row = overflow_values::row("roles", row.rowid, "permissions", cell);
            sides.overflow.add(&row);
            Ok(())
        })?;
    }
    for (map, query) in legacy.tables() {
        let table = map.table;
        let mut side = Side::new(table.columns.len());
        let rejected = built.context.rejected.get(table.name);
        legacy.each(table.name, query, |row| {
            side.read += 1;
            if rejected.is_some_and(|ids| ids.contains(&row.rowid)) {
                return Ok(());
            }
            let new = map.convert(row.rowid, &row.cells, &built.context);
            let new = new.or_else(|rejection| {
                let (id, table, reason) = (row.rowid, table.name, rejection.reason);
                unfaithful(&format!("row {id} of {table} was copied, and {reason}"))
            })?;
            if let Some(fault) = metadata::fault(map, &row.cells, &new.cells) {
                return unfaithful(&format!("row {} of {}: {fault}", row.rowid, table.name));
            }
            side.copied += 1;
            let replaced =
                table.name == "system_settings" && built.replaced_settings.contains(&row.rowid);
            if !replaced {
                side.add(map, &row.cells, &new.cells);
                let changes = new.changes.iter().filter(|(index, _)| {
                    map.table.columns.get(*index).is_some_and(|column| !column.is_derived())
                });
                for change in changes {
                    *side.changes.entry(*change).or_default() += 1;
                }
            }
            for (column, cell) in new.overflow {
                sides.overflow.add(&overflow_values::row(table.name, row.rowid, &column, cell));
            }
            Ok(())
        })?;
        sides.tables.insert(table.name, side);
    }
    Ok(sides)
}

/// Reads the new database.
pub(super) fn read_new(
    legacy: &LegacyDb<'_>,
    built: &BuildOutcome,
    target: &Path,
    options: &SqliteOptions,
) -> Result<Sides> {
    let mut connection = connection::inspect_copy(target, options)?;
    let connection = connection.sqlite()?;
    let mut sides = Sides::default();
    for (map, _) in legacy.tables() {
        let table = map.table;
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let is_audit = table.name == AUDIT_LOG;
        let extra = if is_audit { ", seq, entry_hash" } else { "" };
        // Rows that the seeds or the migrations added have no counterpart in the former database.
        let copied = built.context.copied.get(table.name);
        let added = built.from_migrations.get(table.name);
        let query =
            format!("SELECT id, {}{extra} FROM {} ORDER BY id", columns.join(", "), table.name);
        let mut chain = if is_audit { Some(Chain::new(connection)?) } else { None };
        let mut side = Side::new(columns.len());
        let rows = diesel::sql_query(query).load_iter::<AnyRow, DefaultLoadingMode>(connection)?;
        for row in rows {
            let AnyRow { rowid, cells } = row?;
            if copied.is_some_and(|ids| !ids.contains(&rowid))
                || added.is_some_and(|ids| ids.contains(&rowid))
            {
                continue;
            }
            side.copied += 1;
            if let Some(chain) = &mut chain {
                check_link(chain, &cells, side.copied)?;
            }
            if table.name == "system_settings" && built.replaced_settings.contains(&rowid) {
                continue;
            }
            for (cell, digest) in cells.iter().zip(&mut side.columns) {
                cell.digest(digest);
            }
        }
        sides.tables.insert(table.name, side);
    }
    if is_one_of(overflow_values::TABLE, &sqlite_tables(connection)?) {
        let query = format!(
            "SELECT 1, table_name, row_id, column_name, value FROM {}",
            overflow_values::TABLE
        );
        let rows = diesel::sql_query(query).load_iter::<AnyRow, DefaultLoadingMode>(connection)?;
        for row in rows {
            sides.overflow.add(&row?.cells);
        }
    }
    Ok(sides)
}

/// Checks the last two cells of an audit entry: its number and its hash.
fn check_link(chain: &mut Chain, cells: &[Cell], number: u64) -> Result<()> {
    let (entry, link) = cells.split_at(cells.len().saturating_sub(2));
    let expected = chain.expect(entry)?.to_string();
    let seq = i64::try_from(number).unwrap_or(i64::MAX);
    if link != [Cell::Integer(seq), Cell::Text(expected)] {
        return unfaithful(&format!("audit_log: the chain breaks at entry {number}"));
    }
    Ok(())
}
