//! Operations on any table, whatever its columns are.

use std::ops::RangeInclusive;

#[cfg(feature = "postgres")]
use zenith_db::internal::catalog::table_path;
use zenith_db::{DbConnection, Error};

use super::digest::TableContents;
use super::error::{Result, TransferError};

/// Range of keys.
pub(super) type Keys = RangeInclusive<i64>;

/// Range of all keys.
pub(super) const ALL_KEYS: Keys = i64::MIN..=i64::MAX;

/// Size in bytes at which a batch is written, however few rows it has.
const BATCH_BYTES: usize = 8 << 20;

/// Whether a column's value belongs to its database, so that it is not transferred.
pub(super) const fn is_each_databases_own(table: &str, column: &str) -> bool {
    matches!((table.as_bytes(), column.as_bytes()), (b"schema_version", b"checksum"))
}

/// Number of rows that one statement reads. If reading stops earlier, the client library must receive
/// the remaining rows before it can use the connection again, on PostgreSQL.
const PAGE_ROWS: i64 = 10_000;

/// Calls `each` with all rows in a range, ordered by key, until it fails.
pub(super) fn read_all<T: RowTable>(
    table: &T,
    connection: &mut DbConnection,
    keys: Keys,
    each: &mut dyn FnMut(T::Row) -> Result<()>,
) -> Result<()> {
    let (mut first, end) = keys.into_inner();
    loop {
        let (mut rows, mut last) = (0, end);
        table.read(connection, first..=end, PAGE_ROWS, &mut |row| {
            rows += 1;
            last = T::key(&row);
            each(row)
        })?;
        if rows < PAGE_ROWS || last == end {
            return Ok(());
        }
        first = last + 1;
    }
}

/// Function that commits a batch, from its last key, its number of rows, and a function that writes the
/// rows to the target.
pub(super) type Commit<'a> =
    dyn FnMut(i64, i64, &mut dyn FnMut(&mut DbConnection) -> Result<()>) -> Result<()> + 'a;

/// Table whose row type is erased, so that all tables can be in one list.
pub(super) trait TransferTable: Sync {
    /// Returns the name of the table.
    fn name(&self) -> &'static str;

    /// Fails if a value can be stored in one of the two databases only.
    fn ensure_fit(&self, connection: &mut DbConnection) -> Result<()>;

    /// Reads all rows in a range, and returns their number and digest. `each` is called with the number
    /// of rows after every thousand.
    fn contents(
        &self,
        connection: &mut DbConnection,
        keys: Keys,
        each: &mut dyn FnMut(i64),
    ) -> Result<TableContents>;

    /// Reads the rows in a range, commits them in batches, and adds them to `contents`.
    fn copy(
        &self,
        source: &mut DbConnection,
        keys: Keys,
        batch_rows: usize,
        contents: &mut TableContents,
        commit: &mut Commit<'_>,
    ) -> Result<()>;

    /// Deletes all rows.
    fn empty(&self, connection: &mut DbConnection) -> Result<()>;

    /// Returns the number of rows.
    fn count(&self, connection: &mut DbConnection) -> Result<i64>;

    /// Returns the greatest `id`; `None` if there are no rows.
    fn last_id(&self, connection: &mut DbConnection) -> Result<Option<i64>>;
}

/// Table with rows of one type: of the schema, for which `rows.rs` defines it, or of an application.
pub(super) trait RowTable: Sync {
    type Row;

    /// Returns the name of the table.
    fn table(&self) -> &'static str;

    /// Returns the key by which rows are ordered.
    fn key(row: &Self::Row) -> i64;

    /// Appends the encoded row, which does not depend on the backend.
    fn encode(&self, row: &Self::Row, out: &mut Vec<u8>);

