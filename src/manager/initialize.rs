//! Creating a database, or bringing an existing one up to date.

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
use crate::connection;
use crate::error::{Error, Result};
use crate::migrations::{Step, Target};
use crate::models::User;

/// How far a setup came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupPhase {
    /// Everything was done, but the health check found the database unhealthy.
    Verification,
    /// Everything was done, and the database is healthy.
    Complete,
}

/// What a setup did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupStatus {
    /// There was no database; there is one now.
    Created,
    /// The database was emptied and set up again, on request.
    Recreated,
    /// The database lacked something, which was added.
    Updated,
    /// Everything was there; nothing was changed.
    Unchanged,
}

/// The result of [`DatabaseManager::initialize`].
#[derive(Clone, Debug, Serialize)]
pub struct SetupReport {
    /// How far it came.
    pub phase: SetupPhase,
    /// What it did.
    pub status: SetupStatus,
    /// The same in a sentence.
    pub message: String,
    /// The parts.
    pub details: SetupDetails,
}

/// The parts of a setup.
#[derive(Clone, Debug, Serialize)]
pub struct SetupDetails {
    /// The database: its path, or its server's URL without the password.
    pub database_path: String,
    /// The migrations that ran.
    pub migrations: Vec<Step>,
    /// The rows that were seeded.
    pub seeded: SeedReport,
    /// What became of the administrator.
    pub administrator: AdministratorReport,
    /// The backup that was taken before, if one was.
    pub backup: Option<BackupReport>,
    /// The health check afterwards.
    pub health: HealthReport,
}

impl DatabaseManager {
    /// Creates the database or brings it up to date: creates the directories and the database, applies
    /// pending migrations, writes missing seeds, creates the administrator if no active one exists, and
    /// checks the result. Nothing is deleted; a second call changes nothing.
    ///
    /// # Errors
    /// The path, the administrator or the migrations cannot be used; the database is then unchanged.
    pub fn initialize(&self, administrator: &Administrator) -> Result<SetupReport> {
        // What can fail for the caller's reasons fails before anything is written.
        let exists = self.has_existing_administrator()?;
        let prepared = if exists { None } else { Some(administrator.prepare()?) };
        if self.exists()? {
            self.ensure_ours()?;
        }
        self.set_up(prepared, &Target::Latest)
    }

    /// Deletes all tables and rows of the database, after a backup unless `auto_backup` is off, and
    /// creates the schema, the seeds and the administrator again. One transaction does it: a failure
    /// leaves the old database. A database that does not exist is created as by
    /// [`DatabaseManager::initialize`].
    ///
    /// # Errors
    /// The path, the administrator or the migrations cannot be used; the database is then unchanged.
    pub fn recreate(&self, administrator: &Administrator) -> Result<SetupReport> {
        // A file that is not a database, or cannot be read, is refused before anything is written.
        self.has_existing_administrator()?;
        self.set_up(Some(administrator.prepare()?), &Target::Everything)
    }

    /// Returns whether an active administrator exists: a missing database has none.
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
        let fill = |connection: &mut DbConnection| {
            let seeded = seed::seed(connection)?;
            let administrator = match administrator {
                Some(prepared) => prepared.ensure(connection)?,
                None => existing_administrator(connection)?,
            };
            let refreshed = seed::refresh(connection)?;
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

    /// Whether there is an active administrator, without writing anything.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::Refused`], or [`Error::Query`] if the database cannot be read.
    pub fn has_administrator(&self) -> Result<bool> {
        connection::inspect(&self.config, |connection| {
            let there = catalog::table_exists(connection, "users")?
                && catalog::table_exists(connection, "roles")?;
            let ours = there && self.ledger(connection)?.current().is_some();
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
        SetupStatus::Recreated => format!("emptied {path} and set it up again"),
        SetupStatus::Updated => format!("brought {path} up to date"),
        SetupStatus::Unchanged => format!("{path} is up to date; nothing was changed"),
    }
}
