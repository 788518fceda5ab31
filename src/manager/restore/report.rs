//! Reports of a restore and of a drill.

use std::path::PathBuf;

use serde::Serialize;

use crate::manager::backup::{BackupReport, VerifiedBackup};
use crate::manager::health::HealthReport;

/// Report of a restore.
#[derive(Clone, Debug, Serialize)]
pub struct RestoreReport {
    /// Backup that was restored.
    pub backup: VerifiedBackup,
    /// Path of the database.
    pub database: String,
    /// The database that was there before; `None` if there was none.
    pub kept: Option<KeptDatabase>,
    /// Names of the migrations that were applied to the backup, in order.
    pub migrations: Vec<String>,
    /// Health check of the restored database.
    pub health: HealthReport,
    /// Duration of the restore, in milliseconds.
    pub milliseconds: u64,
}

/// Database that a restore has replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptDatabase {
    /// Path of the file in the backup directory.
    pub path: PathBuf,
    /// Report of its backup. `None` for a damaged database, which is kept as it was: if SQLite could not
    /// read it, as its bytes, with those of its `-wal` and `-journal` files under the same name.
    pub backup: Option<BackupReport>,
}

/// Report of a drill: a backup was restored into a temporary place, checked, and removed again.
#[derive(Clone, Debug, Serialize)]
pub struct DrillReport {
    /// Backup that was restored.
    pub backup: VerifiedBackup,
    /// Names of the migrations that were applied to it, in order.
    pub migrations: Vec<String>,
    /// Deep health check of the restored database.
    pub health: HealthReport,
    /// Duration of the drill, in milliseconds.
    pub milliseconds: u64,
}
