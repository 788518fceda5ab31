//! The report of a backup.

use std::path::PathBuf;

use serde::Serialize;

use super::copy::Fidelity;
use crate::types::{PublicId, UtcTime};

/// A backup that was taken and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// Its public id in `backup_jobs`.
    pub job_id: PublicId,
    /// Where it lies.
    pub path: PathBuf,
    /// How large it is, in bytes.
    pub size_bytes: u64,
    /// When it was begun.
    pub started_at: UtcTime,
    /// When it was done.
    pub completed_at: UtcTime,
    /// How many rows it holds, in all tables.
    pub rows: i64,
    /// What its rows were compared with.
    pub fidelity: Fidelity,
    /// What asked for it.
    pub triggered_by: String,
}
