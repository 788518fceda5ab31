//! A backup as a database that is ready to take its name.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use super::RestoreOptions;
use super::present::Present;
use crate::catalog::{row_counts, row_differences};
use crate::config::Config;
use crate::connection::{self, Owner, StagingDir};
use crate::error::{BackupFault, Error, MigrationFault, Result};
use crate::manager::DatabaseManager;
use crate::manager::backup::{FileProgress, PlainBackup, VerifiedBackup, write_bytes};
use crate::manager::disk_space::ensure_room;

/// Copy of a backup that has been checked, with all migrations unless the options leave them out.
pub(super) struct Staged {
    /// Manager for the copy.
    pub(super) manager: DatabaseManager,
    /// Names of the migrations that the backup lacked.
    pub(super) migrations: Vec<String>,
}

impl DatabaseManager {
    /// Copies a backup into the staging directory, applies the migrations that it lacks, and checks it.
    pub(super) fn stage(
        &self,
        backup: &PlainBackup,
        staging: &StagingDir,
        owner: Owner,
        options: RestoreOptions,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<(Staged, PathBuf)> {
        let path = staging.file("new.db");
        let failed = |cause| Error::io("write", &path)(cause);
        let mut private = OpenOptions::new();
        private.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut private, 0o600);
        let mut file = private.open(&path).map_err(failed)?;
        if write_bytes(backup.contents(), &mut file, progress)? != backup.digest() {
            return Err(backup.damaged("it changed while it was restored".to_owned()).into());
        }
        drop(file);
        let location = Config::for_path(&path)?.location().clone();
        let manager = self.for_config(self.config.for_temporary_copy(location));
        let migrations = manager.bring_up_to_date(&backup.report, options)?;
        // Its log is empty, and closing the last connection has removed it.
        let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
        owner.give(&file).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok((Staged { manager, migrations }, path))
    }

    /// Applies the migrations that a restored backup lacks, unless the options leave them out, and checks the
    /// result. Returns the names of the migrations.
    pub(super) fn bring_up_to_date(
        &self,
        backup: &VerifiedBackup,
        options: RestoreOptions,
    ) -> Result<Vec<String>> {
        let migrate = || {
            self.ensure_ours()?;
            // Without its migrations, it would fail the checks of the schema.
            options.migrate.then(|| self.migrate()).transpose()
        };
        let migrated = match migrate() {
            Err(Error::Migration(MigrationFault::NewerDatabase { versions })) => {
                let path = backup.path.clone();
                return Err(BackupFault::Newer { path, versions }.into());
            }
            migrated => migrated?,
        };
        let Some(report) = migrated else { return Ok(Vec::new()) };
        if let Some(fault) = self.health_check().failures().find(|check| check.critical) {
            let reason = format!("{}: {}", fault.name, fault.details);
            return Err(BackupFault::Damaged { path: backup.path.clone(), reason }.into());
        }
        Ok(report.steps.into_iter().map(|step| step.name).collect())
    }

    /// Compares the row counts of the restored database with those of its backup.
    pub(super) fn ensure_rows_of(&self, backup: &VerifiedBackup) -> Result<()> {
        let counted = connection::inspect(&self.config, row_counts)?.counted;
        let counted: BTreeMap<String, i64> = counted.into_iter().collect();
        let names = ["rows in the backup", "rows in the restored database"];
        let Some(differences) = row_differences(names, [&backup.tables, &counted]) else {
            return Ok(());
        };
        let reason = if counted.is_empty() {
            "its tables are in another schema than the first one in the search_path of the database"
                .to_owned()
        } else {
            format!("the restored tables do not have its row counts:{differences}")
        };
        Err(BackupFault::Damaged { path: backup.path.clone(), reason }.into())
    }

    /// Refuses to begin without space for the copy of the backup, and for what is kept of the existing
    /// database.
    pub(super) fn ensure_room(
        &self,
        directory: &Path,
        present: Option<&Present<'_>>,
        backup: &PlainBackup,
    ) -> Result<()> {
        let backups = self.config.backup_dir();
        let kept = present.map_or(0, Present::size_bytes);
        // The migrations of an older backup may write every page anew.
        let restored = backup.digest().size_bytes.saturating_mul(2);
        ensure_room([
            ("restoring the backup", directory, restored),
            ("keeping the existing database", backups, kept),
        ])
        .map(drop)
    }
}
