//! Migrations and rollbacks, after a backup.

mod record;
mod repair;
mod run;
mod undo;

use serde::Serialize;

use super::backup::BackupReport;
use super::{DatabaseManager, seed};
use crate::backend::DbConnection;
use crate::catalog;
use crate::connection::{self, Writer};
use crate::error::{MigrationFault, Result};
use crate::migrations::{self, Check, Migrations, PlannedStep, Run, Step, Target};
use crate::types::MigrationOwner;

pub use record::FailedMigration;
pub(super) use record::last_failure;
pub use repair::RepairReport;

/// Report of a migration, a rollback or a redo.
#[derive(Clone, Debug, Serialize)]
pub struct MigrationReport {
    /// Migrations that ran, in order; empty if there was nothing to do.
    pub steps: Vec<Step>,
    /// Newest version of the library that is applied after the run; `None` if none is.
    pub version: Option<String>,
    /// Newest version of the application that is applied after the run; `None` if none is.
    pub application_version: Option<String>,
    /// Checks before and after the run; empty if there was nothing to do.
    pub conditions: Vec<Check>,
    /// Backup taken before the run; `None` if there was nothing to do or to save, or `auto_backup`
    /// is off.
    pub backup: Option<BackupReport>,
    /// Command that undoes the run, with what the command does not restore; `None` if there was nothing
    /// to do.
    pub undo: Option<String>,
}

/// Plan of a migration, a rollback or a redo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use = "a plan changes nothing"]
pub struct MigrationPlan {
    /// Newest version of the library that is applied; `None` if none is.
    pub version: Option<String>,
    /// Newest version of the application that is applied; `None` if none is.
    pub application_version: Option<String>,
    /// Migrations that would run, in order; empty if there is nothing to do.
    pub steps: Vec<PlannedStep>,
}

/// Target of [`DatabaseManager::rollback`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RollbackTarget {
    /// Number of migrations to revert, of any owner: those that were applied last.
    Steps(usize),
    /// Version to roll back to, which stays applied. Only later migrations of the same owner are reverted; `0` reverts
    /// all migrations of both owners.
    Version(String),
    /// Every migration of the application is reverted.
    Own,
}

impl DatabaseManager {
    /// Applies the pending migrations in one transaction, those of the library first, after a backup unless
    /// `auto_backup` is off.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase);
    /// [`Error::Migration`](crate::Error::Migration) with the fault, inside
    /// [`RolledBack`](crate::MigrationFault::RolledBack) if a backup was taken. The database is
    /// then unchanged.
    pub fn migrate(&self) -> Result<MigrationReport> {
        self.go_to(&Target::Latest, "migrate")
    }

    /// Applies the pending migrations up to `version`, in one transaction, after a backup unless
    /// `auto_backup` is off. To a version of the library, no migration of the application is applied; to a version of the
    /// application, all of the library are applied first.
    ///
    /// # Errors
    /// The errors of [`DatabaseManager::migrate`], and [`MigrationFault::LaterVersion`].
    pub fn migrate_to(&self, version: &str) -> Result<MigrationReport> {
        self.go_to(&Target::UpTo(version.to_owned()), "migrate")
    }

    /// Returns the statements that [`DatabaseManager::migrate_to`] would run. Writes nothing.
    ///
    /// # Errors
    /// The errors of [`DatabaseManager::plan_migration`], and [`MigrationFault::LaterVersion`].
    pub fn plan_migration_to(&self, version: &str) -> Result<MigrationPlan> {
        self.plan(&Target::UpTo(version.to_owned()))
    }

    /// Reverts the migration that was applied last and applies it again, in one transaction, after a backup unless
    /// `auto_backup` is off. The tables and columns that the migration added lose their data.
    ///
    /// # Errors
    /// The errors of [`DatabaseManager::migrate`], and [`MigrationFault::NothingToRedo`].
    pub fn redo(&self) -> Result<MigrationReport> {
        self.go_to(&Target::Redo, "redo")
    }

