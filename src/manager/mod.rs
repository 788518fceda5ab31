//! [`DatabaseManager`]: what operators do with a database, as one thin front.
//!
//! Each operation has a file of its own and returns a typed report; nothing returns a bare boolean.

mod administrator;
mod backup;
mod health;
mod initialize;
mod migrate;
mod origin;
mod password;
mod seed;
mod seed_data;
mod status;

use crate::backend::DbConnection;
use crate::catalog;
use crate::config::Config;
use crate::connection::{self, Access};
use crate::error::{Error, Result};
use crate::migrations::{self, EmbeddedMigration, Ledger, Migrations};

pub use administrator::{Administrator, AdministratorOutcome, AdministratorReport};
pub use backup::{BackupReport, Fidelity};
pub use health::{HealthCheck, HealthReport};
pub use initialize::{SetupDetails, SetupPhase, SetupReport, SetupStatus};
pub use migrate::{FailedMigration, MigrationPlan, MigrationReport, RepairReport};
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

/// How far back [`DatabaseManager::rollback`] goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RollbackTarget {
    /// This many migrations.
    Steps(usize),
    /// To this version, which stays applied; `0` is an empty schema.
    Version(String),
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
/// let report = manager.initialize(&Administrator::default(), false)?;
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
    /// [`Error::Connect`] if a server cannot be asked.
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

    /// Refuses a database that another program made, or a newer version of this one, or that a
    /// stopped transfer left incomplete, before opening it for writing changes so much as its journal
    /// mode.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::FormerDatabase`], [`Error::Migration`] or [`Error::UnfinishedTransfer`].
    #[doc(hidden)]
    pub fn ensure_ours(&self) -> Result<()> {
        self.ensure_ours_or_begun()?;
        connection::inspect(&self.config, |connection| {
            if origin::has_unfinished_transfer(connection)? {
                Err(Error::UnfinishedTransfer)
            } else {
                Ok(())
            }
        })
    }

    /// The same, but a transfer may have been begun into it.
    ///
    /// # Errors
    /// Those of [`DatabaseManager::ensure_ours`], without [`Error::UnfinishedTransfer`].
    #[doc(hidden)]
    pub fn ensure_ours_or_begun(&self) -> Result<()> {
        connection::inspect(&self.config, |connection| {
            let ledger = self.ledger(connection)?;
            let blank = catalog::is_empty(connection)?
                || catalog::table_exists(connection, "__diesel_schema_migrations")?;
            if blank || ledger.current().is_some() {
                return ledger.ensure_known();
            }
            self.refuse_former(connection)?;
            let reason = "it has tables but none of this program's migrations: another program \
                          made it. Nothing was changed. Give another database, or replace this one, \
                          after a backup, with `zenith-db create --force`";
            let database = self.config.location().to_string();
            Err(Error::Refused { database, reason: reason.into() })
        })
    }

    /// Of a database of the former application, whose tables have the same names, nothing can be said but
    /// what to do with it.
    fn refuse_former(&self, connection: &mut DbConnection) -> Result<()> {
        let ours = catalog::table_exists(connection, "__diesel_schema_migrations")?;
        if !ours && origin::origin_of(connection)? == Origin::Former {
            let database = self.config.location().to_string();
            return Err(Error::FormerDatabase { database });
        }
        Ok(())
    }

    /// Opens the existing database for writing, if it is ours.
    fn open_ours(&self) -> Result<DbConnection> {
        self.ensure_ours()?;
        self.open()
    }

    /// Opens the existing database for writing, whoever made it.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::Open`] or [`Error::Connect`].
    #[doc(hidden)]
    pub fn open(&self) -> Result<DbConnection> {
        connection::open(&self.config, Access::Maintain)
    }
}
