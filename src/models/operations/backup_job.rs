//! Records of backups.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::error::{Rule, Violation};
use crate::models::query::{
    Cursor, LiteralLimit, Page, PageSize, find_one, not_before, not_found, paged,
};
use crate::schema::backup_jobs;
use crate::types::{
    BackupJobId, BackupJobPublicId, BackupStatus, BackupType, JsonText, UtcTime, VerificationStatus,
};

/// Record of a backup, successful or not.
#[derive(Clone, Debug, PartialEq, Identifiable, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = backup_jobs)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct BackupJob {
    /// Primary key.
    pub id: BackupJobId,
    /// Public UUID.
    pub job_id: BackupJobPublicId,
    /// Type of the backup.
    pub backup_type: BackupType,
    /// State of the backup.
    pub status: BackupStatus,
    /// Start of the backup.
    pub started_at: UtcTime,
    /// End of the backup, successful or not; `None` while it runs.
    pub completed_at: Option<UtcTime>,
    /// Path of the backup.
    pub backup_path: Option<String>,
    /// Size of the backup in bytes.
    pub backup_size: Option<i64>,
    /// Size of the database divided by the size of the backup.
    pub compression_ratio: Option<f64>,
    /// Result of the verification, if any.
    pub verification_status: Option<VerificationStatus>,
    /// Reason of the failure, if the backup failed.
    pub error_message: Option<String>,
    /// Command or program that triggered the backup.
    pub triggered_by: Option<String>,
    /// Number of days for which the backup is to be kept.
    pub retention_days: i32,
    /// Application-defined metadata.
    pub metadata: JsonText,
}

/// Record of a backup to insert: by default of a backup that begins now.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = backup_jobs)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewBackupJob<'a> {
    /// Public UUID; a new one by default.
    #[builder(default = BackupJobPublicId::new())]
    pub job_id: BackupJobPublicId,
    /// Type of the backup; [`BackupType::Full`] by default.
    #[builder(default = BackupType::Full)]
    pub backup_type: BackupType,
    /// State of the backup; [`BackupStatus::Running`] by default.
    #[builder(default = BackupStatus::Running)]
    pub status: BackupStatus,
    /// Start of the backup; now by default.
    #[builder(default = UtcTime::now())]
    pub started_at: UtcTime,
    /// End of the backup, successful or not.
    #[builder(default, setter(into))]
    pub completed_at: Option<UtcTime>,
    /// Path of the backup, 1 to 4,096 characters.
    #[builder(default, setter(into))]
    pub backup_path: Option<&'a str>,
    /// Size of the backup in bytes.
    #[builder(default, setter(into))]
    pub backup_size: Option<i64>,
    /// Size of the database divided by the size of the backup.
    #[builder(default, setter(into))]
    pub compression_ratio: Option<f64>,
    /// Result of the verification.
    #[builder(default, setter(into))]
    pub verification_status: Option<VerificationStatus>,
    /// Reason of the failure.
    #[builder(default, setter(into))]
    pub error_message: Option<&'a str>,
    /// Command or program that triggers the backup, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub triggered_by: Option<&'a str>,
    /// Number of days for which the backup is to be kept, at least 1; 30 by default.
    #[builder(default = 30)]
    pub retention_days: i32,
    /// Application-defined metadata; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub metadata: JsonText,
}

/// Result of a completed backup, which [`BackupResult::finish`] records.
#[derive(Clone, Debug, AsChangeset, TypedBuilder)]
#[diesel(table_name = backup_jobs)]
pub struct BackupResult<'a> {
    /// Path of the backup, 1 to 4,096 characters.
    pub backup_path: &'a str,
    /// Size of the backup in bytes.
    pub backup_size: i64,
    /// Size of the database divided by the size of the backup.
    #[builder(default, setter(into))]
    pub compression_ratio: Option<f64>,
    /// Result of the verification.
    pub verification_status: VerificationStatus,
}

impl NewBackupJob<'_> {
    /// Inserts the record and returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`] if a value breaks a rule.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<BackupJob> {
        ensure_number(self.compression_ratio)?;
        Ok(dispatch!(connection, |connection| diesel::insert_into(backup_jobs::table)
            .values(self)
            .returning(BackupJob::as_returning())
            .get_result(connection))?)
    }
}

