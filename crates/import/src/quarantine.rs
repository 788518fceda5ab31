//! The rows that break a rule, as JSON Lines in a file that is private and never replaces another.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;
use zenith_db::Error;
use zenith_db::internal::catalog::quoted;
use zenith_db::internal::catalog::{column_list, columns};
use zenith_db::internal::connection;

use super::carry::Key;
use super::error::{AdoptionError, Result};
use super::load::Former;
use super::report::BrokenRow;

/// Refuses a file that is there already, before anything is done.
pub(super) fn check(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(taken(path));
    }
    Ok(())
}

fn taken(path: &Path) -> AdoptionError {
    AdoptionError::QuarantineExists { path: path.to_owned() }
}

/// Writes the rows under their name. The file is removed again unless it is kept.
pub(super) fn write(former: &Former<'_>, broken: &[BrokenRow], path: &Path) -> Result<Quarantined> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or_else(|| Path::new("."));
    let io = |cause| Error::io("write", path)(cause);
    let file =
        tempfile::Builder::new().prefix(".quarantine-").tempfile_in(directory).map_err(io)?;
    let mut writer = BufWriter::new(file);
    let mut by_table: BTreeMap<&str, HashMap<i64, Vec<&BrokenRow>>> = BTreeMap::new();
    for row in broken {
        by_table.entry(&row.table).or_default().entry(row.id).or_default().push(row);
    }
    for (table, rows) in by_table {
        let (names, key) = {
            let mut connection = connection::inspect_copy(former.copy, former.options)?;
            let connection = connection.sqlite()?;
            (columns(connection, table)?, Key::of(connection, table)?.expression())
        };
        let list = column_list(&names);
        let query = format!("SELECT {key}, {list} FROM {} ORDER BY 1", quoted(table));
        former.each(&query, |row| {
            for broken in rows.get(&row.rowid).into_iter().flatten() {
                let values = names.iter().zip(&row.cells);
                let values: Map<String, Value> =
                    values.map(|(name, cell)| (name.clone(), cell.to_json())).collect();
                let line = json!({
                    "table": table, "id": row.rowid, "column": broken.column,
                    "reason": broken.reason, "row": values,
                });
                writeln!(writer, "{line}").map_err(io)?;
            }
            Ok(())
        })?;
    }
    let file: NamedTempFile = writer.into_inner().map_err(|failed| io(failed.into_error()))?;
    file.as_file().sync_all().map_err(io)?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(failed) if failed.error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(taken(path));
        }
        Err(failed) => return Err(io(failed.error).into()),
    }
    let quarantined = Quarantined(Some(path.to_owned()));
    connection::sync_dir(directory).map_err(Error::io("write through", directory))?;
    Ok(quarantined)
}

/// A file that is removed unless it is kept.
pub(super) struct Quarantined(Option<PathBuf>);

impl Quarantined {
    pub(super) fn keep(mut self) -> Option<PathBuf> {
        self.0.take()
    }
}

impl Drop for Quarantined {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(cause) = std::fs::remove_file(path)
        {
            tracing::warn!(%cause, path = %path.display(), "the quarantined rows stayed behind");
        }
    }
}
