//! Copying the rows of the known tables: one thread reads and converts, one writes.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};

use diesel::connection::{DefaultLoadingMode, SimpleConnection};
use diesel::prelude::*;
use zenith_db::Error;
use zenith_db::Violation;
use zenith_db::config::SqliteOptions;
use zenith_db::internal::catalog::{column_list, columns, is_one_of, sqlite_tables};
use zenith_db::internal::connection;

use super::audit::Chain;
use super::cell::{AnyRow, Cell, Statement, with_values};
use super::error::Result;
use super::normalise::{Broken, Knowledge, Layout, NewRow};
use super::report::BrokenRow;
use super::tables::{AUDIT_LOG, REMEMBERED, TABLES};

/// Values that have no column in the new schema, where the table has no `metadata` for them.
pub(super) const ASIDE: &str = "legacy_values";

/// A batch is sent when it has this many rows or bytes.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 4 << 20;

type Converted = (i64, Result<NewRow, Broken>);

/// The former database and what is known of it so far.
pub(super) struct Former<'a> {
    pub(super) copy: &'a Path,
    pub(super) options: &'a SqliteOptions,
    pub(super) layouts: Vec<Layout>,
    /// Each layout's query for all rows, in the order of their keys.
    pub(super) queries: Vec<String>,
}

impl<'a> Former<'a> {
    pub(super) fn open(copy: &'a Path, options: &'a SqliteOptions) -> Result<Self> {
        let mut connection = connection::inspect_copy(copy, options)?;
        let connection = connection.sqlite()?;
        let there = sqlite_tables(connection)?;
        let (mut layouts, mut queries) = (Vec::new(), Vec::new());
        for table in TABLES.iter().filter(|table| is_one_of(table.name, &there)) {
            let columns = columns(connection, table.name)?;
            let list = column_list(&columns);
            queries.push(format!("SELECT id, {list} FROM {} ORDER BY id", table.name));
            layouts.push(Layout::new(table, &columns));
        }
        Ok(Self { copy, options, layouts, queries })
    }

    /// Each known table of the former database, with its query.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&Layout, &str)> {
        self.layouts.iter().zip(self.queries.iter().map(String::as_str))
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

/// Writes one table.
pub(super) struct Writer<'a> {
    connection: &'a mut SqliteConnection,
    layout: &'a Layout,
    insert: Vec<String>,
    numbers: Vec<bool>,
    chain: Option<Chain>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(connection: &'a mut SqliteConnection, layout: &'a Layout) -> Result<Self> {
        let table = layout.table;
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let head = format!("INSERT INTO {} ({}) VALUES", table.name, names.join(", "));
        let insert = with_values(&head, names.len());
        let chain = if table.name == AUDIT_LOG { Some(Chain::new(connection)?) } else { None };
        let numbers = table.columns.iter().map(|column| column.rule.makes_numbers()).collect();
        Ok(Self { connection, layout, insert, numbers, chain })
    }

    /// Writes a row, or says which rule of the new schema it breaks. Any other failure is an error.
    pub(super) fn write(&mut self, rowid: i64, row: &NewRow) -> Result<Result<(), Broken>> {
        let written = match &mut self.chain {
            Some(chain) => chain.append(self.connection, &row.cells)?,
            None => Statement::new(&self.insert, &row.cells, &self.numbers)
                .execute(self.connection)
                .map(drop),
        };
        if let Err(error) = written {
            let violation = Violation::of(error).map_err(Error::Query)?;
            return self.explain(&violation, row).map(Err);
        }
        for (column, cell) in &row.aside {
            set_aside(self.connection, self.layout.table.name, rowid, column, cell)?;
        }
        Ok(Ok(()))
    }

    /// The rule, and of a duplicate the row that came first.
    fn explain(&mut self, violation: &Violation, row: &NewRow) -> Result<Broken> {
        let table = self.layout.table;
        let place = |name: &str| table.columns.iter().position(|column| column.name == name);
        let named: Vec<usize> = violation.columns().iter().filter_map(|name| place(name)).collect();
        let column = named.first().and_then(|place| table.columns.get(*place));
        let mut reason = violation.to_string();
        if violation.rule() == zenith_db::Rule::Duplicate && !named.is_empty() {
            let cells: Vec<Cell> =
                named.iter().filter_map(|place| row.cells.get(*place).cloned()).collect();
            let columns = violation.columns().join(", ");
            let head = format!("SELECT id AS rowid FROM {} WHERE ({columns}) =", table.name);
            let parts = with_values(&head, cells.len());
            let query = Statement::new(&parts, &cells, &[]);
            let first: Option<AnyRow> = query.get_result(self.connection).optional()?;
            if let Some(first) = first {
                reason = format!("{reason}: row {}", first.rowid);
            }
        }
        Ok(Broken { column: column.map_or("", |column| column.source), reason })
    }
}

