//! Creation of a database, and updates of an existing one.

use std::io;

use secrecy::SecretString;
use serde::Serialize;

use super::DatabaseManager;
use super::administrator::{
    Administrator, AdministratorOutcome, AdministratorReport, PreparedAdministrator,
};
use super::backup::BackupReport;
use super::health::HealthReport;
use super::seed::{self, SeedReport};
use crate::backend::DbConnection;
use crate::catalog;
use crate::connection::{self, Writer};
use crate::error::{Error, Result};
use crate::migrations::{Step, Target};
use crate::models::User;

/// Phase in which a setup of a database ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupPhase {
    /// The setup finished, but the database is unhealthy.
    Verification,
    /// The setup finished, and the database is healthy.
    Complete,
}

/// Effect of a setup on the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupStatus {
    /// A new database was created.
    Created,
    /// All tables and rows were deleted and the schema was created again, on request.
    Recreated,
    /// Missing parts were added to the existing database.
    Updated,
    /// The database was complete; nothing was changed.
    Unchanged,
}

/// Report of [`DatabaseManager::initialize`] and [`DatabaseManager::recreate`].
#[derive(Clone, Debug, Serialize)]
#[must_use = "a generated password is nowhere else"]
pub struct SetupReport {
    /// Phase in which the setup ended.
    pub phase: SetupPhase,
    /// Effect of the setup.
    pub status: SetupStatus,
    /// Effect of the setup, in words, with the path of the database or the URL of its server.
    pub message: String,
    /// Results of the setup's steps.
    pub details: SetupDetails,
}

/// Results of the steps of a setup.
#[derive(Clone, Debug, Serialize)]
pub struct SetupDetails {
    /// Path of the database, or the URL of its server without the password.
    pub database_path: String,
    /// Migrations that ran, in order.
    pub migrations: Vec<Step>,
    /// Numbers of rows that seeding inserted or updated.
    pub seeded: SeedReport,
    /// Report on the creation of the administrator.
    pub administrator: AdministratorReport,
    /// Backup that was taken before the change; `None` if there was nothing to change or to save, or
    /// `auto_backup` is off.
    pub backup: Option<BackupReport>,
    /// Health check after the setup.
    pub health: HealthReport,
}

impl DatabaseManager {
    /// Creates the database or brings it up to date: creates the directories and the database,
    /// applies pending migrations, inserts missing roles, permissions and settings, creates the
    /// administrator if no active one exists, and checks the result. Deletes nothing. A second call
    /// changes nothing.
    ///
    /// If a password is generated for the administrator, the report contains it.
    ///
    /// # Errors
    /// Fails if the path, the administrator or the migrations cannot be used. The database is then
    /// unchanged.
    pub fn initialize(&self, administrator: &Administrator) -> Result<SetupReport> {
        self.initialize_with(administrator, |_, _| Ok(()))
    }

    /// Does what [`DatabaseManager::initialize`] does, and passes the user name of a new administrator
    /// and the generated password to `deliver`, inside the transaction and as its last step. The
    /// database stores only the hash, so that a failure to deliver the password after the commit would lose
    /// it. `deliver` is not called if no password is generated.
    ///
    /// # Errors
    /// [`Error::PasswordNotDelivered`] if `deliver` fails, and the errors of
    /// [`DatabaseManager::initialize`]. The database is then unchanged.
    pub fn initialize_with(
        &self,
        administrator: &Administrator,
        deliver: impl FnOnce(&str, &SecretString) -> io::Result<()>,
    ) -> Result<SetupReport> {
        // Invalid arguments fail before anything is written.
        self.recover()?;
        let exists = self.has_existing_administrator()?;
        let prepared = if exists { None } else { Some(administrator.prepare()?) };
        self.ensure_can_initialize()?;
        self.set_up(prepared, &Target::Latest, deliver)
    }

    /// Deletes all tables of the database with their rows and creates the schema, the seeds and the administrator again,
    /// in one transaction, after a backup unless `auto_backup` is off. In an SQLite file it deletes tables, whoever
    /// created them; on a server, it refuses a schema with anything that no migration of the program has created. If the database does not exist, creates it as [`DatabaseManager::initialize`] does.
    ///
    /// # Errors
    /// Fails if the path, the administrator or the migrations cannot be used. The database is then
    /// unchanged.
    pub fn recreate(&self, administrator: &Administrator) -> Result<SetupReport> {
        self.recreate_with(administrator, |_, _| Ok(()))
    }

