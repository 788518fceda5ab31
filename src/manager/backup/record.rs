//! Records of backups in `backup_jobs`.

use super::report::BackupReport;
use crate::backend::DbConnection;
use crate::catalog::table_exists;
use crate::error::{Error, Result, chain};
use crate::models::{BackupJob, NewBackupJob};
use crate::types::{BackupStatus, JsonText, UtcTime, VerificationStatus};

impl BackupReport {
    /// Records the backup. A failure is only a warning, because the copy is valid without its
    /// record.
    pub(in crate::manager) fn record(&self, connection: &mut DbConnection) {
        let path = self.path.display().to_string();
        #[expect(clippy::cast_precision_loss, reason = "a ratio, for people")]
        let ratio =
            self.contents.map(|contents| contents.size_bytes as f64 / self.size_bytes as f64);
        let job = NewBackupJob::builder()
            .job_id(self.job_id)
            .status(BackupStatus::Completed)
            .started_at(self.started_at)
            .completed_at(self.completed_at)
            .backup_path(path.as_str())
            .backup_size(i64::try_from(self.size_bytes).ok())
            .compression_ratio(ratio.filter(|_| self.encoding.compression.is_some()))
            .verification_status(VerificationStatus::Verified)
            .triggered_by(self.triggered_by.as_str())
            .metadata(self.encoding.entries().collect::<JsonText>())
            .build();
        record(&job, connection);
    }
}

/// Records a failed backup, unless the database is damaged.
pub(super) fn record_failure(error: &Error, started_at: UtcTime, connection: &mut DbConnection) {
    if error.is_damage() {
        return;
    }
    let reason = chain(error);
    let job = NewBackupJob::builder()
        .status(BackupStatus::Failed)
        .started_at(started_at)
        .completed_at(UtcTime::now().max(started_at))
        .error_message(reason.as_str())
        .triggered_by("backup")
        .build();
    record(&job, connection);
}

/// Inserts the record, if its table exists.
fn record(job: &NewBackupJob<'_>, connection: &mut DbConnection) {
    let recorded = connection.write(|connection| {
        if table_exists(connection, "backup_jobs")? {
            job.insert(connection)?;
        }
        Ok(())
    });
    if let Err(error) = recorded {
        tracing::warn!(error = %chain(&error), "the backup could not be recorded");
    }
}

/// Returns the newest completed backup; `None` if there is none, or its table does not exist.
pub(super) fn last_recorded(connection: &mut DbConnection) -> Result<Option<BackupJob>> {
    if table_exists(connection, "backup_jobs")? {
        BackupJob::find_last_completed(connection)
    } else {
        Ok(None)
    }
}
