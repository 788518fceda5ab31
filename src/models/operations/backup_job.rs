//! The record of backups.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::error::{Rule, Violation};
use crate::models::query::{LiteralLimit, Page, PageSize, find_one, not_before, not_found};
use crate::schema::backup_jobs;
use crate::types::{
    BackupJobId, BackupStatus, BackupType, Json, PublicId, UtcTime, VerificationStatus,
};

/// A backup that was tried.
#[derive(Clone, Debug, PartialEq, Identifiable, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = backup_jobs)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct BackupJob {
    /// The row's key.
    pub id: BackupJobId,
    /// The public id.
    pub job_id: PublicId,
    /// How it was taken.
    pub backup_type: BackupType,
    /// How far it came.
    pub status: BackupStatus,
    /// When it began.
    pub started_at: UtcTime,
    /// When it ended.
    pub completed_at: Option<UtcTime>,
    /// Where it lies.
    pub backup_path: Option<String>,
    /// How large it is, in bytes.
    pub backup_size: Option<i64>,
    /// The database's size divided by the backup's.
    pub compression_ratio: Option<f64>,
    /// What checking it found.
    pub verification_status: Option<VerificationStatus>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// What asked for it.
    pub triggered_by: Option<String>,
    /// For how many days it is kept.
    pub retention_days: i32,
    /// What the application keeps beside.
    pub metadata: Json<Value>,
}

/// A backup to record: one that begins, unless told otherwise, or one that has ended.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = backup_jobs)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewBackupJob<'a> {
    /// The public id; unless told, a new one.
    #[builder(default = PublicId::new())]
    pub job_id: PublicId,
    /// How it is taken; unless told, whole.
    #[builder(default = BackupType::Full)]
    pub backup_type: BackupType,
    /// How far it has come; unless told, it is running.
    #[builder(default = BackupStatus::Running)]
    pub status: BackupStatus,
    /// When it began; unless told, now.
    #[builder(default = UtcTime::now())]
    pub started_at: UtcTime,
    /// When it ended.
    #[builder(default, setter(into))]
    pub completed_at: Option<UtcTime>,
    /// Where it lies, up to 4,096 characters.
    #[builder(default, setter(into))]
    pub backup_path: Option<&'a str>,
    /// How large it is, in bytes.
    #[builder(default, setter(into))]
    pub backup_size: Option<i64>,
    /// What checking it found.
    #[builder(default, setter(into))]
    pub verification_status: Option<VerificationStatus>,
    /// Why it failed.
    #[builder(default, setter(into))]
    pub error_message: Option<&'a str>,
    /// What asks for it, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub triggered_by: Option<&'a str>,
    /// For how many days it is kept; unless told, 30.
    #[builder(default = 30)]
    pub retention_days: i32,
    /// What the application keeps beside; unless told, an empty object.
    #[builder(default = Json::empty_object())]
    pub metadata: Json<Value>,
}

/// What came of a backup.
#[derive(Clone, Debug, AsChangeset, TypedBuilder)]
#[diesel(table_name = backup_jobs)]
pub struct BackupResult<'a> {
    /// Where it lies, 1 to 4,096 characters.
    pub backup_path: &'a str,
    /// How large it is, in bytes.
    pub backup_size: i64,
    /// The database's size divided by the backup's.
    #[builder(default, setter(into))]
    pub compression_ratio: Option<f64>,
    /// What checking it found.
    pub verification_status: VerificationStatus,
}

impl NewBackupJob<'_> {
    /// Records the backup.
    ///
    /// # Errors
    /// [`Error::Violation`] if a value breaks a rule.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<BackupJob> {
        Ok(dispatch!(connection, |connection| diesel::insert_into(backup_jobs::table)
            .values(self)
            .returning(BackupJob::as_returning())
            .get_result(connection))?)
    }
}

impl BackupResult<'_> {
    /// Records that the running backup was completed.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`] if it is not running; [`Error::NotFound`]; [`Error::Violation`] if
    /// a value breaks a rule.
    pub fn finish(&self, connection: &mut DbConnection, id: BackupJobId) -> Result<BackupJob> {
        // SQLite would store NaN as NULL, and so past the rule.
        if self.compression_ratio.is_some_and(f64::is_nan) {
            let rule = "backup_jobs_compression_ratio_positive";
            return Err(Violation::new(Rule::Range, rule).into());
        }
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

impl BackupJob {
    /// The backup with this key.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: BackupJobId) -> Result<Option<Self>> {
        find_one!(connection, backup_jobs, backup_jobs::id.eq(id))
    }

    /// The newest backup that was completed.
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

    /// Records that the running backup failed, and why.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`] if it is not running; [`Error::NotFound`].
    pub fn fail(connection: &mut DbConnection, id: BackupJobId, reason: &str) -> Result<Self> {
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

    /// The backups, the newest first.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn page(
        connection: &mut DbConnection,
        before: Option<(UtcTime, BackupJobId)>,
        size: PageSize,
    ) -> Result<Page<Self, (UtcTime, BackupJobId)>> {
        let (time, id) = before.unwrap_or((UtcTime::MAX, BackupJobId(i64::MAX)));
        let rows = dispatch!(connection, |connection| backup_jobs::table
            .select(Self::as_select())
            .filter(backup_jobs::started_at.le(time))
            .filter(backup_jobs::started_at.lt(time).or(backup_jobs::id.lt(id)))
            .order((backup_jobs::started_at.desc(), backup_jobs::id.desc()))
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size, |job: &Self| (job.started_at, job.id)))
    }
}
