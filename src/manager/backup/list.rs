//! The backups in the backup directory.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use super::file_name::{BackupName, is_former};
use super::manifest::{BY_RESTORE, BackupManifest};
use super::newest::files;
use super::same_database;
use crate::backend::DbConnection;
use crate::config::Location;
use crate::connection;
use crate::error::{BackupFault, Error, Result};
use crate::manager::DatabaseManager;
use crate::types::UtcTime;

/// Backup in the backup directory, as its name and its manifest describe it. The file itself has not been
/// verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackupFile {
    /// Absolute path.
    pub path: PathBuf,
    /// Time in its name, in UTC; for a backup of the former application, the file's time of modification.
    pub created: UtcTime,
    /// Size of the file, in bytes.
    pub size_bytes: u64,
    /// Whether the file is a database of the former application.
    pub former: bool,
    /// Manifest; `None` for a backup of the former application, or if the manifest is missing or cannot be read.
    pub manifest: Option<BackupManifest>,
    /// What is wrong with the manifest, and what to do; `None` if it can be read, or there is none. Such a backup is
    /// neither verified nor restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_fault: Option<String>,
}

impl DatabaseManager {
    /// Returns the backups of this database in the backup directory, newest first, whatever `backup_jobs`
    /// records. For an SQLite database, those of the former application are among them. If the database is
    /// missing or damaged, the names of the files alone decide.
    ///
    /// # Errors
    /// [`Error::Locked`] or another error if a sound database cannot be read.
    pub fn backups(&self) -> Result<Vec<BackupFile>> {
        let mut found = match connection::inspect(&self.config, |connection| self.ours(connection))
        {
            Ok(found) => found,
            // Backups are needed most when the database is gone or damaged.
            Err(
                Error::NoDatabase { .. }
                | Error::Refused { .. }
                | Error::SideFile { .. }
                | Error::HotJournal { .. }
                | Error::Damaged(_)
                // Such as a NULL in a column that cannot have one.
                | Error::Query(_)
                | Error::Open { .. }
                | Error::Connect { .. },
            ) => self.by_name(),
            Err(error) => return Err(error),
        };
        if matches!(self.config.location(), Location::Sqlite(_)) {
            found.extend(self.of_former_application());
        }
        found.sort_by_key(|backup| std::cmp::Reverse(backup.created));
        Ok(found)
    }

    /// Returns the newest backup of this database in the backup directory, without those of the former
    /// application, and without the databases that a restore has replaced: repeating a restore that was killed
    /// takes the same backup again.
    ///
    /// # Errors
    /// [`Error::Backup`] if there is none; the errors of [`DatabaseManager::backups`].
    pub fn newest_backup(&self) -> Result<BackupFile> {
        let is_replaced = |backup: &BackupFile| {
            backup.manifest.as_ref().is_some_and(|found| found.triggered_by == BY_RESTORE)
        };
        let newest =
            self.backups()?.into_iter().find(|backup| !backup.former && !is_replaced(backup));
        newest.ok_or_else(|| {
            BackupFault::None {
                database: self.config.location().to_string(),
                directory: self.config.backup_dir().to_owned(),
            }
            .into()
        })
    }

    /// Returns the backups that are certainly of this database, newest first. Databases of the same name may share
    /// a directory, unless it is the default one, which may have been moved with its database.
    ///
    /// # Errors
    /// The error of the database, if it cannot be read.
    pub(super) fn certain_backups(&self) -> Result<Vec<BackupFile>> {
        let mut found = connection::inspect(&self.config, |connection| self.ours(connection))?;
        let is_default = self.config.backup_dir() == self.config.location().default_backup_dir();
        found.retain(|backup| {
            let says_nothing = backup.manifest.is_none() && backup.manifest_fault.is_none();
            is_default || says_nothing || self.is_source_of(backup)
        });
        found.sort_by_key(|backup| std::cmp::Reverse(backup.created));
        Ok(found)
    }

    /// Whether the manifest of a backup names this database.
    fn is_source_of(&self, backup: &BackupFile) -> bool {
        backup.manifest.as_ref().is_some_and(|found| found.is_of(&self.config))
    }

    fn by_name(&self) -> Vec<BackupFile> {
        let name = BackupName::of(&self.config);
        let found = files(self.config.backup_dir(), |name_of_file| name.time_of(name_of_file));
        found.into_iter().map(|(created, path)| described(created, path)).collect()
    }

    fn ours(&self, connection: &mut DbConnection) -> Result<Vec<BackupFile>> {
        let mut found = self.by_name();
        let mut error = None;
        found.retain(|backup| {
            self.is_source_of(backup)
                || same_database::is_of(&self.config, connection, backup.created, &backup.path)
                    .unwrap_or_else(|cause| {
                        error = Some(cause);
                        false
                    })
        });
        error.map_or(Ok(found), Err)
    }

    fn of_former_application(&self) -> Vec<BackupFile> {
        let stem = BackupName::of(&self.config);
        let found = files(self.config.backup_dir(), |name| {
            (is_former(name) || stem.is_retained_original(name)).then_some(())
        });
        let modified = |path: &PathBuf| fs::metadata(path).and_then(|found| found.modified());
        found
            .into_iter()
            .filter_map(|((), path)| {
                let created = UtcTime::from(chrono::DateTime::from(modified(&path).ok()?));
                Some(BackupFile { former: true, ..described(created, path) })
            })
            .collect()
    }
}

fn described(created: UtcTime, path: PathBuf) -> BackupFile {
    let (manifest, fault) = match BackupManifest::read(&path) {
        Ok(manifest) => (manifest, None),
        Err(fault) => (None, Some(fault.to_string())),
    };
    BackupFile {
        created,
        size_bytes: fs::metadata(&path).map_or(0, |file| file.len()),
        former: false,
        manifest,
        manifest_fault: fault,
        path,
    }
}
