//! Moving a whole database to another, between SQLite and PostgreSQL or within either.
//!
//! 1. One snapshot of the source, read to the end; nothing is written there.
//! 2. The target has the same migrations and no rows, or the part that a stopped transfer left.
//! 3. Table by table, rows go over in batches. Each batch and the record of it (`zenith_transfer`)
//!    are one transaction, so that a stop at any moment loses no more than a batch.
//! 4. Last comes one transaction: the history, the sequences, the foreign keys, and the proof, for
//!    which every row of the target is read again. With it the record goes: a target without one is
//!    empty or proven.

mod digest;
mod error;
mod managed;
mod report;
mod rows;
mod run;
mod sequence;
mod source;
mod state;
mod table;
mod target;
mod value;

use std::collections::BTreeMap;
use std::time::Instant;

pub use digest::{ContentDigest, TableContents};
pub use error::{Result, TransferError};
pub use managed::{TransferRecord, transfer};
pub use report::{
    TransferOptions, TransferPhase, TransferProgress, TransferReport, TransferredTable,
};

use rows::{ALL, schema_version};
use run::Transfer;
use source::Snapshot;
use table::ALL_KEYS;
use target::Target;
use zenith_db::{DbConnection, Error};

/// What the history is called, which is not copied row by row.
const HISTORY: &str = <schema_version::Row as table::Row>::TABLE;

/// Moves every row of one database to another, with its key, and proves it: the target then is what
/// the source was when the transfer began.
///
/// The target has the migrations of the source and no rows but those of `schema_version`; not even
/// the seeds. While it is being filled it has a table `zenith_transfer`, and on PostgreSQL no
/// foreign keys: nothing else may use it. Whatever stops the transfer, the source is untouched,
/// and the target is empty or can be gone on with ([`TransferOptions::resume`]). In that case the
/// source may have changed meanwhile: a table of which the part that was copied is not the same any
/// more is copied anew.
///
/// `schema_version` keeps when the source ran its migrations, with the checksums of the target's own.
/// Sequences go on where the source's were. The source should not be in use by anybody who wants to
/// keep what is written from then on: it is not moved.
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
/// [`TransferError`] says what prevents the transfer and whether it can be resumed.
/// [`TransferError::Database`] holds [`Error::TransactionOpen`] if a transaction is open on either
/// connection, and [`Error::Query`] if a database does not answer.
pub fn transfer_between(
    source: &mut DbConnection,
    target: &mut DbConnection,
    options: &TransferOptions,
    progress: &mut dyn FnMut(TransferProgress),
) -> Result<TransferReport> {
    let begun = Instant::now();
    if source.in_transaction() || target.in_transaction() {
        return Err(Error::TransactionOpen { operation: "a transfer" }.into());
    }
    let source = Snapshot::begin(source)?;
    let target = Target::new(target)?;
    let mut transfer = Transfer::begin(source, target, options, progress)?;
    let mut contents = BTreeMap::new();
    for table in ALL.iter().filter(|table| table.name() != HISTORY) {
        contents.insert(table.name(), transfer.copy(*table)?);
    }
    contents.insert(HISTORY, transfer.source.identity()?);
    let tables = transfer.finish(&contents)?;
    Ok(TransferReport {
        rows: tables.iter().map(|table| table.target.rows).sum(),
        tables,
        left_behind: transfer.left_behind,
        resumed_rows: transfer.resumed_rows,
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// Rows and digest of every table, by name, in one snapshot: two databases for which this is equal
/// hold the same.
///
/// # Errors
/// [`TransferError::Table`] if a row cannot be read. [`TransferError::Database`] holds
/// [`Error::TransactionOpen`] if a transaction is open, and [`Error::Query`] if the database does not
/// answer.
pub fn table_contents(
    connection: &mut DbConnection,
) -> Result<BTreeMap<&'static str, TableContents>> {
    if connection.in_transaction() {
        return Err(Error::TransactionOpen { operation: "a snapshot" }.into());
    }
    let mut snapshot = Snapshot::begin(connection)?;
    let contents = ALL.iter().map(|table| {
        let contents = table.contents(snapshot.connection(), ALL_KEYS, &mut |_| ())?;
        Ok((table.name(), contents))
    });
    contents.collect()
}
