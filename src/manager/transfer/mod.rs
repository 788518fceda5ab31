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
mod rows;
mod sequence;
mod source;
mod state;
mod table;
mod target;
mod value;

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

pub use digest::{ContentDigest, TableContents};

use crate::{DbConnection, Error, Result, TransferFault};
use rows::{ALL, schema_version};
use source::Snapshot;
use state::{Copied, Run, State};
use table::{ALL_KEYS, Row as _, Table};
use target::Target;

/// What the history is called, which is not copied row by row.
const HISTORY: &str = <schema_version::Row as table::Row>::TABLE;

/// How a transfer is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferOptions {
    /// Whether to go on with what a stopped transfer left in the target. Without it, such a target is
    /// refused. An empty one is begun with either way.
    pub resume: bool,
    /// How many rows are committed together, at the most; 5,000 by default, and at least 1. A batch
    /// that holds 8 MiB is committed sooner.
    pub batch_rows: usize,
}

impl Default for TransferOptions {
    fn default() -> Self {
        Self { resume: false, batch_rows: 5_000 }
    }
}

/// What a transfer is doing with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferPhase {
    /// Rows that a stopped transfer left in the target are compared with the source's.
    Comparing,
    /// Rows are copied; those that are counted have been committed.
    Copying,
    /// The target's rows are read again.
    Proving,
}

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TransferProgress {
    /// What is being done.
    pub phase: TransferPhase,
    /// The table.
    pub table: &'static str,
    /// How many of its rows are done.
    pub rows: i64,
    /// How many it has in the source.
    pub of: i64,
}

/// A table that was moved, as it is on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferredTable {
    /// Its name.
    pub table: &'static str,
    /// In the snapshot of the source.
    pub source: TableContents,
    /// In the target, read after everything was written.
    pub target: TableContents,
}

/// A transfer that was done and proven: on both sides every table has the same rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferReport {
    /// Every table, by name.
    pub tables: Vec<TransferredTable>,
    /// The rows of all of them.
    pub rows: i64,
    /// How many of them a stopped transfer had copied already, and were found equal.
    pub resumed_rows: i64,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

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
/// # fn main() -> zenith_db::Result<()> {
/// # use zenith_db::Config;
/// # use zenith_db::manager::{Administrator, DatabaseManager, TransferOptions, transfer_between};
/// # use diesel::prelude::*;
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = |name: &str| directory.path().join(name);
/// # let open = |name: &str| {
/// #     let connection = SqliteConnection::establish(path(name).to_str().unwrap()).unwrap();
/// #     zenith_db::DbConnection::Sqlite(connection)
/// # };
/// # DatabaseManager::new(Config::for_path(path("old.db"))?)
/// #     .initialize(&Administrator::default(), false)?;
/// # DatabaseManager::new(Config::for_path(path("new.db"))?)
/// #     .initialize(&Administrator::default(), false)?;
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
/// [`Error::Transfer`] says what stood in the way, and whether it can be gone on with;
/// [`Error::State`] if a transaction is open on either connection; [`Error::Query`] if one of the
/// databases does not answer.
pub fn transfer_between(
    source: &mut DbConnection,
    target: &mut DbConnection,
    options: &TransferOptions,
    progress: &mut dyn FnMut(TransferProgress),
) -> Result<TransferReport> {
    let begun = Instant::now();
    if source.in_transaction() || target.in_transaction() {
        return Err(Error::State("a transfer needs connections without a transaction".into()));
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
        resumed_rows: transfer.resumed_rows,
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// Rows and digest of every table, by name, in one snapshot: two databases for which this is equal
/// hold the same.
///
/// # Errors
/// [`Error::Transfer`] if a row cannot be read; [`Error::State`] if a transaction is open;
/// [`Error::Query`] if the database does not answer.
pub fn table_contents(
    connection: &mut DbConnection,
) -> Result<BTreeMap<&'static str, TableContents>> {
    if connection.in_transaction() {
        return Err(Error::State("a snapshot needs a connection without a transaction".into()));
    }
    let mut snapshot = Snapshot::begin(connection)?;
    let contents = ALL.iter().map(|table| {
        let contents = table.contents(snapshot.connection(), ALL_KEYS, &mut |_| ())?;
        Ok((table.name(), contents))
    });
    contents.collect()
}

/// A transfer between its beginning and its end.
struct Transfer<'a> {
    source: Snapshot<'a>,
    target: Target<'a>,
    batch_rows: usize,
    progress: &'a mut dyn FnMut(TransferProgress),
    run: Run,
    state: State,
    resumed_rows: i64,
}

impl<'a> Transfer<'a> {
    /// Looks whether the target can be written to, and records that it will be.
    fn begin(
        mut source: Snapshot<'a>,
        mut target: Target<'a>,
        options: &TransferOptions,
        progress: &'a mut dyn FnMut(TransferProgress),
    ) -> Result<Self> {
        let identity = source.identity()?.digest.to_string();
        let of_source = source.versions()?;
        let (run, state) = target.connection().write(|target| {
            let of_target = source::versions(target)?;
            if of_source != of_target {
                return Err(TransferFault::OtherMigrations {
                    source_versions: format!("{of_source:?}"),
                    target_versions: format!("{of_target:?}"),
                }
                .into());
            }
            match State::read(target)? {
                Some(state) if !options.resume => {
                    Err(TransferFault::Stopped { rows: state.rows() }.into())
                }
                Some(state) if state.source != identity => Err(TransferFault::OtherSource.into()),
                Some(state) => Ok((Run::take_over(target)?, state)),
                None => {
                    ensure_empty(target)?;
                    let to_restore = target::take_away(target)?;
                    let state =
                        State { source: identity.clone(), to_restore, tables: BTreeMap::new() };
                    Ok::<_, Error>((Run::begin(target, &state)?, state))
                }
            }
        })?;
        let batch_rows = options.batch_rows.max(1);
        Ok(Self { source, target, batch_rows, progress, run, state, resumed_rows: 0 })
    }

