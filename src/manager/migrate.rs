//! Migrating and rolling back, with a backup first.

use serde::Serialize;

use super::backup::BackupReport;
use super::{DatabaseManager, RollbackTarget, seed};
use crate::migrations::{self, Goal, Ledger, PlannedStep, Step};
use crate::{DbConnection, Error, Result, connection};

/// What a migration or a rollback did.
#[derive(Clone, Debug, Serialize)]
pub struct MigrationReport {
    /// The migrations that ran, in the order they ran: empty if there was nothing to do.
    pub steps: Vec<Step>,
    /// The newest version now; `None` when nothing is applied.
    pub version: Option<String>,
    /// The backup that was taken before, if one was.
    pub backup: Option<BackupReport>,
}

/// What a migration or a rollback would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationPlan {
    /// The newest version now; `None` when nothing is applied.
    pub version: Option<String>,
    /// The migrations that would run, in the order they would: empty if there is nothing to do.
    pub steps: Vec<PlannedStep>,
}

impl DatabaseManager {
    /// Applies what is pending: all of it or nothing. Takes a backup first, if `auto_backup` is on.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::NewerDatabase`], [`Error::LateMigration`],
    /// [`Error::Migration`] or [`Error::BrokenReferences`]; the database is then as it was.
    pub fn migrate(&self) -> Result<MigrationReport> {
        self.go_to(&Goal::Latest, "migrate")
    }

    /// Reverts migrations, newest first: all that are asked for or none. Takes a backup first, if
    /// `auto_backup` is on, and checks the references of what is left.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::UnknownVersion`], [`Error::NewerDatabase`],
    /// [`Error::Migration`] or [`Error::BrokenReferences`]; the database is then as it was.
    pub fn rollback(&self, target: &RollbackTarget) -> Result<MigrationReport> {
        self.go_to(&goal_of(target)?, "rollback")
    }

    /// What [`DatabaseManager::migrate`] would do, statement by statement. Nothing is written.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::Refused`], [`Error::NewerDatabase`], [`Error::LateMigration`].
    pub fn plan_migration(&self) -> Result<MigrationPlan> {
        self.plan(&Goal::Latest)
    }

    /// What [`DatabaseManager::rollback`] would do, statement by statement. Nothing is written.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::Refused`], [`Error::NewerDatabase`],
    /// [`Error::UnknownVersion`].
    pub fn plan_rollback(&self, target: &RollbackTarget) -> Result<MigrationPlan> {
        self.plan(&goal_of(target)?)
    }

    fn plan(&self, goal: &Goal) -> Result<MigrationPlan> {
        self.ensure_ours()?;
        connection::inspect(&self.config, |connection| {
            let version = Ledger::read(connection)?.current().map(str::to_owned);
            Ok(MigrationPlan { version, steps: migrations::plan(connection, goal)? })
        })
    }

    fn go_to(&self, goal: &Goal, operation: &str) -> Result<MigrationReport> {
        let mut connection = self.open_ours()?;
        let (steps, version, backup) =
            self.run_with_backup(&mut connection, goal, operation, |connection| {
                refresh_settings(connection)?;
                Ok(Ledger::read(connection)?.current().map(str::to_owned))
            })?;
        Ok(MigrationReport { steps, version, backup })
    }

    /// Goes to the goal; if there is something to do and to save, takes a backup under the same lock
    /// before, so that nothing can be committed between the two.
    pub(super) fn run_with_backup<T>(
        &self,
        connection: &mut DbConnection,
        goal: &Goal,
        operation: &str,
        after: impl FnOnce(&mut DbConnection) -> Result<T>,
    ) -> Result<(Vec<Step>, T, Option<BackupReport>)> {
        let mut backup = None;
        let take_backup = |connection: &mut DbConnection| {
            let empty = migrations::is_empty(connection)?;
            if !empty && self.config.auto_backup() {
                backup = Some(self.copy_and_check(operation)?);
            }
            Ok(())
        };
        let result = migrations::run(connection, goal, take_backup, after);
        // Recorded whatever came of the migrations, but after them: before, the table may be missing.
        if let Some(backup) = &backup {
            backup.record(connection);
        }
        let (steps, value) = result?;
        Ok((steps, value, backup))
    }
}

fn goal_of(target: &RollbackTarget) -> Result<Goal> {
    match target {
        RollbackTarget::Steps(0) => {
            Err(Error::State("rolling back 0 migrations would do nothing".into()))
        }
        RollbackTarget::Steps(steps) => Ok(Goal::Back(*steps)),
        RollbackTarget::Version(version) => Ok(Goal::To(version.clone())),
    }
}

/// `SCHEMA_VERSION` follows, if its table is there.
fn refresh_settings(connection: &mut DbConnection) -> Result<()> {
    for table in ["system_settings", "users", "roles"] {
        if !migrations::table_exists(connection, table)? {
            return Ok(());
        }
    }
    seed::refresh(connection).map(drop)
}
