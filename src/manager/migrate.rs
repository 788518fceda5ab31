//! Migrating and rolling back, with a backup first.

use serde::Serialize;

use super::backup::BackupReport;
use super::{DatabaseManager, RollbackTarget, seed};
use crate::migrations::{self, Goal, Ledger, Step};
use crate::{DbConnection, Error, Result, dispatch};

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

impl DatabaseManager {
    /// Applies what is pending: all of it or nothing. Takes a backup first, if `auto_backup` is on.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::NewerDatabase`], [`Error::LateMigration`],
    /// [`Error::Migration`] or [`Error::BrokenReferences`]; the database is then as it was.
    pub fn migrate(&self) -> Result<MigrationReport> {
        let mut connection = self.open()?;
        let ledger = Ledger::read(&mut connection)?;
        ledger.ensure_known_and_in_order()?;
        let backup = match ledger.pending().next() {
            Some(_) => self.backup_before(&mut connection, "migrate")?,
            None => None,
        };
        run(&mut connection, &Goal::Latest, backup)
    }

    /// Reverts migrations, newest first: all that are asked for or none. Takes a backup first, if
    /// `auto_backup` is on, and checks the references of what is left.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::UnknownVersion`], [`Error::NewerDatabase`],
    /// [`Error::Migration`] or [`Error::BrokenReferences`]; the database is then as it was.
    pub fn rollback(&self, target: &RollbackTarget) -> Result<MigrationReport> {
        let mut connection = self.open()?;
        let goal = match target {
            RollbackTarget::Steps(0) => {
                return Err(Error::State("rolling back 0 migrations would do nothing".into()));
            }
            RollbackTarget::Steps(steps) => Goal::Back(*steps),
            RollbackTarget::Version(version) => Goal::To(version.clone()),
        };
        let ledger = Ledger::read(&mut connection)?;
        let backup = match migrations::to_revert(&ledger, &goal)?.first() {
            Some(_) => self.backup_before(&mut connection, "rollback")?,
            None => None,
        };
        run(&mut connection, &goal, backup)
    }

    /// A backup, unless it is switched off or there is nothing to save.
    pub(super) fn backup_before(
        &self,
        connection: &mut DbConnection,
        operation: &str,
    ) -> Result<Option<BackupReport>> {
        let empty = dispatch!(connection, |connection| migrations::is_empty(connection))?;
        if empty || !self.config.auto_backup() {
            return Ok(None);
        }
        self.backup_for(operation).map(Some)
    }
}

fn run(
    connection: &mut DbConnection,
    goal: &Goal,
    backup: Option<BackupReport>,
) -> Result<MigrationReport> {
    let (steps, version) = migrations::run(connection, goal, |connection| {
        refresh_settings(connection)?;
        Ok(Ledger::read(connection)?.current().map(str::to_owned))
    })?;
    // A database that could not record its own backup before may be able to now.
    if let Some(backup) = &backup {
        backup.record_once(connection)?;
    }
    Ok(MigrationReport { steps, version, backup })
}

/// `SCHEMA_VERSION` follows, if its table is there.
fn refresh_settings(connection: &mut DbConnection) -> Result<()> {
    let tables = ["system_settings", "users", "roles"];
    let present = dispatch!(&mut *connection, |connection| {
        tables.iter().try_fold(true, |all, table| {
            Ok::<_, diesel::result::Error>(all && migrations::table_exists(connection, table)?)
        })
    })?;
    if present {
        seed::refresh(connection)?;
    }
    Ok(())
}
