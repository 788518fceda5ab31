//! Report of a backup.

use std::path::PathBuf;

use serde::Serialize;

use super::copy::Fidelity;
use crate::catalog::UnreadableTable;
use crate::types::{PublicId, UtcTime};

/// Report of a verified backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// Public id of the backup in `backup_jobs`.
    pub job_id: PublicId,
    /// Absolute path of the file.
    pub path: PathBuf,
    /// Size of the file, in bytes.
    pub size_bytes: u64,
    /// Start of the backup.
    pub started_at: UtcTime,
    /// End of the backup.
    pub completed_at: UtcTime,
    /// Number of rows in all tables that can be read.
    pub rows: i64,
    /// Tables that are in the backup as they are, and that this program could not check.
    pub unchecked_tables: Vec<UnreadableTable>,
    /// What the comparison of the copy with the database has shown.
    pub fidelity: Fidelity,
    /// Operation for which the backup was taken, such as `migrate`.
    pub triggered_by: String,
}
