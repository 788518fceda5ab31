//! Transfer in progress, from its start to its completion.

use std::collections::BTreeMap;

use zenith_db::DbConnection;
use zenith_db::internal::catalog::{IntegrityCheck, ensure_intact};
use zenith_db::internal::connection;

use super::digest::TableContents;
use super::error::{Result, TransferError};
use super::preconditions::{OtherTables, check_source, ensure_checked, ensure_empty};
use super::report::{TransferOptions, TransferPhase, TransferProgress, TransferredTable};
use super::rows::{ALL, schema_version};
use super::sequence;
use super::source::{self, SourceSnapshot};
use super::state::{CopiedRows, TransferLease, TransferState};
use super::table::{ALL_KEYS, RowTable as _, TransferTable, read_all};
use super::target::{self, TransferTarget};

/// Transfer that has been recorded in the target and is not complete.
pub(super) struct ActiveTransfer<'a> {
    pub(super) source: SourceSnapshot<'a>,
    target: TransferTarget<'a>,
    /// Tables of the schema and of the application.
    tables: &'a [&'a dyn TransferTable],
    batch_rows: usize,
    progress: &'a mut dyn FnMut(TransferProgress),
    lease: TransferLease,
    state: TransferState,
    pub(super) resumed_rows: i64,
    pub(super) skipped: OtherTables,
}