/// Refuses NaN, which SQLite would store as NULL, and so past the rule.
fn ensure_number(ratio: Option<f64>) -> Result<()> {
    if ratio.is_some_and(f64::is_nan) {
        return Err(Violation::new(Rule::Range, "backup_jobs_compression_ratio_positive").into());
    }
    Ok(())
}

impl BackupResult<'_> {
    /// Records that a running backup was completed, and returns the new row.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`] if the backup is not running; [`Error::NotFound`] if no backup
    /// has this id; [`Error::Violation`] if a value breaks a rule.
    pub fn finish(&self, connection: &mut Writer<'_>, id: BackupJobId) -> Result<BackupJob> {
        ensure_number(self.compression_ratio)?;
        let set = (
            backup_jobs::status.eq(BackupStatus::Completed),
            backup_jobs::completed_at.eq(not_before!(backup_jobs::started_at, UtcTime::now())),
            self,
        );
        let finished =
            dispatch!(&mut *connection, |connection| diesel::update(backup_jobs::table)
                .filter(backup_jobs::id.eq(id).and(backup_jobs::status.eq(BackupStatus::Running)))
                .set(set)
                .returning(BackupJob::as_returning())
                .get_result(connection)
                .optional())?;
        finished.map_or_else(|| BackupJob::not_running(connection, id, BackupStatus::Completed), Ok)
    }
}

paged!(BackupJob, "backup_jobs", (UtcTime, BackupJobId), |job| (job.started_at, job.id));

impl BackupJob {
    /// Returns the backup with this id, if any.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: BackupJobId) -> Result<Option<Self>> {
        find_one!(connection, backup_jobs, backup_jobs::id.eq(id))
    }

    /// Returns the completed backup that started last, if any.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn find_last_completed(connection: &mut DbConnection) -> Result<Option<Self>> {
        Ok(dispatch!(connection, |connection| backup_jobs::table
            .select(Self::as_select())
            .filter(backup_jobs::status.eq(BackupStatus::Completed))
            .order((backup_jobs::started_at.desc(), backup_jobs::id.desc()))
            .literal_limit(1)
            .get_result(connection)
            .optional())?)
    }

    /// Records that a running backup failed, with the reason, and returns the new row.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`] if the backup is not running; [`Error::NotFound`] if no backup
    /// has this id.
    pub fn fail(connection: &mut Writer<'_>, id: BackupJobId, reason: &str) -> Result<Self> {
        let set = (
            backup_jobs::status.eq(BackupStatus::Failed),
            backup_jobs::completed_at.eq(not_before!(backup_jobs::started_at, UtcTime::now())),
            backup_jobs::error_message.eq(reason),
        );
        let failed = dispatch!(&mut *connection, |connection| diesel::update(backup_jobs::table)
            .filter(backup_jobs::id.eq(id).and(backup_jobs::status.eq(BackupStatus::Running)))
            .set(set)
            .returning(Self::as_returning())
            .get_result(connection)
            .optional())?;
        failed.map_or_else(|| Self::not_running(connection, id, BackupStatus::Failed), Ok)
    }

    fn not_running(
        connection: &mut DbConnection,
        id: BackupJobId,
        to: BackupStatus,
    ) -> Result<Self> {
        let found = Self::find(connection, id)?.ok_or_else(not_found("backup_jobs", "id", id))?;
        let (from, to) = (found.status.as_str(), to.as_str());
        Err(Error::IllegalTransition { what: "backup", from, to })
    }

    /// Returns the backups, newest first. The page begins at the cursor `before`, or with the newest if it is `None`.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn page(
        connection: &mut DbConnection,
        before: Option<Cursor<Self>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let (time, id) = before.map_or((UtcTime::MAX, BackupJobId(i64::MAX)), Cursor::position);
        let rows = dispatch!(connection, |connection| backup_jobs::table
            .select(Self::as_select())
            .filter(backup_jobs::started_at.le(time))
            .filter(backup_jobs::started_at.lt(time).or(backup_jobs::id.lt(id)))
            .order((backup_jobs::started_at.desc(), backup_jobs::id.desc()))
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }
}
