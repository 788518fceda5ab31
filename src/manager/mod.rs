//! Administration of a database: creation, migrations, seeds, health checks and backups.
//!
//! [`DatabaseManager`] has a method for each operation. Operations that write return a report.

mod administrator;
mod backup;
mod disk_space;
mod guard;
mod health;
mod initialize;
mod migrate;
mod missing;
mod origin;
mod password;
mod purge;
mod refused_role;
mod reset_password;
mod restore;
#[cfg(feature = "postgres")]
mod roles;
mod seed;
mod seed_data;
#[cfg(feature = "postgres")]
mod server_programs;
mod service;
mod size;
mod status;

use std::sync::Arc;

use crate::backend::DbConnection;
use crate::config::Config;
use crate::connection::{self, Access, TransactionSettings, Writer};
use crate::error::Result;
use crate::migrations::{EmbeddedMigration, Ledger, Migrations};

pub use administrator::{Administrator, AdministratorOutcome, AdministratorReport};
pub use backup::{
    BackupCodec, BackupFile, BackupManifest, BackupReport, Compression, ContentDigest, Encoding,
    Encryption, Fidelity, FileProgress, KeptBackup, PruneReport, RetentionPolicy, Undecodable,
    VerifiedBackup,
};
pub use health::{HealthCheck, HealthReport, IntegrityProgress};
pub use initialize::{SetupDetails, SetupPhase, SetupReport, SetupStatus};
pub use migrate::{FailedMigration, MigrationPlan, MigrationReport, RepairReport, RollbackTarget};
pub use missing::MissingPart;
pub use origin::Origin;
pub use password::{SHORTEST_PASSWORD, check_password, generate_password};
pub use purge::{KeptRows, PurgePolicy, PurgeReport};
pub use reset_password::PasswordReset;
pub use restore::{DrillReport, KeptDatabase, RestoreOptions, RestoreReport};
#[cfg(feature = "postgres")]
pub use roles::{NotRolePrefix, RoleNames, RolesPlan};
pub use seed::SeedReport;
pub use status::{LastBackup, PoolSettings, StatusSummary};

pub use crate::catalog::UnreadableTable;
pub use crate::error::RowChange;
pub use crate::migrations::{
    Check, Effect, HistoryFault, Phase, PlannedStatement, PlannedStep, Step, StepDirection,
};

/// Items for the crates of this workspace. Not part of the public API: they may change in any
/// release.
#[doc(hidden)]
pub mod internal {
    pub use super::health::expected_names;
    pub use super::origin::{FORMER_TABLES, origin_among, origin_of};
    pub use super::seed::{refresh, seed};
}

/// Creates, migrates, seeds, checks and backs up the database that a configuration names.
///
/// ```
/// use zenith_db::Config;
/// use zenith_db::manager::{Administrator, DatabaseManager};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("zenith.db");
/// let manager = DatabaseManager::new(Config::for_path(path)?);
/// let report = manager.initialize(&Administrator::default())?;
/// assert!(report.details.health.healthy);
/// assert_eq!(manager.status()?.table_count, 21);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DatabaseManager {
    config: Config,
    migrations: Migrations,
    codec: Option<Arc<dyn BackupCodec>>,
}

impl DatabaseManager {
    /// Creates a manager for the database that the configuration names. Opens nothing.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with(config, Migrations::default())
    }

    /// Creates a manager for an application that has tables of its own. The manager runs, checks and reverts the
    /// application's migrations, oldest first, besides those of this library. Opens nothing.
    ///
    /// `zenith_db_embed::write` makes the list in the application's build script; docs/own-tables.md shows it.
    ///
    /// # Errors
    /// [`Error::Migration`](crate::Error::Migration) if two migrations have the same version, so that only one of
    /// them would run, if the name of one does not begin with a version, if one requires a version that this library does
    /// not have, or if a script begins with a byte order mark.
    pub fn with_own(config: Config, own: &'static [EmbeddedMigration]) -> Result<Self> {
        Ok(Self::with(config, Migrations::with_own(own)?))
    }

    /// Creates a manager that runs these migrations, such as those of another version of the library.
    #[doc(hidden)]
    #[must_use]
    pub const fn with(config: Config, migrations: Migrations) -> Self {
        Self { config, migrations, codec: None }
    }

    /// Returns the configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the configured database exists: on SQLite anything at the path counts, even if it is not
    /// a database.
    ///
    /// # Errors
    /// [`Error::Connect`](crate::Error::Connect) if a server cannot be reached.
    pub fn exists(&self) -> Result<bool> {
        connection::exists(&self.config)
    }

    /// Returns the migrations that this manager runs.
    #[must_use]
    pub const fn migrations(&self) -> Migrations {
        self.migrations
    }

    /// Returns this manager with a codec, with which it encodes and decodes backups.
    #[must_use]
    pub fn with_codec(self, codec: Arc<dyn BackupCodec>) -> Self {
        Self { codec: Some(codec), ..self }
    }

    /// Returns a manager for another configuration, with the migrations and the codec of this manager.
    #[must_use]
    pub fn for_config(&self, config: Config) -> Self {
        Self { config, ..self.clone() }
    }

    fn ledger(&self, connection: &mut DbConnection) -> Result<Ledger> {
        Ledger::read_for(connection, self.migrations)
    }

    /// Opens the existing database for writing, if this program created it.
    fn open_ours(&self) -> Result<DbConnection> {
        self.recover()?;
        self.ensure_ours()?;
        self.open()
    }

    /// Opens the existing database to record something about it, if this program created it, with or without
    /// an application whose migrations this program does not know.
    fn open_to_record(&self) -> Result<DbConnection> {
        self.recover()?;
        self.ensure_own_part()?;
        self.open()
    }

    /// Opens the existing database for writing, whichever program created it.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase), [`Error::Open`](crate::Error::Open) or
    /// [`Error::Connect`](crate::Error::Connect).
    #[doc(hidden)]
    pub fn open(&self) -> Result<DbConnection> {
        connection::open(&self.config, Access::Maintain)
    }

    /// Runs `work` in a transaction that writes, in the schema of the tables: behind a pooler, a connection may have what
    /// another client has set since it was opened.
    fn write<T>(
        &self,
        connection: &mut DbConnection,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T>,
    ) -> Result<T> {
        let settings = TransactionSettings::of(&self.config, connection)?;
        connection.write(|connection| {
            settings.apply(connection)?;
            work(connection)
        })
    }
}
