//! A summary of the database, read without writing anything.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::DatabaseManager;
use super::backup::newest;
use super::migrate::{FailedMigration, last_failure};
use crate::catalog::row_counts;
use crate::connection;
use crate::error::Result;
use crate::migrations::{self, EmbeddedMigration, HistoryFault};
use crate::types::UtcTime;

/// What the database holds and where it stands.
#[derive(Clone, Debug, Serialize)]
pub struct StatusSummary {
    /// The database: its path, or its server's URL without the password.
    pub database_path: String,
    /// The size of the file and its WAL, or what the server says, in megabytes of 1,000,000 bytes.
    pub database_size_mb: f64,
    /// How many tables there are, Diesel's own ledger not counted.
    pub table_count: usize,
    /// How many rows each table has.
    pub record_counts: BTreeMap<String, i64>,
    /// The newest version that has been applied.
    pub schema_version: Option<String>,
    /// Every version that has been applied, oldest first.
    pub applied_migrations: Vec<String>,
    /// The names of the migrations that have not, oldest first.
    pub pending_migrations: Vec<String>,
    /// How the history disagrees with what ran and with the program's migrations.
    pub history_faults: Vec<HistoryFault>,
    /// The last run of migrations, if it failed.
    pub failed_migration: Option<FailedMigration>,
    /// The newest backup of this database.
    pub last_backup: Option<LastBackup>,
    /// How connections are handed out.
    pub pool: PoolSettings,
}

/// The newest backup.
#[derive(Clone, Debug, Serialize)]
pub struct LastBackup {
    /// Where it was put.
    pub path: PathBuf,
    /// When it was taken.
    pub created: UtcTime,
    /// Its size, in megabytes of 1,000,000 bytes.
    pub size_mb: f64,
    /// Whether it is still there.
    pub exists: bool,
}

/// The settings of the pool.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PoolSettings {
    /// `DATABASE_MAX_CONNECTIONS`
    pub max_connections: u32,
    /// `DATABASE_POOL_TIMEOUT_MS`
    pub pool_timeout_ms: u128,
    /// `DATABASE_BUSY_TIMEOUT_MS`
    pub busy_timeout_ms: u128,
}

impl DatabaseManager {
    /// Reads the summary. It opens read-only and creates nothing.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase),
    /// [`Error::Refused`](crate::Error::Refused),
    /// [`Error::FormerDatabase`](crate::Error::FormerDatabase), or
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn status(&self) -> Result<StatusSummary> {
        connection::inspect(&self.config, |connection| {
            self.refuse_former(connection)?;
            let ledger = self.ledger(connection)?;
            let record_counts: BTreeMap<_, _> = row_counts(connection)?
                .into_iter()
                .filter(|(name, _)| !name.starts_with("__"))
                .collect();
            let last_backup = newest(&self.config, connection)?.map(|backup| LastBackup {
                path: backup.path,
                created: backup.created,
                size_mb: megabytes(backup.size_bytes),
                exists: backup.exists,
            });
            let bytes = self.size_in_bytes(connection)?;
            Ok(StatusSummary {
                database_path: self.config.location().to_string(),
                database_size_mb: megabytes(bytes),
                table_count: record_counts.len(),
                record_counts,
                schema_version: ledger.current().map(str::to_owned),
                applied_migrations: ledger.applied().to_vec(),
                pending_migrations: ledger.pending().map(EmbeddedMigration::to_string).collect(),
                history_faults: migrations::check_history(connection, &ledger)?,
                failed_migration: last_failure(connection)?,
                last_backup,
                pool: PoolSettings {
                    max_connections: self.config.max_connections(),
                    pool_timeout_ms: self.config.pool_timeout().as_millis(),
                    busy_timeout_ms: self.config.sqlite().busy_timeout.as_millis(),
                },
            })
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size for people, rounded to a thousandth")]
fn megabytes(bytes: u64) -> f64 {
    (bytes as f64 / 1000.0).round() / 1000.0
}
