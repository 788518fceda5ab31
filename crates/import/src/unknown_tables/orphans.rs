//! Rows of the preserved tables that refer to no row. They are deleted, and so are the rows that refer to
//! them, and to those.

use std::collections::{HashSet, VecDeque};

use rusqlite::Connection;
use zenith_db::internal::catalog::{column_list, quoted};

use super::preserved::{PreservedTable, UnknownTables, cannot_preserve};
use super::references::{Reference, references};
use super::row_key::RowKey;
use crate::error::Result;
use crate::guarded::{Budget, fault, names};
use crate::report::RejectedRow;

/// Deletes the rows whose references lead to no row, and those whose references lead to a deleted one.
/// The former database is attached as `legacy`. Returns the rows.
///
/// Nothing is deleted before all are found, so that every row is looked at once.
pub(super) fn delete_dangling_rows(
    connection: &Connection,
    unknown: &UnknownTables,
    budget: Budget,
) -> Result<Vec<RejectedRow>> {
    let references = references(connection, unknown)?;
    let tables = names(connection, "SELECT name FROM main.sqlite_schema WHERE type = 'table'")?;
    let mut orphans = Orphans::new(unknown);
    for reference in &references {
        for (key, is_rewritten) in reference.dangling(connection, unknown, &tables)? {
            orphans.add(reference, key, is_rewritten)?;
        }
    }
    // The rows that refer to each table, once one of its rows is deleted.
    let mut links: Vec<Option<Vec<Links<'_>>>> = unknown.tables.iter().map(|_| None).collect();
    while let Some((table, key)) = orphans.next.pop_front() {
        if budget.is_spent() {
            return Err(budget.error("the copy of its own tables"));
        }
        let (Some(parent), Some(slot)) = (unknown.tables.get(table), links.get_mut(table)) else {
            continue;
        };
        if slot.is_none() {
            let mut found = Vec::new();
            for reference in &references {
                if reference.parent.eq_ignore_ascii_case(&parent.to) {
                    found.push((reference, reference.links(connection, unknown, parent)?));
                }
            }
            *slot = Some(found);
        }
        for (reference, links) in slot.iter().flatten() {
            let first = links.partition_point(|(parent, _)| *parent < key);
            let children = links.iter().skip(first).take_while(|(parent, _)| *parent == key);
            for (_, child) in children {
                orphans.add(reference, *child, false)?;
            }
        }
    }
    for (table, keys) in unknown.tables.iter().zip(&orphans.keys) {
        let failed = |cause| fault(&format!("the table {}", table.from), Some(budget), cause);
        delete(connection, table, keys).map_err(failed)?;
    }
    Ok(orphans.rejected)
}

/// A reference, with the keys of the parent's rows and of the rows that refer to them, sorted.
type Links<'a> = (&'a Reference, Vec<(i64, i64)>);

/// Rows that refer to no row.
struct Orphans<'a> {
    unknown: &'a UnknownTables,
    /// Keys of the rows of each table.
    keys: Vec<HashSet<i64>>,
    /// Table and key of those that others may refer to.
    next: VecDeque<(usize, i64)>,
    rejected: Vec<RejectedRow>,
}

impl<'a> Orphans<'a> {
    fn new(unknown: &'a UnknownTables) -> Self {
        let keys = unknown.tables.iter().map(|_| HashSet::new()).collect();
        Self { unknown, keys, next: VecDeque::new(), rejected: Vec::new() }
    }

    /// Adds a row, unless it was added already.
    fn add(&mut self, reference: &Reference, key: i64, is_rewritten: bool) -> Result<()> {
        let tables = &self.unknown.tables;
        let (Some(table), Some(keys)) =
            (tables.get(reference.child), self.keys.get_mut(reference.child))
        else {
            return Ok(());
        };
        let preserved = tables.iter().find(|p| p.to.eq_ignore_ascii_case(&reference.parent));
        let parent = preserved.map_or(&reference.parent, |preserved| &preserved.from);
        if matches!(table.key, RowKey::Hidden) {
            let reason = format!(
                "a row refers to a row of {parent} that does not exist, and cannot be identified, \
                 because columns are called rowid, _rowid_ and oid (rename one of them)"
            );
            return Err(cannot_preserve(&table.from, &reason));
        }
        if !keys.insert(key) {
            return Ok(());
        }
        let [own, theirs] = [0, 1].map(|side| reference.names(side));
        let reason = if is_rewritten {
            format!("refers to the old form of {parent}.{theirs}; the new form is canonical")
        } else {
            format!("refers to a row of {parent} that does not exist")
        };
        self.rejected.push(RejectedRow::new(&table.from, key, &own, reason));
        self.next.push_back((reference.child, key));
        Ok(())
    }
}

fn delete(
    connection: &Connection,
    table: &PreservedTable,
    keys: &HashSet<i64>,
) -> rusqlite::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS orphans (key INTEGER PRIMARY KEY); DELETE FROM temp.orphans",
    )?;
    let mut insert = connection.prepare("INSERT INTO temp.orphans VALUES (?)")?;
    for key in keys {
        insert.execute([key])?;
    }
    let to = quoted(&table.to);
    let condition = match &table.key {
        RowKey::Position(columns) => {
            let list = column_list(columns);
            format!(
                "({list}) IN (SELECT {list}
                     FROM (SELECT {} AS \" key\", {list} FROM main.{to})
                     WHERE \" key\" IN (SELECT key FROM temp.orphans))",
                table.key.expression()
            )
        }
        key => format!("{} IN (SELECT key FROM temp.orphans)", key.expression()),
    };
    connection.execute(&format!("DELETE FROM main.{to} WHERE {condition}"), [])?;
    Ok(())
}
