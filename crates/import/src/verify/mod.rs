//! The proof: both databases are read again, each by a thread of its own, and compared.

mod aside;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use sha2::{Digest, Sha256};
use zenith_db::Error;
use zenith_db::config::SqliteOptions;
use zenith_db::internal::catalog::broken_references;
use zenith_db::internal::catalog::quoted;
use zenith_db::internal::catalog::{IntegrityCheck, integrity_faults};
use zenith_db::internal::catalog::{column_list, sqlite_tables};
use zenith_db::internal::connection;
use zenith_db::types::Sha256Hash;

use super::audit::Chain;
use super::build::Built;
use super::carry::Carried;
use super::cell::{AnyRow, Cell};
use super::error::{AdoptionError, Result};
use super::load::{ASIDE, Former};
use super::normalise::Layout;
use super::report::{CarriedReport, ChangeReport, ColumnDigest, TableReport};
use super::rules::Column;
use super::tables::{AUDIT_LOG, TABLES};

/// What was compared, and found equal.
pub(super) struct Proof {
    pub(super) tables: Vec<TableReport>,
    pub(super) carried: Vec<CarriedReport>,
}

/// One side of a table: rows, and a digest for each column.
#[derive(Default)]
struct Side {
    read: u64,
    copied: u64,
    changed_rows: u64,
    /// Of what the column held.
    before: Vec<Sha256>,
    /// Of what the rules make of it, where that is something else.
    expected: Vec<Option<Sha256>>,
    changed: Vec<u64>,
    changes: BTreeMap<(usize, &'static str), u64>,
}

/// A digest of rows in any order: the sum of theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    rows: u64,
    sum: u128,
}

impl Tally {
    fn add(&mut self, cells: &[Cell]) {
        let mut digest = Sha256::new();
        for cell in cells {
            cell.digest(&mut digest);
        }
        let bytes: [u8; 32] = digest.finalize().into();
        let (low, _) = bytes.split_at(16);
        let low = low.try_into().map(u128::from_be_bytes).unwrap_or_default();
        self.sum = self.sum.wrapping_add(low);
        self.rows += 1;
    }
}

/// Compares, and fails with the first difference.
pub(super) fn verify(
    former: &Former<'_>,
    built: &Built,
    target: &Path,
    options: &SqliteOptions,
) -> Result<Proof> {
    let (old, new, sound) = std::thread::scope(|scope| {
        let old = scope.spawn(|| former_sides(former, built));
        let new = scope.spawn(|| new_sides(former, built, target, options));
        let sound = sound(target, options);
        (old.join(), new.join(), sound)
    });
    let ended = |_| Error::Internal("a thread that compares ended early".into());
    let (old, expected_aside) = old.map_err(ended)??;
    let (new, found_aside) = new.map_err(ended)??;
    sound?;
    if expected_aside != found_aside {
        return unfaithful(&format!("{ASIDE} holds other values than were put aside"));
    }
    let mut reports = Vec::new();
    for table in TABLES {
        let layout = former.layouts.iter().find(|layout| layout.table.name == table.name);
        reports.push(match (layout, old.get(table.name), new.get(table.name)) {
            (Some(layout), Some(old), Some(new)) => compare(layout, old, new, built)?,
            _ => absent(table.name),
        });
    }
    let carried = carried(former, built, target, options)?;
    Ok(Proof { tables: reports, carried })
}

fn unfaithful<T>(reason: &str) -> Result<T> {
    Err(AdoptionError::Unfaithful { reason: reason.to_owned() })
}

fn absent(table: &str) -> TableReport {
    TableReport {
        table: table.to_owned(),
        present: false,
        read: 0,
        copied: 0,
        quarantined: 0,
        changed: 0,
        changes: Vec::new(),
        columns: Vec::new(),
        unknown_columns: Vec::new(),
    }
}

