//! Transfer between two open connections.

use std::collections::BTreeMap;
use std::time::Instant;

use zenith_db::{DbConnection, Error};

use super::active::ActiveTransfer;
use super::digest::TableContents;
use super::error::{Result, TransferError};
use super::own;
use super::report::{TransferOptions, TransferProgress, TransferReport};
use super::rows::{ALL, HISTORY};
use super::source::SourceSnapshot;
use super::table::{ALL_KEYS, TransferTable};
use super::target::TransferTarget;

/// Copies every row of one database to another, with its key, and compares the two databases: the target
/// then has the rows that the source had when the transfer began.
///
/// The target must have the same migrations as the source, and no rows except those of `schema_version`:
/// not even the seeds. During the transfer it has a table `zenith_transfer`, and on PostgreSQL no foreign
/// keys, so no other program may use it. If the transfer is interrupted, the source is unchanged, and the
/// target is empty or the transfer can be resumed ([`TransferOptions::resume`]). The source may have
/// changed in between: a table whose copied rows differ from the source's is copied again.
///
/// `schema_version` keeps the times at which the source ran its migrations, with the checksums of the
/// target's own migrations. Sequences continue after the source's last keys. Rows written to the source
/// after the transfer has begun are not copied.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use zenith_db::Config;
/// # use zenith_db::manager::{Administrator, DatabaseManager};
/// # use zenith_db_transfer::{TransferOptions, transfer_between};
/// # use diesel::prelude::*;
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = |name: &str| directory.path().join(name);
/// # let open = |name: &str| {
/// #     let connection = SqliteConnection::establish(path(name).to_str().unwrap()).unwrap();
/// #     zenith_db::DbConnection::Sqlite(connection)
/// # };
/// # DatabaseManager::new(Config::for_path(path("old.db"))?)
/// #     .initialize(&Administrator::default())?;
/// # DatabaseManager::new(Config::for_path(path("new.db"))?)
/// #     .initialize(&Administrator::default())?;
/// # let (mut source, mut target) = (open("old.db"), open("new.db"));
/// let options = TransferOptions::default();
/// let moved = transfer_between(&mut source, &mut target, &options, &mut |progress| {
///     println!("{}: {} of {}", progress.table, progress.rows, progress.of);
/// });
/// # assert!(moved.unwrap_err().to_string().starts_with("the target is not empty"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`TransferError`] says what prevents the transfer and whether it can be resumed. Its variant
/// `Database` holds [`Error::TransactionOpen`] if a transaction is open on either connection, and
/// [`Error::Query`] if a database does not answer.
///
/// [`TransferError`]: crate::TransferError
pub fn transfer_between(
    source: &mut DbConnection,
    target: &mut DbConnection,
    options: &TransferOptions,
    progress: &mut dyn FnMut(TransferProgress),
) -> Result<TransferReport> {
    run(source, target, options, progress).map_err(TransferError::or_lost)
}

fn run(
    source: &mut DbConnection,
    target: &mut DbConnection,
    options: &TransferOptions,
    progress: &mut dyn FnMut(TransferProgress),
) -> Result<TransferReport> {
    let begun = Instant::now();
    if source.in_transaction() || target.in_transaction() {
        return Err(Error::TransactionOpen { operation: "a transfer" }.into());
    }
    let mut source = SourceSnapshot::begin(source)?;
    let mut target = TransferTarget::new(target)?;
    let mut own = own::all(source.connection(), options.migrations)?;
    own::note_target(&mut own, target.connection())?;
    let own = own.iter().map(|table| table as &dyn TransferTable);
    let mut tables: Vec<&dyn TransferTable> = ALL.iter().map(|table| *table as _).collect();
    tables.extend(own);
    let mut transfer = ActiveTransfer::begin(source, target, &tables, options, progress)?;
    let mut contents = BTreeMap::new();
    for table in tables.iter().filter(|table| table.name() != HISTORY) {
        contents.insert(table.name(), transfer.copy(*table)?);
    }
    contents.insert(HISTORY, transfer.source.identity()?);
    let tables = transfer.finish(&contents)?;
    Ok(TransferReport {
        rows: tables.iter().map(|table| table.target.rows).sum(),
        tables,
        left_behind: transfer.skipped.counted,
        unreadable_tables: transfer.skipped.unreadable,
        resumed_rows: transfer.resumed_rows,
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// Reads the number of rows and the digest of every table, by name, in one snapshot. Two databases with
/// equal results have the same rows.
///
/// # Errors
/// [`TransferError::Table`] if a row cannot be read. [`TransferError::Database`] holds
/// [`Error::TransactionOpen`] if a transaction is open, and [`Error::Query`] if the database does not
/// answer.
///
/// [`TransferError::Table`]: crate::TransferError::Table
/// [`TransferError::Database`]: crate::TransferError::Database
pub fn table_contents(
    connection: &mut DbConnection,
) -> Result<BTreeMap<&'static str, TableContents>> {
    if connection.in_transaction() {
        return Err(Error::TransactionOpen { operation: "a snapshot" }.into());
    }
    let mut snapshot = SourceSnapshot::begin(connection)?;
    let contents = ALL.iter().map(|table| {
        let contents = table.contents(snapshot.connection(), ALL_KEYS, &mut |_| ())?;
        Ok((table.name(), contents))
    });
    contents.collect()
}
