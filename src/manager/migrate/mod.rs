//! Migrating and rolling back, with a backup first.

mod disk_space;
mod record;
mod repair;
mod run;
mod undo;

use serde::Serialize;

use super::backup::BackupReport;
use super::{DatabaseManager, seed};
use crate::backend::DbConnection;
use crate::catalog;
use crate::connection;
use crate::error::{MigrationFault, Result};
use crate::migrations::{self, Check, PlannedStep, Run, Step, Target};

pub use record::FailedMigration;
pub(super) use record::last_failure;
pub use repair::RepairReport;

/// What a migration or a rollback did.
#[derive(Clone, Debug, Serialize)]
pub struct MigrationReport {
    /// The migrations that ran, in the order they ran: empty if there was nothing to do.
    pub steps: Vec<Step>,
    /// The newest version now; `None` when nothing is applied.
    pub version: Option<String>,
    /// What held before and after: empty if there was nothing to do.
    pub conditions: Vec<Check>,
    /// The backup that was taken before, if one was.
    pub backup: Option<BackupReport>,
    /// The command that takes it back; `None` if there was nothing to do.
    pub undo: Option<String>,
}

/// What a migration or a rollback would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationPlan {
    /// The newest version now; `None` when nothing is applied.
    pub version: Option<String>,
    /// The migrations that would run, in the order they would: empty if there is nothing to do.
    pub steps: Vec<PlannedStep>,
}

/// How far back [`DatabaseManager::rollback`] goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RollbackTarget {
    /// This many migrations.
    Steps(usize),
    /// To this version, which stays applied; `0` is an empty schema.
    Version(String),
}

impl DatabaseManager {
    /// Applies what is pending: all of it or nothing. Takes a backup first, if `auto_backup` is on.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase); [`Error::Migration`](crate::Error::Migration) with what is wrong, after a backup inside
    /// [`RolledBack`](crate::MigrationFault::RolledBack). The database is then as it was.
    pub fn migrate(&self) -> Result<MigrationReport> {
        self.go_to(&Target::Latest, "migrate")
    }

    /// Applies what is pending up to a version, as [`DatabaseManager::migrate`] applies all.
    ///
    /// # Errors
    /// Those of [`DatabaseManager::migrate`]; [`MigrationFault::LaterVersion`].
    pub fn migrate_to(&self, version: &str) -> Result<MigrationReport> {
        self.go_to(&Target::UpTo(version.to_owned()), "migrate")
    }

    /// What [`DatabaseManager::migrate_to`] would do, statement by statement. Nothing is written.
    ///
    /// # Errors
    /// Those of [`DatabaseManager::plan_migration`]; [`MigrationFault::LaterVersion`].
    pub fn plan_migration_to(&self, version: &str) -> Result<MigrationPlan> {
        self.plan(&Target::UpTo(version.to_owned()))
    }

    /// Reverts the last migration and applies it again, in one transaction. The rows of the tables
    /// that it made are gone then; the backup has them.
    ///
    /// # Errors
    /// Those of [`DatabaseManager::migrate`]; [`MigrationFault::NothingToRedo`].
    pub fn redo(&self) -> Result<MigrationReport> {
        self.go_to(&Target::Redo, "redo")
    }

    /// What [`DatabaseManager::redo`] would do, statement by statement. Nothing is written.
    ///
    /// # Errors
    /// Those of [`DatabaseManager::plan_migration`]; [`MigrationFault::NothingToRedo`].
    pub fn plan_redo(&self) -> Result<MigrationPlan> {
        self.plan(&Target::Redo)
    }

    /// Reverts migrations, newest first: all that are asked for or none. Takes a backup first, if
    /// `auto_backup` is on, and checks the references of what is left.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase); [`Error::Migration`](crate::Error::Migration) with what is wrong, after a backup inside
    /// [`RolledBack`](crate::MigrationFault::RolledBack). The database is then as it was.
    pub fn rollback(&self, target: &RollbackTarget) -> Result<MigrationReport> {
        self.go_to(&target_of(target)?, "rollback")
    }

    /// What [`DatabaseManager::migrate`] would do, statement by statement. Nothing is written.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase), [`Error::Refused`](crate::Error::Refused) or [`Error::Migration`](crate::Error::Migration).
    pub fn plan_migration(&self) -> Result<MigrationPlan> {
        self.plan(&Target::Latest)
    }

    /// What [`DatabaseManager::rollback`] would do, statement by statement. Nothing is written.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase), [`Error::Refused`](crate::Error::Refused) or [`Error::Migration`](crate::Error::Migration).
    pub fn plan_rollback(&self, target: &RollbackTarget) -> Result<MigrationPlan> {
        self.plan(&target_of(target)?)
    }

    fn plan(&self, target: &Target) -> Result<MigrationPlan> {
        self.ensure_ours()?;
        connection::inspect(&self.config, |connection| {
            let version = self.ledger(connection)?.current().map(str::to_owned);
            Ok(MigrationPlan {
                version,
                steps: migrations::plan(connection, self.migrations, target)?,
            })
        })
    }

    fn go_to(&self, target: &Target, operation: &str) -> Result<MigrationReport> {
        let mut connection = self.open_ours()?;
        let (run, backup) =
            self.run_with_backup(&mut connection, target, operation, |connection| {
                let version = self.ledger(connection)?.current().map(str::to_owned);
                refresh_settings(connection)?;
                Ok(version)
            })?;
        let undo = (!run.steps.is_empty())
            .then(|| undo::undo(&self.config, target, &run, backup.as_ref()));
        let Run { steps, conditions, value: version, .. } = run;
        Ok(MigrationReport { steps, version, conditions, backup, undo })
    }
}

fn target_of(target: &RollbackTarget) -> Result<Target> {
    match target {
        RollbackTarget::Steps(0) => Err(MigrationFault::NoSteps.into()),
        RollbackTarget::Steps(steps) => Ok(Target::RollbackSteps(*steps)),
        RollbackTarget::Version(version) => Ok(Target::RollbackTo(version.clone())),
    }
}

/// `SCHEMA_VERSION` follows, if its table is there.
fn refresh_settings(connection: &mut DbConnection) -> Result<()> {
    for table in ["system_settings", "users", "roles"] {
        if !catalog::table_exists(connection, table)? {
            return Ok(());
        }
    }
    seed::refresh(connection).map(drop)
}
