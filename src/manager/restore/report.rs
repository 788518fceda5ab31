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
    /// Path of the database, or its URL without the password.
    pub database: String,
    /// SQLite database that was at the path before; `None` if there was none.
    pub kept: Option<KeptDatabase>,
    /// Name that the existing database of a server got, which is kept whole; `None` if there was none.
    pub renamed_to: Option<String>,
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
    /// Report of its backup. `None` for a damaged database, which is kept as a copy of its pages. If SQLite
    /// could not read it, its bytes are kept, and those of its `-wal` and `-journal` beside them.
    pub backup: Option<BackupReport>,
}

/// Report of a drill: a backup was restored to a temporary file or database, which was checked and removed.
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
