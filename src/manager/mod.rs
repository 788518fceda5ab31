//! [`DatabaseManager`]: what operators do with a database, as one thin front.
//!
//! Each operation has a file of its own and returns a typed report; nothing returns a bare boolean.

mod administrator;
mod backup;
mod guard;
mod health;
mod initialize;
mod migrate;
mod missing;
mod origin;
mod password;
mod seed;
mod seed_data;
mod size;
mod status;

use crate::backend::DbConnection;
use crate::config::Config;
use crate::connection::{self, Access};
use crate::error::Result;
use crate::migrations::{self, EmbeddedMigration, Ledger, Migrations};

pub use administrator::{Administrator, AdministratorOutcome, AdministratorReport};
pub use backup::{BackupReport, Fidelity};
pub use health::{HealthCheck, HealthReport, IntegrityProgress};
pub use initialize::{SetupDetails, SetupPhase, SetupReport, SetupStatus};
pub use migrate::{FailedMigration, MigrationPlan, MigrationReport, RepairReport, RollbackTarget};
pub use missing::MissingPart;
pub use origin::Origin;
pub use password::{SHORTEST_PASSWORD, check_password, generate_password, hash_password};
pub use seed::SeedReport;
pub use status::{LastBackup, PoolSettings, StatusSummary};

pub use crate::error::RowChange;
pub use crate::migrations::{
    Check, Effect, HistoryFault, Phase, PlannedStatement, PlannedStep, Step, StepDirection,
};

/// For the crates of this workspace. Not part of the public API: anything here may change in any
/// release.
#[doc(hidden)]
pub mod internal {
    pub use super::health::expected_names;
    pub use super::origin::{FORMER_TABLES, TRANSFER_TABLE, origin_of};
    pub use super::seed::{refresh, seed};
    pub use super::seed_data::SETTINGS;
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
}

impl DatabaseManager {
    /// A manager for the database that the configuration names. Nothing is opened yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, migrations: migrations::all() }
    }

    /// A manager for an application that has tables of its own: these migrations are run, checked and
    /// rolled back in place of [`migrations::all`], which they should begin with. Oldest first.
    #[must_use]
    pub const fn with_migrations(config: Config, migrations: &'static [EmbeddedMigration]) -> Self {
        Self { config, migrations }
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether something is where the configuration says, a database or not.
    ///
    /// # Errors
    /// [`Error::Connect`](crate::Error::Connect) if a server cannot be asked.
    pub fn exists(&self) -> Result<bool> {
        connection::exists(&self.config)
    }

    /// The migrations that the manager runs, oldest first.
    #[must_use]
    pub const fn migrations(&self) -> &'static [EmbeddedMigration] {
        self.migrations
    }

    /// A manager of another database with the same migrations.
    #[must_use]
    pub const fn for_config(&self, config: Config) -> Self {
        Self { config, migrations: self.migrations }
    }

    fn ledger(&self, connection: &mut DbConnection) -> Result<Ledger> {
        Ledger::read_for(connection, self.migrations)
    }

    /// Opens the existing database for writing, if it is ours.
    fn open_ours(&self) -> Result<DbConnection> {
        self.ensure_ours()?;
        self.open()
    }

    /// Opens the existing database for writing, whoever made it.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase), [`Error::Open`](crate::Error::Open) or [`Error::Connect`](crate::Error::Connect).
    #[doc(hidden)]
    pub fn open(&self) -> Result<DbConnection> {
        connection::open(&self.config, Access::Maintain)
    }
}