    /// Does what [`DatabaseManager::recreate`] does, and passes a generated password to `deliver` before
    /// the commit, as [`DatabaseManager::initialize_with`] does.
    ///
    /// # Errors
    /// [`Error::PasswordNotDelivered`] if `deliver` fails, and the errors of
    /// [`DatabaseManager::recreate`]. The database is then unchanged.
    pub fn recreate_with(
        &self,
        administrator: &Administrator,
        deliver: impl FnOnce(&str, &SecretString) -> io::Result<()>,
    ) -> Result<SetupReport> {
        self.recover()?;
        // A file that is not a database, or cannot be read, is refused before anything is written.
        self.has_existing_administrator()?;
        self.ensure_can_recreate()?;
        self.set_up(Some(administrator.prepare()?), &Target::Everything, deliver)
    }

    /// Returns whether an active administrator exists; `false` for a missing database.
    fn has_existing_administrator(&self) -> Result<bool> {
        match self.has_administrator() {
            Err(Error::NoDatabase { .. }) => Ok(false),
            found => found,
        }
    }

    /// Runs the migrations to the target, then writes the seeds and the administrator.
    fn set_up(
        &self,
        administrator: Option<PreparedAdministrator>,
        target: &Target,
        deliver: impl FnOnce(&str, &SecretString) -> io::Result<()>,
    ) -> Result<SetupReport> {
        let created = connection::create(&self.config)?;
        let mut connection = self.open()?;
        let was_empty = catalog::is_empty(&mut connection)?;
        if self.config.location().path().is_some() {
            for directory in [self.config.backup_dir(), &self.config.log_dir()] {
                connection::create_private_dir(directory)?;
            }
        }
        let recreates = *target == Target::Everything && !was_empty;
        let target = if recreates { &Target::Everything } else { &Target::Latest };
        let fill = |connection: &mut Writer<'_>| {
            let seeded = seed::seed(connection)?;
            let administrator = match administrator {
                Some(prepared) => prepared.ensure(connection)?,
                None => existing_administrator(connection)?,
            };
            let refreshed = seed::refresh(connection, self.migrations)?;
            if let Some(password) = &administrator.generated_password {
                deliver(&administrator.username, password).map_err(Error::PasswordNotDelivered)?;
            }
            Ok((SeedReport { refreshed, ..seeded }, administrator))
        };
        let (run, backup) = self.run_with_backup(&mut connection, target, "create", fill)?;
        let (steps, (seeded, administrator)) = (run.steps, run.value);
        drop(connection);

        let changed = !steps.is_empty()
            || seeded.changed()
            || administrator.outcome == AdministratorOutcome::Created;
        let status = match (recreates, created || was_empty, changed) {
            (true, ..) => SetupStatus::Recreated,
            (_, true, true) => SetupStatus::Created,
            (_, _, true) => SetupStatus::Updated,
            (_, _, false) => SetupStatus::Unchanged,
        };
        let health = self.health_check();
        let database_path = self.config.location().to_string();
        let details = SetupDetails {
            database_path,
            migrations: steps,
            seeded,
            administrator,
            backup,
            health,
        };
        let message = message(status, &details);
        let phase =
            if details.health.healthy { SetupPhase::Complete } else { SetupPhase::Verification };
        Ok(SetupReport { phase, status, message, details })
    }

    /// Whether an active administrator exists. Writes nothing.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::Refused`], or [`Error::Query`] if the database cannot be
    /// read.
    pub fn has_administrator(&self) -> Result<bool> {
        connection::inspect(&self.config, |connection| {
            let has_tables = catalog::table_exists(connection, "users")?
                && catalog::table_exists(connection, "roles")?;
            let ours = has_tables && self.ledger(connection)?.ran().next().is_some();
            Ok(ours && !User::list_administrators(connection)?.is_empty())
        })
    }
}

fn existing_administrator(connection: &mut DbConnection) -> Result<AdministratorReport> {
    let existing = User::list_administrators(connection)?.into_iter().next();
    Ok(AdministratorReport {
        outcome: AdministratorOutcome::Existed,
        username: existing.map(|user| user.username).unwrap_or_default(),
        generated_password: None,
    })
}

fn message(status: SetupStatus, details: &SetupDetails) -> String {
    let path = &details.database_path;
    match status {
        SetupStatus::Created => format!("created {path}"),
        SetupStatus::Recreated => {
            format!("deleted the tables of {path} and created the schema again")
        }
        SetupStatus::Updated => format!("brought {path} up to date"),
        SetupStatus::Unchanged => format!("{path} is up to date; nothing was changed"),
    }
}
