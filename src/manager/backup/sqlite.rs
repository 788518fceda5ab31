//! Copy of the pages of an SQLite database, and its verification.

use std::path::Path;

use super::content::{CHECKING, COPYING, FileProgress};
use super::copy::{COMPARED, CopyOutcome, Fidelity};
use crate::backend::DbConnection;
use crate::catalog::{
    IntegrityCheck, RowCounts, UnreadableTable, broken_references, ensure_intact, row_counts,
    row_differences,
};
use crate::config::Config;
use crate::connection;
use crate::error::{BackupFault, Result};

/// Copies the database into an empty file, and verifies the copy.
pub(super) fn copy(
    source: &mut DbConnection,
    path: &Path,
    target: &Path,
    config: &Config,
    progress: &mut dyn FnMut(FileProgress),
) -> Result<CopyOutcome> {
    let before = Contents::of(source)?;
    connection::copy_pages(path, target, config.sqlite().busy_timeout, &mut |done, total| {
        progress(FileProgress { action: COPYING, done, total });
    })?;
    progress(FileProgress::unmeasured(CHECKING));
    let after = Contents::of(source)?;
    let mut copy = connection::inspect_copy(target, config.sqlite())?;
    // The copy has every fault of the database, and is not written meanwhile.
    let unchecked = ensure_intact(&mut copy, IntegrityCheck::Full, config.location())?;
    check(&mut copy, &before, &after, unchecked)
}

fn check(
    copy: &mut DbConnection,
    before: &Contents,
    after: &Contents,
    unchecked: Vec<UnreadableTable>,
) -> Result<CopyOutcome> {
    let unfaithful = |reason: String| Err(BackupFault::Unfaithful { reason }.into());
    let found = Contents::of(copy)?;
    let undisturbed = before.commits == after.commits;
    if undisturbed && let Some(differences) = before.differences(&found) {
        return unfaithful(format!("its row counts are not those of the database:{differences}"));
    }
    let fidelity = if undisturbed { Fidelity::ExactRowCounts } else { Fidelity::SameTables };
    let names = |contents: &Contents| {
        let RowCounts { counted, unreadable } = &contents.rows;
        let unreadable = unreadable.iter().map(|table| &table.name);
        counted.iter().map(|(name, _)| name).chain(unreadable).cloned().collect::<Vec<_>>()
    };
    if names(&found) != names(after) && names(&found) != names(before) {
        return unfaithful("its tables differ from those of the database".into());
    }
    // The copy is faithful; the health check reports broken foreign keys of the database.
    let broken = broken_references(copy)?.len();
    if broken > 0 {
        tracing::warn!(
            broken,
            "the database has rows that violate foreign keys, and so has its backup"
        );
    }
    Ok(CopyOutcome::of(found.rows, unchecked, fidelity))
}

/// Row counts of a database at one moment.
struct Contents {
    /// Changes whenever another connection commits.
    commits: String,
    rows: RowCounts,
}

impl Contents {
    /// Returns the differences of a copy as a small table.
    fn differences(&self, copy: &Self) -> Option<String> {
        let counts = |contents: &Self| contents.rows.counted.iter().cloned().collect();
        row_differences(COMPARED, [&counts(self), &counts(copy)])
    }

    fn of(connection: &mut DbConnection) -> Result<Self> {
        let inner = connection.sqlite()?;
        let commits = connection::read_pragma(inner, "data_version", "data_version")?;
        Ok(Self { commits, rows: row_counts(connection)? })
    }
}
