//! One transfer, step by step.

use std::collections::BTreeMap;

use zenith_db::DbConnection;
use zenith_db::internal::catalog::row_counts;
use zenith_db::migrations::EmbeddedMigration;

use super::digest::TableContents;
use super::error::{Result, TransferError};
use super::report::{TransferOptions, TransferPhase, TransferProgress, TransferredTable};
use super::rows::{ALL, schema_version};
use super::source::{self, Snapshot};
use super::state::{Copied, Run, State};
use super::table::{ALL_KEYS, Row as _, Table, read_all};
use super::target::{self, Target};
use super::{HISTORY, sequence};

/// A transfer between its beginning and its end.
pub(super) struct Transfer<'a> {
    pub(super) source: Snapshot<'a>,
    target: Target<'a>,
    batch_rows: usize,
    progress: &'a mut dyn FnMut(TransferProgress),
    run: Run,
    state: State,
    pub(super) resumed_rows: i64,
    pub(super) left_behind: BTreeMap<String, i64>,
}

impl<'a> Transfer<'a> {
    /// Looks whether the target can be written to, and records that it will be.
    pub(super) fn begin(
        mut source: Snapshot<'a>,
        mut target: Target<'a>,
        options: &TransferOptions,
        progress: &'a mut dyn FnMut(TransferProgress),
    ) -> Result<Self> {
        let left_behind = check_source(source.connection(), options)?;
        let identity = source.identity()?.digest.to_string();
        let of_source = source.versions()?;
        let known: Vec<String> =
            options.migrations.iter().map(EmbeddedMigration::version).collect();
        let (run, state) = target.connection().write(|target| {
            let of_target = source::versions(target)?;
            if of_source != known || of_target != known {
                return Err(TransferError::OtherMigrations {
                    of_source: of_source.join(", "),
                    of_target: of_target.join(", "),
                    known: known.join(", "),
                });
            }
            match State::read(target)? {
                Some(state) if !options.resume => {
                    Err(TransferError::Interrupted { rows: state.rows() })
                }
                Some(state) if state.source != identity => Err(TransferError::OtherSource),
                Some(state) => Ok((Run::take_over(target)?, state)),
                None => {
                    ensure_empty(target)?;
                    let to_restore = target::take_away(target)?;
                    let state =
                        State { source: identity.clone(), to_restore, tables: BTreeMap::new() };
                    Ok::<_, TransferError>((Run::begin(target, &state)?, state))
                }
            }
        })?;
        let batch_rows = options.batch_rows.max(1);
        let resumed_rows = 0;
        Ok(Self { source, target, batch_rows, progress, run, state, resumed_rows, left_behind })
    }

    /// Copies what the target does not have yet of a table. Returns what the source has.
    pub(super) fn copy(&mut self, table: &'static dyn Table) -> Result<TableContents> {
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
            return Err(TransferError::OtherAuditLog);
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
    pub(super) fn finish(
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
            target::gather_statistics(target)?;
            let tables = prove(target, expected, *progress)?;
            Run::end(target)?;
            Ok(tables)
        })
    }
}

/// The source's history, with the checksums of the target's own migrations.
fn copy_history(source: &mut DbConnection, target: &mut DbConnection) -> Result<()> {
    let mut checksums = BTreeMap::new();
    read_all::<schema_version::Row>(target, ALL_KEYS, &mut |row| {
        checksums.insert(row.version, row.checksum);
        Ok(())
    })?;
    let mut history = Vec::new();
    read_all::<schema_version::Row>(source, ALL_KEYS, &mut |mut row| {
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
    Err(TransferError::Differs { tables: differing.join("; ") })
}

/// Refuses a source that cannot be moved whole. Returns the tables that stay behind, as asked.
pub(super) fn check_source(
    source: &mut DbConnection,
    options: &TransferOptions,
) -> Result<BTreeMap<String, i64>> {
    if State::read(source)?.is_some() {
        return Err(TransferError::UnfinishedSource);
    }
    let left_behind = other_tables(source)?;
    if !left_behind.is_empty() && !options.leave_other_tables {
        let found = left_behind.iter().map(|(table, rows)| counted(table, *rows));
        let found = found.collect::<Vec<_>>().join(", ");
        return Err(TransferError::OtherTables { found });
    }
    Ok(left_behind)
}

/// The tables with rows that the schema does not know, with how many: nobody would miss them until
/// it is too late.
fn other_tables(source: &mut DbConnection) -> Result<BTreeMap<String, i64>> {
    let known = |name: &str| name.starts_with("__") || ALL.iter().any(|table| table.name() == name);
    let counts = row_counts(source)?.into_iter();
    Ok(counts.filter(|(name, rows)| *rows > 0 && !known(name)).collect())
}

fn counted(table: &str, rows: i64) -> String {
    format!("{table} ({rows} {})", if rows == 1 { "row" } else { "rows" })
}

/// Refuses a target with rows in it, but for its history.
fn ensure_empty(target: &mut DbConnection) -> Result<()> {
    let mut found = Vec::new();
    for table in ALL.iter().filter(|table| table.name() != HISTORY) {
        let rows = table.count(target)?;
        if rows > 0 {
            found.push(counted(table.name(), rows));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(TransferError::NotEmpty { found: found.join(", ") })
}