    /// Returns the first column whose text contains the character NUL, which only SQLite can store: for the error of a row
    /// that is refused.
    fn column_with_nul(&self, _: &Self::Row) -> Option<&'static str> {
        None
    }

    /// Fails if a value can be stored in one of the two databases only. The library's schema has no such values.
    fn ensure_fit(&self, _: &mut DbConnection) -> Result<()> {
        Ok(())
    }

    /// Calls `each` with up to `limit` rows, ordered by key, until it fails. Only one row at a time is in memory.
    fn read(
        &self,
        connection: &mut DbConnection,
        keys: Keys,
        limit: i64,
        each: &mut dyn FnMut(Self::Row) -> Result<()>,
    ) -> Result<()>;

    /// Inserts the rows.
    fn write(&self, connection: &mut DbConnection, rows: &[Self::Row]) -> Result<()>;

    /// Deletes all rows.
    fn delete_all(&self, connection: &mut DbConnection) -> Result<()>;

    /// Returns the number of rows.
    fn rows(&self, connection: &mut DbConnection) -> Result<i64>;

    /// Returns the greatest `id`; `None` if there are no rows.
    fn greatest_id(&self, connection: &mut DbConnection) -> Result<Option<i64>>;
}

impl<T: RowTable> TransferTable for T {
    fn name(&self) -> &'static str {
        self.table()
    }

    fn ensure_fit(&self, connection: &mut DbConnection) -> Result<()> {
        RowTable::ensure_fit(self, connection)
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
        let read = read_all(self, connection, keys, &mut |row| {
            encoded.clear();
            self.encode(&row, &mut encoded);
            contents.add(&encoded);
            last = Some(T::key(&row));
            if contents.rows % 1_000 == 0 {
                each(contents.rows);
            }
            Ok(())
        });
        read.map_err(|error| reading_failed(self.table(), last, error))?;
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
        let mut batch: Vec<T::Row> = Vec::new();
        let (mut bytes, mut encoded) = (0, Vec::new());
        let mut last = None;
        let read = read_all(self, source, keys, &mut |row| {
            encoded.clear();
            self.encode(&row, &mut encoded);
            contents.add(&encoded);
            bytes += encoded.len();
            last = Some(T::key(&row));
            batch.push(row);
            if batch.len() >= batch_rows || bytes >= BATCH_BYTES {
                bytes = 0;
                hand_over(self, &batch, commit)?;
                batch.clear();
            }
            Ok(())
        });
        read.map_err(|error| reading_failed(self.table(), last, error))?;
        hand_over(self, &batch, commit)
    }

    fn empty(&self, connection: &mut DbConnection) -> Result<()> {
        #[cfg(feature = "postgres")]
        if let DbConnection::Postgres(_) = connection {
            use diesel::connection::SimpleConnection;
            let table = table_path(connection, self.table())?;
            // Deleted rows would occupy the file until it is vacuumed.
            return Ok(connection.batch_execute(&format!("TRUNCATE {table}"))?);
        }
        self.delete_all(connection)
    }

    fn count(&self, connection: &mut DbConnection) -> Result<i64> {
        self.rows(connection)
    }

    fn last_id(&self, connection: &mut DbConnection) -> Result<Option<i64>> {
        self.greatest_id(connection)
    }
}

/// Commits a batch. If that fails, commits its halves one by one, so that all rows before the one that
/// cannot be written are kept, and the error names that row.
fn hand_over<T: RowTable>(table: &T, batch: &[T::Row], commit: &mut Commit<'_>) -> Result<()> {
    let Some(last) = batch.last().map(T::key) else { return Ok(()) };
    let rows = i64::try_from(batch.len()).unwrap_or(i64::MAX);
    match commit(last, rows, &mut |target| table.write(target, batch)) {
        // No row is to blame, and nothing more can be written.
        Err(TransferError::Database(
            cause @ (Error::ConnectionLost(_) | Error::CommitUnknown(_)),
        )) => {
            Err(failed("writing", table.table(), format!("the rows up to the key {last}"), cause))
        }
        Err(TransferError::Database(cause)) if batch.len() == 1 => {
            let nul = batch.first().and_then(|row| table.column_with_nul(row));
            let nul = nul.map_or_else(String::new, |column| {
                format!(
                    ", whose {column} contains the character NUL, which PostgreSQL cannot store"
                )
            });
            Err(failed(
                "writing",
                table.table(),
                format!("the row with the key {last}{nul}"),
                cause,
            ))
        }
        Err(TransferError::Database(_)) => {
            let (before, after) = batch.split_at(batch.len() / 2);
            hand_over(table, before, commit)?;
            hand_over(table, after, commit)
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
