//! Summary of the database, read without writing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::DatabaseManager;
use super::backup::newest;
use super::migrate::{FailedMigration, last_failure};
use crate::catalog::{UnreadableTable, row_counts};
use crate::connection;
use crate::error::Result;
use crate::migrations::{self, HistoryFault};
use crate::types::{MigrationOwner, UtcTime};

/// Summary of the database: versions, tables, rows and the last backup.
#[derive(Clone, Debug, Serialize)]
pub struct StatusSummary {
    /// Path of the database, or the URL of its server without the password.
    pub database_path: String,
    /// Size of the SQLite file and its WAL, or of the server's database, in megabytes of 1,000,000
    /// bytes.
    pub database_size_mb: f64,
    /// Number of tables, without `__diesel_schema_migrations`.
    pub table_count: usize,
    /// Number of rows of each table that can be read, by its name.
    pub record_counts: BTreeMap<String, i64>,
    /// Tables that cannot be read, sorted by name.
    pub unreadable_tables: Vec<UnreadableTable>,
    /// Newest version of the library that has been applied; `None` if no migration has been.
    pub schema_version: Option<String>,
    /// Newest version of the application that has been applied; `None` if none has been.
    pub application_version: Option<String>,
    /// Versions that have been applied, of all owners, in ascending order.
    pub applied_migrations: Vec<String>,
    /// Names of the migrations that have not been applied, in the order in which they will be.
    pub pending_migrations: Vec<String>,
    /// Migrations of an application that this program does not know: the version of each, with its name and
    /// the program that applied it.
    pub unknown_migrations: Vec<String>,
    /// Differences between `schema_version`, the migrations that have run and those of the program.
    pub history_faults: Vec<HistoryFault>,
    /// Last run of migrations, if it failed.
    pub failed_migration: Option<FailedMigration>,
    /// Newest backup of this database, if any.
    pub last_backup: Option<LastBackup>,
    /// Settings of the connection pool.
    pub pool: PoolSettings,
}

/// Newest backup of a database.
#[derive(Clone, Debug, Serialize)]
pub struct LastBackup {
    /// Path of the backup.
    pub path: PathBuf,
    /// Recorded start of the backup; without a record, the time in its name.
    pub created: UtcTime,
    /// Size of the backup, in megabytes of 1,000,000 bytes.
    pub size_mb: f64,
    /// Whether the file still exists.
    pub exists: bool,
}

/// Settings of the connection pool.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PoolSettings {
    /// Maximum number of connections (`DATABASE_MAX_CONNECTIONS`).
    pub max_connections: u32,
    /// Longest wait for a free connection, in milliseconds (`DATABASE_POOL_TIMEOUT_MS`).
    pub pool_timeout_ms: u128,
    /// Longest wait for a lock, in milliseconds (`DATABASE_BUSY_TIMEOUT_MS`).
    pub busy_timeout_ms: u128,
}

impl DatabaseManager {
    /// Reads the summary. Opens the database read-only and creates nothing.
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
            let counts = row_counts(connection)?;
            let record_counts: BTreeMap<_, _> =
                counts.counted.into_iter().filter(|(name, _)| !name.starts_with("__")).collect();
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
                table_count: record_counts.len() + counts.unreadable.len(),
                record_counts,
                unreadable_tables: counts.unreadable,
                schema_version: ledger.current().map(str::to_owned),
                application_version: ledger.newest(MigrationOwner::Application).map(str::to_owned),
                applied_migrations: ledger.applied().to_vec(),
                pending_migrations: ledger.pending().map(|known| known.to_string()).collect(),
                unknown_migrations: ledger.of_application(),
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

#[expect(clippy::cast_precision_loss, reason = "a size to display, rounded to a thousandth")]
fn megabytes(bytes: u64) -> f64 {
    (bytes as f64 / 1000.0).round() / 1000.0
}
