//! Records of backups in `backup_jobs`.

use std::path::Path;

use serde_json::json;

use super::manifest::BY_HAND;
use super::report::{BackupReport, VerifiedBackup};
use crate::backend::DbConnection;
use crate::catalog::table_exists;
use crate::connection;
use crate::error::{Error, Result, chain};
use crate::manager::DatabaseManager;
use crate::models::{BackupJob, BackupResult, NewBackupJob};
use crate::types::{BackupStatus, Json, UtcTime, VerificationStatus};

impl BackupReport {
    /// Records the backup. A failure is only a warning, because the copy is valid without its
    /// record.
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

/// Records that a backup failed before it began.
pub(super) fn failure(manager: &DatabaseManager, error: &Error, started_at: UtcTime) {
    let Ok(mut connection) = manager.open_ours() else { return };
    let reason = chain(error);
    let job = NewBackupJob::builder()
        .status(BackupStatus::Failed)
        .started_at(started_at)
        .completed_at(UtcTime::now().max(started_at))
        .error_message(reason.as_str())
        .triggered_by(BY_HAND)
        .build();
    record(&job, &mut connection);
}

/// Record of a backup that is running; without one, if it could not be written: the backup is taken anyway.
pub(super) struct RunningJob(Option<BackupJob>);

impl RunningJob {
    /// Records that a backup is running, and that those have failed whose process has ended. While a process
    /// runs, it holds a lock on its temporary file, whose path is in the record.
    pub(super) fn begin(manager: &DatabaseManager, partial: &Path, started_at: UtcTime) -> Self {
        let begun = manager.open_ours().and_then(|mut connection| {
            connection.write(|connection| {
                if !table_exists(connection, "backup_jobs")? {
                    return Ok(None);
                }
                fail_abandoned(connection, |job| !is_running(job))?;
                let job = NewBackupJob::builder()
                    .started_at(started_at)
                    .triggered_by(BY_HAND)
                    .metadata(Json(json!({ TEMPORARY_FILE: partial.display().to_string() })))
                    .build();
                job.insert(connection).map(Some)
            })
        });
        Self(begun.unwrap_or_else(|error| {
            tracing::warn!(%error, "the backup could not be recorded as running");
            None
        }))
    }

    /// Records the end of the backup, whose report gets the public id of the record.
    pub(super) fn end(self, manager: &DatabaseManager, result: &mut Result<BackupReport>) {
        let mut connection = match manager.open_ours() {
            Ok(connection) => connection,
            // The caller gets the result of the copy.
            Err(error) => return tracing::warn!(%error, "the backup could not be recorded"),
        };
        let Some(job) = self.0 else {
            if let Ok(report) = result {
                report.record(&mut connection);
            }
            return;
        };
        let ended = connection.write(|connection| match &mut *result {
            Ok(report) => {
                report.job_id = job.job_id;
                let path = report.path.display().to_string();
                completed(&path, report.size_bytes).finish(connection, job.id)
            }
            Err(error) => BackupJob::fail(connection, job.id, &chain(error)),
        });
        if let Err(error) = ended {
            tracing::warn!(%error, "the end of the backup could not be recorded");
        }
    }
}

/// Name in the metadata of the temporary file of a running backup.
const TEMPORARY_FILE: &str = "temporary_file";

/// Whether the process of a backup that is recorded as running holds its temporary file.
fn is_running(job: &BackupJob) -> bool {
    let path = job.metadata.0.get(TEMPORARY_FILE).and_then(|path| path.as_str());
    path.is_some_and(|path| connection::is_locked(Path::new(path)))
}

fn fail_abandoned(
    connection: &mut DbConnection,
    is_abandoned: impl Fn(&BackupJob) -> bool,
) -> Result<()> {
    for job in BackupJob::list_running(connection)?.iter().filter(|job| is_abandoned(job)) {
        BackupJob::abandon(connection, job.id)?;
    }
    Ok(())
}

/// Inserts the record, if its table exists.
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

/// Ends the records of the backups that were running when this one began, of which the database is a copy:
/// its own is completed, and the others have failed, as far as the copy knows. A failure is only a warning.
pub(in crate::manager) fn close_jobs_of_copy(
    connection: &mut DbConnection,
    backup: &VerifiedBackup,
) {
    let path = backup.path.display().to_string();
    let closed = connection.write(|connection| {
        if !table_exists(connection, "backup_jobs")? {
            return Ok(());
        }
        for job in BackupJob::list_running(connection)? {
            if Some(job.started_at) == backup.started_at {
                completed(&path, backup.size_bytes).finish(connection, job.id)?;
            }
        }
        fail_abandoned(connection, |_| true)
    });
    if let Err(error) = closed {
        tracing::warn!(%error, "backups that were running could not be recorded as ended");
    }
}

fn completed(path: &str, size_bytes: u64) -> BackupResult<'_> {
    BackupResult::builder()
        .backup_path(path)
        .backup_size(i64::try_from(size_bytes).unwrap_or(i64::MAX))
        .verification_status(VerificationStatus::Verified)
        .build()
}

/// Returns the newest completed backup; `None` if there is none, or its table does not exist.
pub(super) fn last_recorded(connection: &mut DbConnection) -> Result<Option<BackupJob>> {
    if table_exists(connection, "backup_jobs")? {
        BackupJob::find_last_completed(connection)
    } else {
        Ok(None)
    }
}
