//! Creating a database, or bringing an existing one up to date.

use serde::Serialize;

use super::DatabaseManager;
use super::administrator::{Administrator, AdministratorOutcome, AdministratorReport};
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
    /// Makes the directories and the database, applies what is pending, seeds what is missing, makes
    /// the administrator if there is none, and checks the result. Done again, it changes nothing.
    ///
    /// With `force`, an existing database is backed up (unless `auto_backup` is off), emptied and
    /// set up again, in one transaction: it is the old one or the new one, whatever happens.
    ///
    /// # Errors
    /// What is wrong with the path, the administrator or the migrations; the database is then as it
    /// was.
    pub fn initialize(&self, administrator: &Administrator, force: bool) -> Result<SetupReport> {
        // What can fail for the caller's reasons fails before anything is written.
        let prepared = match self.has_administrator() {
            Ok(true) if !force => None,
            Ok(_) | Err(Error::NoDatabase { .. }) => Some(administrator.prepare()?),
            Err(error) => return Err(error),
        };
        if self.exists()? && !force {
            self.ensure_ours()?;
        }
        let created = connection::create(&self.config)?;
        let mut connection = self.open()?;
        let was_empty = catalog::is_empty(&mut connection)?;
        if self.config.location().path().is_some() {
            for directory in [self.config.backup_dir(), &self.config.log_dir()] {
                connection::create_private_dir(directory)?;
            }
        }
        let recreate = force && !was_empty;
        let fill = |connection: &mut DbConnection| {
            let seeded = seed::seed(connection)?;
            let administrator = match prepared {
                Some(prepared) => prepared.ensure(connection)?,
                None => existing_administrator(connection)?,
            };
            let refreshed = seed::refresh(connection)?;
            Ok((SeedReport { refreshed, ..seeded }, administrator))
        };
        let target = if recreate { Target::Everything } else { Target::Latest };
        let (run, backup) = self.run_with_backup(&mut connection, &target, "create", fill)?;
        let (steps, (seeded, administrator)) = (run.steps, run.value);
        drop(connection);

        let changed = !steps.is_empty()
            || seeded.changed()
            || administrator.outcome == AdministratorOutcome::Created;
        let status = match (recreate, created || was_empty, changed) {
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