impl<'a> ActiveTransfer<'a> {
    /// Checks the source and the target, and records the transfer in the target.
    pub(super) fn begin(
        mut source: SourceSnapshot<'a>,
        mut target: TransferTarget<'a>,
        tables: &'a [&'a dyn TransferTable],
        options: &TransferOptions,
        progress: &'a mut dyn FnMut(TransferProgress),
    ) -> Result<Self> {
        let skipped = check_source(source.connection(), options)?;
        let of_source = source.versions()?;
        let mut known: Vec<String> =
            options.migrations.iter().map(|known| known.version()).collect();
        known.sort_unstable();
        let other_migrations = |of_target: &[String]| TransferError::OtherMigrations {
            of_source: listed(&of_source),
            of_target: listed(of_target),
            known: listed(&known),
        };
        // Before any table is read: without its migration, one may be missing.
        if of_source != known {
            return Err(other_migrations(&source::versions(target.connection())?));
        }
        // Rows that a damaged page hides would be missing without a difference.
        let unchecked = ensure_intact(source.connection(), IntegrityCheck::Full, "the source")?;
        ensure_checked(&unchecked, tables)?;
        for table in tables {
            table.ensure_fit(source.connection())?;
        }
        let identity = source.identity()?.digest.to_string();
        let (lease, state) = connection::write(target.connection(), |target| {
            let of_target = source::versions(target)?;
            if of_target != known {
                return Err(other_migrations(&of_target));
            }
            let state = TransferState::read(target)?;
            let is_marked = state.as_ref().is_some_and(TransferState::is_before_begin);
            match state.filter(|_| !is_marked) {
                Some(state) if !options.resume => {
                    Err(TransferError::Interrupted { rows: state.rows() })
                }
                Some(state) if state.source != identity => Err(TransferError::OtherSource),
                Some(state) => Ok((TransferLease::take_over(target)?, state)),
                None => {
                    ensure_empty(target, tables)?;
                    let to_restore = target::drop_foreign_keys(target, tables)?;
                    let state = TransferState {
                        source: identity.clone(),
                        to_restore,
                        tables: BTreeMap::new(),
                    };
                    let lease = if is_marked {
                        TransferLease::begin_marked(target, &state)?
                    } else {
                        TransferLease::begin(target, &state)?
                    };
                    Ok((lease, state))
                }
            }
        })?;
        let batch_rows = options.batch_rows.max(1);
        let resumed_rows = 0;
        Ok(Self {
            source,
            target,
            tables,
            batch_rows,
            progress,
            lease,
            state,
            resumed_rows,
            skipped,
        })
    }

    /// Copies the rows of a table that the target does not have yet. Returns the contents of the source's
    /// table.
    pub(super) fn copy(&mut self, table: &dyn TransferTable) -> Result<TableContents> {
        let name = table.name();
        let of = table.count(self.source.connection())?;
        let (mut contents, first_key) = self.compare(table, of)?;
        self.resumed_rows += contents.rows;
        let Self { source, target, batch_rows, progress, lease, state, .. } = self;
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
                    state.tables.insert(name.to_owned(), CopiedRows { rows: committed, last_key });
                    connection::write(target.connection(), |target| {
                        lease.record(target, state)?;
                        write(target)
                    })?;
                    report(committed);
                    Ok(())
                },
            )?;
        }
        Ok(contents)
    }

    /// Compares the rows that have been copied with the source's. Returns their contents and the first key
    /// to copy; `None` if no key can follow. If the rows differ, the target's table is emptied.
    fn compare(
        &mut self,
        table: &dyn TransferTable,
        of: i64,
    ) -> Result<(TableContents, Option<i64>)> {
        let name = table.name();
        let Some(copied) = self.state.tables.get(name).copied() else {
            self.empty_if_own(table)?;
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
        let Self { target, lease, state, .. } = self;
        connection::write(target.connection(), |target| {
            lease.record(target, state)?;
            table.empty(target)
        })?;
        Ok((TableContents::default(), Some(i64::MIN)))
    }

    /// Deletes the rows that triggers of the application have written to one of its tables meanwhile.
    fn empty_if_own(&mut self, table: &dyn TransferTable) -> Result<()> {
        if ALL.iter().any(|known| known.name() == table.name()) {
            return Ok(());
        }
        let Self { target, lease, state, .. } = self;
        connection::write(target.connection(), |target| {
            lease.record(target, state)?;
            table.empty(target)
        })
    }

    /// Completes the transfer in one transaction: history, sequences, foreign keys, statistics, and the
    /// comparison of the target with the expected contents.
    pub(super) fn finish(
        &mut self,
        expected: &BTreeMap<&'static str, TableContents>,
    ) -> Result<Vec<TransferredTable>> {
        let Self { source, target, tables, progress, lease, state, .. } = self;
        let source = source.connection();
        let ended = connection::write(target.connection(), |target| {
            lease.record(target, state)?;
            copy_history(source, target)?;
            for table in *tables {
                let last = sequence::last_key(source, *table)?;
                sequence::continue_after(target, *table, last)?;
            }
            target::restore_foreign_keys(target, state)?;
            target::gather_statistics(target, tables)?;
            let compared = compare_target(target, tables, expected, *progress)?;
            TransferLease::end(target)?;
            Ok(compared)
        });
        // Its record may be gone, by which `--resume` would know it.
        ended.map_err(TransferError::or_end_unknown)
    }
}

/// Copies the history of migrations, with the checksums of the target's own migrations.
fn copy_history(source: &mut DbConnection, target: &mut DbConnection) -> Result<()> {
    let mut checksums = BTreeMap::new();
    read_all(&schema_version::Table, target, ALL_KEYS, &mut |row| {
        checksums.insert(row.version, row.checksum);
        Ok(())
    })?;
    let mut history = Vec::new();
    read_all(&schema_version::Table, source, ALL_KEYS, &mut |mut row| {
        row.checksum = checksums.remove(&row.version).flatten();
        history.push(row);
        Ok(())
    })?;
    schema_version::Table.delete_all(target)?;
    schema_version::Table.write(target, &history)
}

/// Reads the whole target and compares it with the expected contents.
fn compare_target(
    target: &mut DbConnection,
    all: &[&dyn TransferTable],
    expected: &BTreeMap<&'static str, TableContents>,
    progress: &mut dyn FnMut(TransferProgress),
) -> Result<Vec<TransferredTable>> {
    let mut tables = Vec::with_capacity(all.len());
    for table in all {
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

fn listed(versions: &[String]) -> String {
    if versions.is_empty() { "none".into() } else { versions.join(", ") }
}
