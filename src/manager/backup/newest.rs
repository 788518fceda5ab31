//! The newest backup, by the files in the backup directory and the records in `backup_jobs`.
//!
//! The records may be incomplete, because the table may have been rolled back or restored, so that
//! the directory is read first. A record of a newer backup counts too, even if its file was
//! deleted or is in another directory.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::file_name::BackupName;
use super::record::last_recorded;
use super::same_database;
use crate::backend::DbConnection;
use crate::config::Config;
use crate::error::Result;
use crate::types::UtcTime;

/// Newest backup, described by its file or its record.
pub(in crate::manager) struct NewestBackup {
    pub(in crate::manager) path: PathBuf,
    /// Recorded start of the backup, or else the time in its name, which is its end.
    pub(in crate::manager) created: UtcTime,
    pub(in crate::manager) size_bytes: u64,
    pub(in crate::manager) exists: bool,
}

/// Returns the newest backup of this database, if any.
pub(in crate::manager) fn newest(
    config: &Config,
    connection: &mut DbConnection,
) -> Result<Option<NewestBackup>> {
    let name = BackupName::of(config);
    let recorded = last_recorded(connection)?.and_then(|job| {
        let path = PathBuf::from(job.backup_path?);
        Some(NewestBackup {
            exists: is_regular(&path),
            path,
            created: job.started_at,
            size_bytes: u64::try_from(job.backup_size.unwrap_or(0)).unwrap_or(0),
        })
    });
    let recorded_at = recorded.as_ref().map(|backup| {
        let file = backup.path.file_name().unwrap_or_default().to_string_lossy();
        name.time_of(&file).unwrap_or(backup.created)
    });
    let is_newer = |time: UtcTime| recorded_at.is_none_or(|recorded| time > recorded);
    let mut unrecorded = files(config.backup_dir(), |file| name.time_of(file));
    unrecorded.retain(|(time, _)| is_newer(*time));
    unrecorded.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    for (created, path) in unrecorded {
        if same_database::is_of(config, connection, created, &path)? {
            let size_bytes = fs::metadata(&path).map_or(0, |file| file.len());
            return Ok(Some(NewestBackup { path, created, size_bytes, exists: true }));
        }
    }
    Ok(recorded)
}

/// Returns the regular files in the directory of whose names `parse` makes something, with that.
pub(super) fn files<T>(directory: &Path, parse: impl Fn(&str) -> Option<T>) -> Vec<(T, PathBuf)> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(cause) => {
            if cause.kind() != ErrorKind::NotFound {
                tracing::warn!(%cause, "cannot list the backups in {}", directory.display());
            }
            return Vec::new();
        }
    };
    // Absolute, as recorded paths are.
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let backups = names.filter_map(|file| Some((parse(&file)?, directory.join(file))));
    backups.filter(|(_, path)| is_regular(path)).collect()
}

/// Returns whether the path names a regular file. A symbolic link is none: backups are renamed into
/// place, never linked.
fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}
