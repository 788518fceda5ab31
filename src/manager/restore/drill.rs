//! The drill: a rehearsal that restores the newest backup to a temporary file or database, to know that it can be restored.

use std::time::Instant;

use super::RestoreOptions;
use super::report::DrillReport;
use super::staged::Staged;
use crate::backend::DbConnection;
use crate::catalog::table_exists;
#[cfg(feature = "postgres")]
use crate::config::Location;
use crate::connection::{self, Access, Owner, StagingDir};
#[cfg(feature = "postgres")]
use crate::connection::{ScratchDatabase, right_missing};
use crate::error::{BackupFault, Error, Result, chain};
use crate::manager::DatabaseManager;
use crate::manager::backup::{BackupFile, CHECKING, FileProgress, VerifiedBackup};
use crate::models::{HealthObservation, SystemHealth};
use crate::types::{Component, HealthStatus, JsonText, UtcTime};

impl DatabaseManager {
    /// Restores the newest backup of this database ([`DatabaseManager::newest_backup`]) to a temporary file in
    /// the backup directory, or to a temporary database on the server, applies the migrations that it lacks, runs
    /// the deep health check without that of the ages of backups, and removes the copy. If no migration was applied, the number of rows is compared
    /// with that of the backup. The result is recorded in `system_health`, if the database can be written.
    ///
    /// # Errors
    /// Those of [`DatabaseManager::restore`]; [`Error::Backup`] if there is no backup, or the restored
    /// database fails a critical check.
    pub fn drill(&self, progress: &mut dyn FnMut(FileProgress)) -> Result<DrillReport> {
        let begun = Instant::now();
        let drilled = self.newest_backup().and_then(|newest| self.drill_with(&newest, progress));
        self.record_drill(drilled.as_ref().err());
        let mut report = drilled?;
        report.milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }

    fn drill_with(
        &self,
        newest: &BackupFile,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<DrillReport> {
        let backup = self.plain_backup(&newest.path, progress)?;
        self.ensure_restorable(&backup.report)?;
        #[cfg(feature = "postgres")]
        if let Location::Postgres(url) = self.config.location() {
            if let Some(reason) = right_missing(url, self.config.server())? {
                return Err(self.refused(reason));
            }
            let scratch = ScratchDatabase::create(url, self.config.server(), "drilling")?;
            let options = RestoreOptions::default();
            let config = self.config.to_fill(scratch.url());
            let staged = self.stage_on_server(&backup, config, scratch.url(), options, progress)?;
            progress(FileProgress::unmeasured(CHECKING));
            return staged.judge(backup.into_report());
        }
        let directory = self.config.backup_dir();
        self.ensure_room(directory, None, &backup)?;
        let owner = Owner::of(directory).map_err(Error::io("read the metadata of", directory))?;
        let staging = StagingDir::open(directory, "zenith", "drilling")?;
        let options = RestoreOptions::default();
        let (staged, _) = self.stage(&backup, &staging, owner, options, progress)?;
        progress(FileProgress::unmeasured(CHECKING));
        staged.judge(backup.into_report())
    }

    fn record_drill(&self, error: Option<&Error>) {
        let details = error.map(|error| chain(error).replace('\0', "\u{fffd}"));
        let observation = HealthObservation::builder()
            .component(Component::BACKUP_DRILL)
            .status(if error.is_some() { HealthStatus::Unhealthy } else { HealthStatus::Healthy })
            .metrics([("program", env!("CARGO_PKG_VERSION"))].into_iter().collect::<JsonText>());
        let observation = match &details {
            Some(details) => observation.error_details(details.as_str()).build(),
            None => observation.build(),
        };
        let recorded =
            connection::open(&self.config, Access::Maintain).and_then(|mut connection| {
                connection.write(|connection| observation.record(connection))
            });
        if let Err(error) = recorded {
            tracing::warn!(error = %chain(&error), "the drill could not be recorded");
        }
    }
}

impl Staged {
    /// Checks the restored copy of a backup deeply, and compares its row counts.
    fn judge(self, backup: VerifiedBackup) -> Result<DrillReport> {
        let health = self.manager.health_of_copy();
        let failed = |reason: String| BackupFault::Damaged { path: backup.path.clone(), reason };
        if let Some(fault) = health.failures().find(|check| check.critical) {
            return Err(failed(format!("{}: {}", fault.name, fault.details)).into());
        }
        if self.migrations.is_empty() {
            self.manager.ensure_rows_of(&backup)?;
        }
        Ok(DrillReport { backup, migrations: self.migrations, health, milliseconds: 0 })
    }
}

/// Returns the time of the last drill, and whether it succeeded; `None` if there was none.
pub(in crate::manager) fn last_drill(
    connection: &mut DbConnection,
) -> Result<Option<(UtcTime, bool)>> {
    if !table_exists(connection, "system_health")? {
        return Ok(None);
    }
    let found = SystemHealth::find_by_component(connection, Component::BACKUP_DRILL)?;
    Ok(found.map(|drill| (drill.last_check, drill.status == HealthStatus::Healthy)))
}