fn compare(layout: &Layout, old: &Side, new: &Side, built: &Built) -> Result<TableReport> {
    let table = layout.table;
    let name = table.name;
    let quarantined = built.knowledge.quarantined.get(name).map_or(0, HashSet::len);
    let quarantined = u64::try_from(quarantined).unwrap_or(u64::MAX);
    if old.read != old.copied + quarantined || old.copied != new.copied {
        return unfaithful(&format!(
            "{name}: {} rows were read, {quarantined} quarantined, {} written and {} found",
            old.read, old.copied, new.copied
        ));
    }
    let mut columns = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        let hex = |digest: &Sha256| Sha256Hash::from(<[u8; 32]>::from(digest.clone().finalize()));
        let before = old.before.get(place).map(hex);
        let expected = old.expected.get(place).and_then(Option::as_ref).map(hex).or(before);
        let after = new.before.get(place).map(hex);
        if expected != after {
            return unfaithful(&format!("{name}.{} is not what was read", column.name));
        }
        columns.push(ColumnDigest {
            column: column.name.to_owned(),
            changed: old.changed.get(place).copied().unwrap_or(0),
            before: before.filter(|_| !column.is_derived()).map(|hash| hash.to_string()),
            after: after.map(|hash| hash.to_string()).unwrap_or_default(),
        });
    }
    let column_name =
        |place: usize| table.columns.get(place).map_or("", |column| column.name).to_owned();
    let changes = old.changes.iter().map(|((place, reason), rows)| ChangeReport {
        column: column_name(*place),
        reason: (*reason).to_owned(),
        rows: *rows,
    });
    Ok(TableReport {
        table: name.to_owned(),
        present: true,
        read: old.read,
        copied: old.copied,
        quarantined,
        changed: old.changed_rows,
        changes: changes.collect(),
        columns,
        unknown_columns: layout.unknown_names(),
    })
}

type Sides = HashMap<&'static str, Side>;

/// Reads the former database, and says what the new one must hold.
fn former_sides(former: &Former<'_>, built: &Built) -> Result<(Sides, Tally)> {
    let (mut sides, mut put_aside) = (Sides::new(), Tally::default());
    for role in &built.grants.unread {
        let query = format!("SELECT id, permissions FROM roles WHERE id = {role}");
        former.each(&query, |row| {
            let cell = row.cells.into_iter().next().unwrap_or(Cell::Null);
            put_aside.add(&aside_row("roles", row.rowid, "permissions", cell));
            Ok(())
        })?;
    }
    for (layout, query) in former.tables() {
        let table = layout.table;
        let count = table.columns.len();
        let mut side = Side {
            before: vec![Sha256::new(); count],
            expected: vec![None; count],
            changed: vec![0; count],
            ..Side::default()
        };
        let quarantined = built.knowledge.quarantined.get(table.name);
        former.each(query, |row| {
            side.read += 1;
            if quarantined.is_some_and(|ids| ids.contains(&row.rowid)) {
                return Ok(());
            }
            let new = layout.convert(row.rowid, &row.cells, &built.knowledge);
            let new = new.or_else(|broken| {
                let (id, table, reason) = (row.rowid, table.name, broken.reason);
                unfaithful(&format!("row {id} of {table} was copied, and {reason}"))
            })?;
            if let Some(fault) = aside::fault(layout, &row.cells, &new.cells) {
                return unfaithful(&format!("row {} of {}: {fault}", row.rowid, table.name));
            }
            side.copied += 1;
            let superseded =
                table.name == "system_settings" && built.superseded.contains(&row.rowid);
            if !superseded {
                side.add(layout, &row.cells, &new.cells);
                let changes = new.changes.iter().filter(|(place, _)| {
                    layout.table.columns.get(*place).is_some_and(|c| !c.is_derived())
                });
                for change in changes {
                    *side.changes.entry(*change).or_default() += 1;
                }
            }
            for (column, cell) in new.aside {
                put_aside.add(&aside_row(table.name, row.rowid, &column, cell));
            }
            Ok(())
        })?;
        sides.insert(table.name, side);
    }
    Ok((sides, put_aside))
}

impl Side {
    fn add(&mut self, layout: &Layout, raw: &[Cell], new: &[Cell]) {
        let mut changed_row = false;
        let columns = self.before.iter_mut().zip(&mut self.expected).zip(&mut self.changed);
        for ((place, new), ((before, expected), changed)) in new.iter().enumerate().zip(columns) {
            let old = layout.source(place, raw);
            let differs = old != new;
            if differs && expected.is_none() {
                *expected = Some(before.clone());
            }
            old.digest(before);
            if let Some(expected) = expected {
                new.digest(expected);
            }
            *changed += u64::from(differs);
            let derived = layout.table.columns.get(place).is_some_and(Column::is_derived);
            changed_row |= differs && !derived;
        }
        self.changed_rows += u64::from(changed_row);
    }
}

