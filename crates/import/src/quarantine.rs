//! The quarantine file: rows that break a rule, as JSON Lines. It is private and never replaces another
//! file.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use zenith_db::Error;
use zenith_db::internal::catalog::{column_list, quoted};
use zenith_db::internal::connection::{NewFile, Owner};

use super::error::{AdoptionError, Result};
use super::legacy_db::LegacyDb;
use super::report::RejectedRow;
use super::unknown_tables::RowKey;

/// Refuses a path at which something exists.
pub(super) fn check(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    Ok(())
}

fn exists(path: &Path) -> AdoptionError {
    AdoptionError::QuarantineExists { path: path.to_owned() }
}

/// Writes the rows to a new file. It is removed again unless [`Quarantine::keep`] is called.
pub(super) fn write(
    legacy: &LegacyDb<'_>,
    rejected: &[RejectedRow],
    path: &Path,
) -> Result<Quarantine> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or_else(|| Path::new("."));
    let io = |cause| Error::io("write", path)(cause);
    let owner = Owner::of(directory).map_err(io)?;
    let mut file = NewFile::create(directory, owner)?;
    let mut writer = BufWriter::new(file.as_file_mut());
    let mut by_table: BTreeMap<&str, HashMap<i64, Vec<&RejectedRow>>> = BTreeMap::new();
    for row in rejected {
        by_table.entry(&row.table).or_default().entry(row.id).or_default().push(row);
    }
    for (table, rows) in by_table {
        let names = legacy.columns(table)?;
        let key = legacy.with(|connection| RowKey::of(connection, table))?.expression();
        let list = column_list(&names);
        let query = format!("SELECT {key}, {list} FROM {} ORDER BY 1", quoted(table));
        legacy.each(table, &query, |row| {
            for rejected in rows.get(&row.rowid).into_iter().flatten() {
                let values = names.iter().zip(&row.cells);
                let values: Map<String, Value> =
                    values.map(|(name, cell)| (name.clone(), cell.to_json())).collect();
                let line = json!({
                    "table": table, "id": row.rowid, "column": rejected.column,
                    "reason": rejected.reason, "row": values,
                });
                writeln!(writer, "{line}").map_err(io)?;
            }
            Ok(())
        })?;
    }
    writer.flush().map_err(io)?;
    drop(writer);
    match file.persist(path) {
        Ok(()) => Ok(Quarantine(Some(path.to_owned()))),
        Err(error) if error.is_already_exists() => Err(exists(path)),
        Err(error) => Err(error.into()),
    }
}

/// Quarantine file. It is removed when this is dropped, unless it is kept.
pub(super) struct Quarantine(Option<PathBuf>);

impl Quarantine {
    /// Keeps the file, and returns its path.
    pub(super) fn keep(mut self) -> Option<PathBuf> {
        self.0.take()
    }
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(cause) = std::fs::remove_file(path)
        {
            tracing::warn!(%cause, path = %path.display(), "the quarantine file could not be removed");
        }
    }
}