    /// Returns the statements that [`DatabaseManager::redo`] would run. Writes nothing.
    ///
    /// # Errors
    /// The errors of [`DatabaseManager::plan_migration`], and [`MigrationFault::NothingToRedo`].
    pub fn plan_redo(&self) -> Result<MigrationPlan> {
        self.plan(&Target::Redo)
    }

    /// Reverts migrations, the last applied first, in one transaction, after a backup unless `auto_backup` is
    /// off. Checks the foreign keys before the commit.
    ///
    /// # Errors
    /// [`MigrationFault::Required`] and [`MigrationFault::Dependents`] if migrations or objects of the application
    /// that stay depend on what would be reverted; [`Error::NoDatabase`](crate::Error::NoDatabase);
    /// [`Error::Migration`](crate::Error::Migration) with the fault, inside
    /// [`RolledBack`](crate::MigrationFault::RolledBack) if a backup was taken. The database is
    /// then unchanged.
    pub fn rollback(&self, target: &RollbackTarget) -> Result<MigrationReport> {
        self.go_to(&target_of(target)?, "rollback")
    }

    /// Returns the statements that [`DatabaseManager::migrate`] would run. Writes nothing.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase), [`Error::Refused`](crate::Error::Refused)
    /// or [`Error::Migration`](crate::Error::Migration).
    pub fn plan_migration(&self) -> Result<MigrationPlan> {
        self.plan(&Target::Latest)
    }

    /// Returns the statements that [`DatabaseManager::rollback`] would run. Writes nothing.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase), [`Error::Refused`](crate::Error::Refused)
    /// or [`Error::Migration`](crate::Error::Migration).
    pub fn plan_rollback(&self, target: &RollbackTarget) -> Result<MigrationPlan> {
        self.plan(&target_of(target)?)
    }

    fn plan(&self, target: &Target) -> Result<MigrationPlan> {
        self.ensure_ours()?;
        connection::inspect(&self.config, |connection| {
            let (version, application_version) = self.versions(connection)?;
            Ok(MigrationPlan {
                version,
                application_version,
                steps: migrations::plan(connection, self.migrations, target)?,
            })
        })
    }

    fn go_to(&self, target: &Target, operation: &str) -> Result<MigrationReport> {
        let mut connection = self.open_ours()?;
        let (run, backup) =
            self.run_with_backup(&mut connection, target, operation, |connection| {
                refresh_settings(connection, self.migrations)?;
                self.versions(connection)
            })?;
        let undo = (!run.steps.is_empty())
            .then(|| undo::undo(&self.config, target, &run, backup.as_ref()));
        let Run { steps, conditions, value: (version, application_version), .. } = run;
        Ok(MigrationReport { steps, version, application_version, conditions, backup, undo })
    }

    /// Returns the newest applied version of the library, and that of the application.
    fn versions(&self, connection: &mut DbConnection) -> Result<(Option<String>, Option<String>)> {
        let ledger = self.ledger(connection)?;
        let newest = |owner| ledger.newest(owner).map(str::to_owned);
        Ok((newest(MigrationOwner::Library), newest(MigrationOwner::Application)))
    }
}

fn target_of(target: &RollbackTarget) -> Result<Target> {
    match target {
        RollbackTarget::Steps(0) => Err(MigrationFault::NoSteps.into()),
        RollbackTarget::Steps(steps) => Ok(Target::RollbackSteps(*steps)),
        RollbackTarget::Version(version) => Ok(Target::RollbackTo(version.clone())),
        RollbackTarget::Own => Ok(Target::RollbackOwn),
    }
}

/// Updates the read-only settings, such as `SCHEMA_VERSION`, if their tables exist.
fn refresh_settings(connection: &mut Writer<'_>, migrations: Migrations) -> Result<()> {
    for table in ["system_settings", "users", "roles"] {
        if !catalog::table_exists(connection, table)? {
            return Ok(());
        }
    }
    seed::refresh(connection, migrations).map(drop)
}
