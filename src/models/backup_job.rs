//! The record of backups.

use diesel::prelude::*;
use serde::Serialize;

use crate::schema::backup_jobs;
use crate::types::{BackupJobId, BackupStatus, BackupType, PublicId, UtcTime, VerificationStatus};
use crate::{DbConnection, Result, dispatch};

/// A backup that was tried.
#[derive(Clone, Debug, PartialEq, Identifiable, Queryable, Selectable, Serialize)]
#[diesel(table_name = backup_jobs)]
#[diesel(check_for_backend(crate::connection::MultiBackend))]
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
    /// What checking it found.
    pub verification_status: Option<VerificationStatus>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// What asked for it.
    pub triggered_by: Option<String>,
}

/// A finished backup to record.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = backup_jobs)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewBackupJob {
    /// The public id.
    pub job_id: PublicId,
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
    /// What checking it found.
    pub verification_status: Option<VerificationStatus>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// What asked for it, up to 100 characters.
    pub triggered_by: Option<String>,
}

impl NewBackupJob {
    /// Records the backup.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database refuses it.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<()> {
        dispatch!(connection, |connection| diesel::insert_into(backup_jobs::table)
            .values(self)
            .execute(connection))?;
        Ok(())
    }
}

impl BackupJob {
    /// The newest backup that was completed.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_last_completed(connection: &mut DbConnection) -> Result<Option<Self>> {
        Ok(dispatch!(connection, |connection| backup_jobs::table
            .select(Self::as_select())
            .filter(backup_jobs::status.eq(BackupStatus::Completed))
            .order((backup_jobs::started_at.desc(), backup_jobs::id.desc()))
            .first(connection)
            .optional())?)
    }
}
