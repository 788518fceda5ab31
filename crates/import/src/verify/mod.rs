//! Comparison of the two databases: each is read again, by a thread of its own.

mod metadata;
mod preserved;
mod read;
mod side;
mod tally;
#[cfg(test)]
mod tests;
mod unfaithful;

use std::collections::HashSet;
use std::path::Path;

use sha2::{Digest, Sha256};
use zenith_db::Error;
use zenith_db::config::SqliteOptions;
use zenith_db::internal::catalog::{IntegrityCheck, broken_references, ensure_intact};
use zenith_db::internal::config::counted;
use zenith_db::internal::connection;
use zenith_db::types::Sha256Hash;

use self::preserved::compare_preserved;
use self::read::{read_legacy, read_new};
use self::side::Side;
use self::unfaithful::unfaithful;
use super::build::BuildOutcome;
use super::column_map::ColumnMap;
use super::error::Result;
use super::legacy_db::LegacyDb;
use super::overflow_values;
use super::report::{ChangeReport, ColumnDigest, PreservedTableReport, TableReport};
use super::tables::TABLES;

/// Result of the comparison.
pub(super) struct Proof {
    pub(super) tables: Vec<TableReport>,
    pub(super) preserved: Vec<PreservedTableReport>,
}

/// Compares the two databases. Fails with the first difference.
pub(super) fn verify(
    legacy: &LegacyDb<'_>,
    built: &BuildOutcome,
    target: &Path,
    options: &SqliteOptions,
) -> Result<Proof> {
    let (old, new, integrity) = std::thread::scope(|scope| {
        let old = scope.spawn(|| read_legacy(legacy, built));
        let new = scope.spawn(|| read_new(legacy, built, target, options));
        let integrity = check_integrity(target, options);
        (old.join(), new.join(), integrity)
    });
    let panicked = |_| Error::Internal("a thread that compares panicked".into());
    let (old, new) = (old.map_err(panicked)??, new.map_err(panicked)??);
    integrity?;
    if old.overflow != new.overflow {
        return unfaithful(&format!("{} has other values than it should", overflow_values::TABLE));
    }
    let mut tables = Vec::new();
    for table in TABLES {
        let map = legacy.tables().map(|(map, _)| map).find(|map| map.table.name == table.name);
        tables.push(match (map, old.tables.get(table.name), new.tables.get(table.name)) {
            (Some(map), Some(old), Some(new)) => compare(map, old, new, built)?,
            _ => TableReport::absent(table.name),
        });
    }
    Ok(Proof { tables, preserved: compare_preserved(legacy, built, target, options)? })
}

fn compare(map: &ColumnMap, old: &Side, new: &Side, built: &BuildOutcome) -> Result<TableReport> {
    let table = map.table;
    let name = table.name;
    let rejected = built.context.rejected.get(name).map_or(0, HashSet::len);
    let quarantined = u64::try_from(rejected).unwrap_or(u64::MAX);
    if old.read != old.copied + quarantined || old.copied != new.copied {
        return unfaithful(&format!(
            "{name}: {} read, {quarantined} quarantined, {} written and {} found",
            counted(old.read, "row was", "rows were"),
            old.copied,
            new.copied
        ));
    }
    let mut columns = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        let hash = |digest: &Sha256| Sha256Hash::from(<[u8; 32]>::from(digest.clone().finalize()));
        let before = old.columns.get(index).map(hash);
        let expected = old.expected.get(index).and_then(Option::as_ref).map(hash).or(before);
        let after = new.columns.get(index).map(hash);
        if expected != after {
            return unfaithful(&format!("{name}.{} is not what was read", column.name));
        }
        columns.push(ColumnDigest {
            column: column.name.to_owned(),
            changed: old.changed.get(index).copied().unwrap_or(0),
            before: before.filter(|_| !column.is_derived()).map(|hash| hash.to_string()),
            after: after.map(|hash| hash.to_string()).unwrap_or_default(),
        });
    }
    let column_name =
        |index: usize| table.columns.get(index).map_or("", |column| column.name).to_owned();
    let changes = old.changes.iter().map(|((index, reason), rows)| ChangeReport {
        column: column_name(*index),
        reason: (*reason).to_owned(),
        rows: *rows,
    });
    Ok(TableReport {
        table: name.to_owned(),
        present: true,
        read: old.read,
        copied: old.copied,
        quarantined,
        changed: old.changed_rows,
        changes: changes.collect(),
        columns,
        unknown_columns: map.unknown_names(),
    })
}

/// Checks the pages, indexes and foreign keys of the new database.
fn check_integrity(target: &Path, options: &SqliteOptions) -> Result<()> {
    let mut connection = connection::inspect_copy(target, options)?;
    match ensure_intact(&mut connection, IntegrityCheck::Full, "the new database") {
        // What the error says about rescuing a database does not apply to one that is thrown away.
        Err(Error::IntegrityFaults { faults, .. }) => return unfaithful(&faults),
        other => drop(other?),
    }
    let faults = broken_references(&mut connection)?;
    if faults.is_empty() { Ok(()) } else { unfaithful(&faults.join("; ")) }
}