    /// Copies what the target does not have yet of a table. Returns what the source has.
    fn copy(&mut self, table: &'static dyn Table) -> Result<TableContents> {
        let name = table.name();
        let of = table.count(self.source.connection())?;
        let (mut contents, first_key) = self.compare(table, of)?;
        self.resumed_rows += contents.rows;
        let Self { source, target, batch_rows, progress, run, state, .. } = self;
        let mut committed = contents.rows;
        let mut report = |rows| {
            progress(TransferProgress { phase: TransferPhase::Copying, table: name, rows, of });
        };
        report(committed);
        if let Some(first_key) = first_key {
            let keys = first_key..=i64::MAX;
            let source = source.connection();
            table.copy(
                source,
                keys,
                *batch_rows,
                &mut contents,
                &mut |last_key, rows, write| {
                    committed += rows;
                    state.tables.insert(name.to_owned(), Copied { rows: committed, last_key });
                    target.connection().write(|target| {
                        run.record(target, state)?;
                        write(target)
                    })?;
                    report(committed);
                    Ok(())
                },
            )?;
        }
        Ok(contents)
    }

    /// What the target already has of a table and the source still has, and the first key that is to
    /// be copied, if there can be any. If the two are not the same, the target's is emptied.
    fn compare(
        &mut self,
        table: &'static dyn Table,
        of: i64,
    ) -> Result<(TableContents, Option<i64>)> {
        let name = table.name();
        let Some(copied) = self.state.tables.get(name).copied() else {
            return Ok((TableContents::default(), Some(i64::MIN)));
        };
        let mut report = |rows| {
            let phase = TransferPhase::Comparing;
            (self.progress)(TransferProgress { phase, table: name, rows, of });
        };
        let keys = i64::MIN..=copied.last_key;
        let ours = table.contents(self.source.connection(), keys, &mut report)?;
        let theirs = table.contents(self.target.connection(), ALL_KEYS, &mut |_| ())?;
        if ours == theirs {
            return Ok((ours, copied.last_key.checked_add(1)));
        }
        if name == "audit_log" {
            return Err(TransferFault::OtherAuditLog.into());
        }
        self.state.tables.remove(name);
        let Self { target, run, state, .. } = self;
        target.connection().write(|target| {
            run.record(target, state)?;
            table.empty(target)
        })?;
        Ok((TableContents::default(), Some(i64::MIN)))
    }

    /// Everything that makes a copy of the tables a database, and the proof, in one transaction.
    fn finish(
        &mut self,
        expected: &BTreeMap<&'static str, TableContents>,
    ) -> Result<Vec<TransferredTable>> {
        let Self { source, target, progress, run, state, .. } = self;
        let source = source.connection();
        target.connection().write(|target| {
            run.record(target, state)?;
            copy_history(source, target)?;
            for table in ALL {
                let last = sequence::last_key(source, *table)?;
                sequence::continue_after(target, *table, last)?;
            }
            target::put_back(target, state)?;
            let tables = prove(target, expected, *progress)?;
            Run::end(target)?;
            Ok(tables)
        })
    }
}

/// The source's history, with the checksums of the target's own migrations.
fn copy_history(source: &mut DbConnection, target: &mut DbConnection) -> Result<()> {
    let mut checksums = BTreeMap::new();
    schema_version::Row::read(target, ALL_KEYS, &mut |row| {
        checksums.insert(row.version, row.checksum);
        Ok(())
    })?;
    let mut history = Vec::new();
    schema_version::Row::read(source, ALL_KEYS, &mut |mut row| {
        row.checksum = checksums.remove(&row.version).flatten();
        history.push(row);
        Ok(())
    })?;
    schema_version::Row::delete_all(target)?;
    schema_version::Row::write(target, &history)
}

/// Reads the whole target and compares it.
fn prove(
    target: &mut DbConnection,
    expected: &BTreeMap<&'static str, TableContents>,
    progress: &mut dyn FnMut(TransferProgress),
) -> Result<Vec<TransferredTable>> {
    let mut tables = Vec::with_capacity(ALL.len());
    for table in ALL {
        let name = table.name();
        let source = expected.get(name).copied().unwrap_or_default();
        let mut report = |rows| {
            let phase = TransferPhase::Proving;
            progress(TransferProgress { phase, table: name, rows, of: source.rows });
        };
        let contents = table.contents(target, ALL_KEYS, &mut report)?;
        report(contents.rows);
        tables.push(TransferredTable { table: name, source, target: contents });
    }
    let differing = tables.iter().filter(|table| table.source != table.target);
    let differing: Vec<String> = differing
        .map(|TransferredTable { table, source, target }| {
            format!("{table} has {target} and should have {source}")
        })
        .collect();
    if differing.is_empty() {
        return Ok(tables);
    }
    Err(TransferFault::Unfaithful { tables: differing.join("; ") }.into())
}

/// Refuses a target with rows in it, but for its history.
fn ensure_empty(target: &mut DbConnection) -> Result<()> {
    let mut found = Vec::new();
    for table in ALL.iter().filter(|table| table.name() != HISTORY) {
        let rows = table.count(target)?;
        if rows > 0 {
            let rows_word = if rows == 1 { "row" } else { "rows" };
            found.push(format!("{} ({rows} {rows_word})", table.name()));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(TransferFault::NotEmpty { found: found.join(", ") }.into())
}
