//! The record of backups in `backup_jobs`.

use super::report::BackupReport;
use crate::backend::DbConnection;
use crate::catalog::table_exists;
use crate::error::{Error, Result, chain};
use crate::models::{BackupJob, NewBackupJob};
use crate::types::{BackupStatus, UtcTime, VerificationStatus};

impl BackupReport {
    /// Records the backup. The copy is good whether or not that works, so a failure is a warning.
    pub(in crate::manager) fn record(&self, connection: &mut DbConnection) {
        let path = self.path.display().to_string();
        let job = NewBackupJob::builder()
            .job_id(self.job_id)
            .status(BackupStatus::Completed)
            .started_at(self.started_at)
            .completed_at(self.completed_at)
            .backup_path(path.as_str())
            .backup_size(i64::try_from(self.size_bytes).ok())
            .verification_status(VerificationStatus::Verified)
            .triggered_by(self.triggered_by.as_str())
            .build();
        record(&job, connection);
    }
}

pub(super) fn record_failure(error: &Error, started_at: UtcTime, connection: &mut DbConnection) {
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

/// Writes the record, if its table is there yet.
fn record(job: &NewBackupJob<'_>, connection: &mut DbConnection) {
    let recorded = connection.write(|connection| {
        if table_exists(connection, "backup_jobs")? {
            job.insert(connection)?;
        }
        Ok::<_, Error>(())
    });
    if let Err(error) = recorded {
        tracing::warn!(%error, "the backup could not be recorded");
    }
}

/// The newest completed backup; `None` also where the table is not there yet.
pub(super) fn last_recorded(connection: &mut DbConnection) -> Result<Option<BackupJob>> {
    if table_exists(connection, "backup_jobs")? {
        BackupJob::find_last_completed(connection)
    } else {
        Ok(None)
    }
}