/// Makes the place for values without a column. It goes again if nothing came to lie in it.
pub(super) fn create_aside(connection: &mut SqliteConnection) -> Result<()> {
    Ok(connection.batch_execute(&format!(
        "CREATE TABLE {ASIDE} (
             table_name TEXT NOT NULL, row_id BIGINT NOT NULL, column_name TEXT NOT NULL, value,
             PRIMARY KEY (table_name, row_id, column_name)
         ) WITHOUT ROWID"
    ))?)
}

/// Keeps a value for which there is no column.
pub(super) fn set_aside(
    connection: &mut SqliteConnection,
    table: &str,
    row: i64,
    column: &str,
    cell: &Cell,
) -> Result<()> {
    let insert = with_values(&format!("INSERT OR REPLACE INTO {ASIDE} VALUES"), 4);
    let cells =
        [Cell::Text(table.into()), Cell::Integer(row), Cell::Text(column.into()), cell.clone()];
    Statement::new(&insert, &cells, &[]).execute(connection)?;
    Ok(())
}

/// Copies every row of a table, in one transaction.
pub(super) fn copy_table(
    connection: &mut SqliteConnection,
    former: &Former<'_>,
    (layout, query): (&Layout, &str),
    knowledge: &mut Knowledge,
    broken: &mut Vec<BrokenRow>,
) -> Result<()> {
    let name = layout.table.name;
    let (mut kept, mut quarantined) = (HashSet::new(), HashSet::new());
    let remembered = REMEMBERED.contains(&name);
    connection.batch_execute("BEGIN")?;
    let known = &*knowledge;
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(4);
        let reader = scope.spawn(move || read(former, layout, query, known, &sender));
        let mut writer = Writer::new(connection, layout)?;
        for batch in receiver {
            for (rowid, converted) in batch {
                let fate = match converted {
                    Ok(row) => writer.write(rowid, &row)?,
                    Err(broken) => Err(broken),
                };
                match fate {
                    Ok(()) => remembered && kept.insert(rowid),
                    Err(Broken { column, reason }) => {
                        broken.push(BrokenRow::new(name, rowid, column, reason));
                        quarantined.insert(rowid)
                    }
                };
            }
        }
        reader.join().map_err(|_| Error::Internal("the thread that reads ended early".into()))?
    })?;
    connection.batch_execute("COMMIT")?;
    if remembered {
        knowledge.kept.insert(name, kept);
    }
    knowledge.quarantined.insert(name, quarantined);
    Ok(())
}

fn read(
    former: &Former<'_>,
    layout: &Layout,
    query: &str,
    knowledge: &Knowledge,
    sender: &SyncSender<Vec<Converted>>,
) -> Result<()> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    // If the writer is gone, its own error is the one that counts.
    let mut closed = false;
    former.each(query, |row| {
        if closed {
            return Ok(());
        }
        bytes += row.cells.iter().map(Cell::weight).sum::<usize>();
        batch.push((row.rowid, layout.convert(row.rowid, &row.cells, knowledge)));
        if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
            bytes = 0;
            closed = sender.send(std::mem::take(&mut batch)).is_err();
        }
        Ok(())
    })?;
    drop(sender.send(batch));
    Ok(())
}

/// References to rows that came later, or of a table to itself, could not be known when their rows
/// were written: those that lead nowhere are taken away now.
pub(super) fn settle(
    connection: &mut SqliteConnection,
    former: &Former<'_>,
    knowledge: &mut Knowledge,
) -> Result<()> {
    let nowhere =
        |column: &str| format!("{column} IS NOT NULL AND {column} NOT IN (SELECT id FROM users)");
    let users = format!("{} OR {}", nowhere("created_by"), nowhere("updated_by"));
    let parents = "parent_message_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM chat_history AS p
                   WHERE p.message_id = chat_history.parent_message_id)";
    let queries = HashMap::from([
        ("roles", nowhere("created_by")),
        ("users", users),
        ("chat_history", parents.to_owned()),
    ]);
    for (layout, query) in former.tables() {
        let name = layout.table.name;
        let Some(condition) = queries.get(name) else { continue };
        let query_new = format!("SELECT id AS rowid FROM {name} WHERE {condition}");
        let found: Vec<AnyRow> = diesel::sql_query(query_new).load(connection)?;
        let ids: HashSet<i64> = found.into_iter().map(|row| row.rowid).collect();
        if ids.is_empty() {
            continue;
        }
        if name == "chat_history" {
            knowledge.orphans.clone_from(&ids);
        }
        connection.batch_execute("BEGIN")?;
        let mut writer = Writer::new(connection, layout)?;
        former.each(query, |row| {
            if !ids.contains(&row.rowid) {
                return Ok(());
            }
            let new = layout.convert(row.rowid, &row.cells, knowledge);
            let new = new.map_err(|broken| Error::Internal(broken.reason))?;
            let delete = format!("DELETE FROM {name} WHERE id = {}", row.rowid);
            writer.connection.batch_execute(&delete)?;
            writer.write(row.rowid, &new)?.map_err(|broken| Error::Internal(broken.reason))?;
            Ok(())
        })?;
        connection.batch_execute("COMMIT")?;
    }
    Ok(())
}