fn aside_row(table: &str, row: i64, column: &str, cell: Cell) -> [Cell; 4] {
    [Cell::Text(table.into()), Cell::Integer(row), Cell::Text(column.into()), cell]
}

/// Reads the new database.
fn new_sides(
    former: &Former<'_>,
    built: &Built,
    target: &Path,
    options: &SqliteOptions,
) -> Result<(Sides, Tally)> {
    let mut connection = connection::inspect_copy(target, options)?;
    let connection = connection.sqlite()?;
    let (mut sides, mut aside) = (Sides::new(), Tally::default());
    for (layout, _) in former.tables() {
        let table = layout.table;
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let is_audit = table.name == AUDIT_LOG;
        let extra = if is_audit { ", seq, entry_hash" } else { "" };
        // What the seeds added is not from the former database.
        let kept = built.knowledge.kept.get(table.name);
        let query =
            format!("SELECT id, {}{extra} FROM {} ORDER BY id", columns.join(", "), table.name);
        let mut chain = if is_audit { Some(Chain::new(connection)?) } else { None };
        let mut side = Side { before: vec![Sha256::new(); columns.len()], ..Side::default() };
        let rows = diesel::sql_query(query).load_iter::<AnyRow, DefaultLoadingMode>(connection)?;
        for row in rows {
            let AnyRow { rowid, cells } = row?;
            if kept.is_some_and(|kept| !kept.contains(&rowid)) {
                continue;
            }
            side.copied += 1;
            if let Some(chain) = &mut chain {
                follow(chain, &cells, side.copied)?;
            }
            if table.name == "system_settings" && built.superseded.contains(&rowid) {
                continue;
            }
            for (cell, digest) in cells.iter().zip(&mut side.before) {
                cell.digest(digest);
            }
        }
        sides.insert(table.name, side);
    }
    if sqlite_tables(connection)?.iter().any(|name| name == ASIDE) {
        let query = format!("SELECT 1, table_name, row_id, column_name, value FROM {ASIDE}");
        let rows = diesel::sql_query(query).load_iter::<AnyRow, DefaultLoadingMode>(connection)?;
        for row in rows {
            aside.add(&row?.cells);
        }
    }
    Ok((sides, aside))
}

/// The last two cells are the entry's place and hash.
fn follow(chain: &mut Chain, cells: &[Cell], place: u64) -> Result<()> {
    let (entry, seal) = cells.split_at(cells.len().saturating_sub(2));
    let expected = chain.expect(entry)?.to_string();
    let seq = i64::try_from(place).unwrap_or(i64::MAX);
    if seal != [Cell::Integer(seq), Cell::Text(expected)] {
        return unfaithful(&format!("audit_log: the chain breaks at entry {place}"));
    }
    Ok(())
}

/// Whether the new database is whole in itself.
fn sound(target: &Path, options: &SqliteOptions) -> Result<()> {
    let mut connection = connection::inspect_copy(target, options)?;
    let mut faults = integrity_faults(&mut connection, IntegrityCheck::Full)?;
    faults.extend(broken_references(&mut connection)?);
    if faults.is_empty() { Ok(()) } else { unfaithful(&faults.join("; ")) }
}

fn carried(
    former: &Former<'_>,
    built: &Built,
    target: &Path,
    options: &SqliteOptions,
) -> Result<Vec<CarriedReport>> {
    let mut new = connection::inspect_copy(target, options)?;
    let new = new.sqlite()?;
    let mut reports = Vec::new();
    for Carried { from, to, columns, key } in &built.cargo.tables {
        let list = column_list(columns);
        let gone: HashSet<i64> =
            built.broken.iter().filter(|row| row.table == *from).map(|row| row.id).collect();
        let key = if gone.is_empty() { "1".to_owned() } else { key.expression() };
        let (mut before, mut after, mut read) = (Tally::default(), Tally::default(), 0);
        former.each(&format!("SELECT {key}, {list} FROM {}", quoted(from)), |row| {
            read += 1;
            if gone.is_empty() || !gone.contains(&row.rowid) {
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
        reports.push(CarriedReport { table, name, read, copied: after.rows, digest });
    }
    Ok(reports)
}
