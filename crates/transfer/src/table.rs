//! What can be done with any table, whatever its columns.

use std::marker::PhantomData;
use std::ops::RangeInclusive;

use zenith_db::{DbConnection, Error};

use super::digest::TableContents;
use super::error::{Result, TransferError};

/// The keys from one to another, both included.
pub(super) type Keys = RangeInclusive<i64>;

/// Every key there can be.
pub(super) const ALL_KEYS: Keys = i64::MIN..=i64::MAX;

/// A batch is full at this many bytes, however few rows that are.
const BATCH_BYTES: usize = 8 << 20;

/// Whether a column's value says something about its own database, so that it is not moved.
pub(super) const fn is_each_databases_own(table: &str, column: &str) -> bool {
    matches!((table.as_bytes(), column.as_bytes()), (b"schema_version", b"checksum"))
}

/// A table's row; `rows.rs` makes one for each.
pub(super) trait Row: Sized + 'static {
    const TABLE: &'static str;

    /// What the rows are read in the order of.
    fn key(&self) -> i64;

    /// Appends the row as bytes that are the same on every database.
    fn encode(&self, out: &mut Vec<u8>);

    /// One row after the other, by key, until `each` fails; so many at the most. None but the present
    /// one is in memory.
    fn read(
        connection: &mut DbConnection,
        keys: Keys,
        limit: i64,
        each: &mut dyn FnMut(Self) -> Result<()>,
    ) -> Result<()>;

    fn write(connection: &mut DbConnection, rows: &[Self]) -> Result<()>;

    fn delete_all(connection: &mut DbConnection) -> Result<()>;

    fn count(connection: &mut DbConnection) -> Result<i64>;

    fn last_id(connection: &mut DbConnection) -> Result<Option<i64>>;
}

/// How many rows one statement reads. A statement that is given up on PostgreSQL is read to its end
/// before the connection can be used again.
const PAGE_ROWS: i64 = 10_000;

/// All rows, one after the other, by key, until `each` fails.
pub(super) fn read_all<R: Row>(
    connection: &mut DbConnection,
    keys: Keys,
    each: &mut dyn FnMut(R) -> Result<()>,
) -> Result<()> {
    let (mut first, end) = keys.into_inner();
    loop {
        let (mut rows, mut last) = (0, end);
        R::read(connection, first..=end, PAGE_ROWS, &mut |row| {
            rows += 1;
            last = row.key();
            each(row)
        })?;
        if rows < PAGE_ROWS || last == end {
            return Ok(());
        }
        first = last + 1;
    }
}

/// Takes a batch: its last key, how many rows it has, and what writes them to the target.
pub(super) type Commit<'a> =
    dyn FnMut(i64, i64, &mut dyn FnMut(&mut DbConnection) -> Result<()>) -> Result<()> + 'a;

/// A table without its type, so that there can be a list of them.
pub(super) trait Table: Sync {
    fn name(&self) -> &'static str;

    /// Rows and digest, by reading. `each` learns of every thousandth row how many there were.
    fn contents(
        &self,
        connection: &mut DbConnection,
        keys: Keys,
        each: &mut dyn FnMut(i64),
    ) -> Result<TableContents>;

    /// Reads the rows and hands them on in batches; adds them to `contents`.
    fn copy(
        &self,
        source: &mut DbConnection,
        keys: Keys,
        batch_rows: usize,
        contents: &mut TableContents,
        commit: &mut Commit<'_>,
    ) -> Result<()>;

    fn empty(&self, connection: &mut DbConnection) -> Result<()>;

    fn count(&self, connection: &mut DbConnection) -> Result<i64>;

    fn last_id(&self, connection: &mut DbConnection) -> Result<Option<i64>>;
}

/// The table that this is the row of.
pub(super) struct Of<R>(PhantomData<fn() -> R>);

impl<R> Of<R> {
    pub(super) const TABLE: Self = Self(PhantomData);
}

impl<R: Row> Table for Of<R> {
    fn name(&self) -> &'static str {
        R::TABLE
    }

    fn contents(
        &self,
        connection: &mut DbConnection,
        keys: Keys,
        each: &mut dyn FnMut(i64),
    ) -> Result<TableContents> {
        let mut contents = TableContents::default();
        let mut encoded = Vec::new();
        let mut last = None;
        let read = read_all::<R>(connection, keys, &mut |row| {
            encoded.clear();
            row.encode(&mut encoded);
            contents.add(&encoded);
            last = Some(row.key());
            if contents.rows % 1_000 == 0 {
                each(contents.rows);
            }
            Ok(())
        });
        read.map_err(|error| reading_failed(R::TABLE, last, error))?;
        Ok(contents)
    }

    fn copy(
        &self,
        source: &mut DbConnection,
        keys: Keys,
        batch_rows: usize,
        contents: &mut TableContents,
        commit: &mut Commit<'_>,
    ) -> Result<()> {
        let mut batch: Vec<R> = Vec::new();
        let (mut bytes, mut encoded) = (0, Vec::new());
        let mut last = None;
        let read = read_all::<R>(source, keys, &mut |row| {
            encoded.clear();
            row.encode(&mut encoded);
            contents.add(&encoded);
            bytes += encoded.len();
            last = Some(row.key());
            batch.push(row);
            if batch.len() >= batch_rows || bytes >= BATCH_BYTES {
                bytes = 0;
                hand_over(&batch, commit)?;
                batch.clear();
            }
            Ok(())
        });
        read.map_err(|error| reading_failed(R::TABLE, last, error))?;
        hand_over(&batch, commit)
    }

    fn empty(&self, connection: &mut DbConnection) -> Result<()> {
        #[cfg(feature = "postgres")]
        if let DbConnection::Postgres(inner) = connection {
            use diesel::connection::SimpleConnection;
            // Deleted rows would stay in the file until it is vacuumed.
            return Ok(inner.batch_execute(&format!("TRUNCATE {}", R::TABLE))?);
        }
        R::delete_all(connection)
    }

    fn count(&self, connection: &mut DbConnection) -> Result<i64> {
        R::count(connection)
    }

    fn last_id(&self, connection: &mut DbConnection) -> Result<Option<i64>> {
        R::last_id(connection)
    }
}

/// Commits the batch. If that fails, its halves: everything before the row that cannot be written is
/// kept, and the row is named.
fn hand_over<R: Row>(batch: &[R], commit: &mut Commit<'_>) -> Result<()> {
    let Some(last) = batch.last().map(R::key) else { return Ok(()) };
    let rows = i64::try_from(batch.len()).unwrap_or(i64::MAX);
    match commit(last, rows, &mut |target| R::write(target, batch)) {
        Err(TransferError::Database(cause)) if batch.len() == 1 => {
            Err(failed("writing", R::TABLE, format!("the row with the key {last}"), cause))
        }
        Err(TransferError::Database(_)) => {
            let (before, after) = batch.split_at(batch.len() / 2);
            hand_over(before, commit)?;
            hand_over(after, commit)
        }
        done => done,
    }
}

/// Names the place at which reading stopped. Any other error comes from the commit of a batch.
fn reading_failed(table: &'static str, last: Option<i64>, error: TransferError) -> TransferError {
    let TransferError::Database(cause) = error else { return error };
    let place =
        last.map_or_else(|| "its first row".into(), |last| format!("the row after the key {last}"));
    failed("reading", table, place, cause)
}

fn failed(action: &'static str, table: &'static str, place: String, cause: Error) -> TransferError {
    TransferError::Table { action, table, place, source: Box::new(cause) }
}
