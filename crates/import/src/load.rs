//! Copy of the rows of a known table: one thread reads and converts, one writes.

use std::collections::HashSet;
use std::sync::mpsc::{SyncSender, sync_channel};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::Error;

use super::cell::Cell;
use super::column_map::{ColumnMap, NewRow, Rejection};
use super::context::ConversionContext;
use super::error::Result;
use super::legacy_db::LegacyDb;
use super::report::RejectedRow;
use super::table_writer::TableWriter;
use super::tables::TRACKED;

/// A batch is sent when it has this many rows or bytes.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 4 << 20;

/// Number of a former row, with the row that it becomes.
type Converted = (i64, Result<NewRow, Rejection>);

/// Copies every row of a table, in one transaction.
pub(super) fn copy_table(
    connection: &mut SqliteConnection,
    legacy: &LegacyDb<'_>,
    (map, query): (&ColumnMap, &str),
    context: &mut ConversionContext,
    rejected_rows: &mut Vec<RejectedRow>,
) -> Result<()> {
    let name = map.table.name;
    let (mut copied, mut rejected) = (HashSet::new(), HashSet::new());
    let tracked = TRACKED.contains(&name);
    connection.batch_execute("BEGIN")?;
    let known = &*context;
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(4);
        let reader = scope.spawn(move || read(legacy, map, query, known, &sender));
        let mut writer = TableWriter::new(connection, map)?;
        for batch in receiver {
            for (rowid, converted) in batch {
                let written = match converted {
                    Ok(row) => writer.write(rowid, &row)?,
                    Err(rejection) => Err(rejection),
                };
                match written {
                    Ok(()) => tracked && copied.insert(rowid),
                    Err(Rejection { column, reason }) => {
                        rejected_rows.push(RejectedRow::new(name, rowid, column, reason));
                        rejected.insert(rowid)
                    }
                };
            }
        }
        let panicked = |_| Error::Internal("the thread that reads panicked".into());
        reader.join().map_err(panicked)?
    })?;
    connection.batch_execute("COMMIT")?;
    if tracked {
        context.copied.insert(name, copied);
    }
    context.rejected.insert(name, rejected);
    Ok(())
}

fn read(
    legacy: &LegacyDb<'_>,
    map: &ColumnMap,
    query: &str,
    context: &ConversionContext,
    sender: &SyncSender<Vec<Converted>>,
) -> Result<()> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    // If the writer has failed, its error is the one that is reported.
    let mut closed = false;
    legacy.each(map.table.name, query, |row| {
        if closed {
            return Ok(());
        }
        bytes += row.cells.iter().map(Cell::heap_size).sum::<usize>();
        batch.push((row.rowid, map.convert(row.rowid, &row.cells, context)));
        if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
            bytes = 0;
            closed = sender.send(std::mem::take(&mut batch)).is_err();
        }
        Ok(())
    })?;
    drop(sender.send(batch));
    Ok(())
}
