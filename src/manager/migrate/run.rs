//! One run of migrations: check of the disk space, backup, migrations, and a record of the result.

use super::record::{record_failure, record_success};
use crate::backend::DbConnection;
use crate::catalog::{self, IntegrityCheck};
use crate::connection::{self, Access, TransactionSettings, Writer};
use crate::error::{Error, MigrationFault, ProgramFault, Result, chain};
use crate::manager::DatabaseManager;
use crate::manager::backup::BackupReport;
use crate::manager::disk_space::{Space, ensure_room};
use crate::migrations::{self, Check, Run, Session, Target};

impl DatabaseManager {
    /// Runs the migrations to the target. If there is something to do and to save, takes a backup
    /// first, under the same lock, so that nothing can be committed in between.
    ///
    /// # Errors
    /// The errors of [`DatabaseManager::migrate`].
    #[doc(hidden)]
    pub fn run_with_backup<T>(
        &self,
        connection: &mut DbConnection,
        target: &Target,
        operation: &str,
        after: impl FnOnce(&mut Writer<'_>) -> Result<T>,
    ) -> Result<(Run<T>, Option<BackupReport>)> {
        let (mut backup, mut disk_space, mut begun) = (None, None, false);
        let session = Session::of(connection)?;
        let prepare = |connection: &mut DbConnection| {
            if !catalog::is_empty(connection)? {
                disk_space = self.check_disk_space(connection)?;
                if self.config.auto_backup() {
                    let copied = self.copy_and_check(operation, &mut |_| ());
                    backup = Some(copied.map_err(dispensable)?);
                } else {
                    let database = self.config.location();
                    catalog::ensure_intact(connection, IntegrityCheck::Full, database)?;
                }
            }
            begun = true;
            Ok(())
        };
        let settings = TransactionSettings::of(&self.config, connection)?;
        let known = self.migrations;
        let result = migrations::run(connection, &settings, known, target, prepare, after);
        if !result.as_ref().is_ok_and(migrations::RunOutcome::is_committed) {
            self.replace_if_lost(connection, &session);
        }
        let result = result.and_then(|finished| finished.ensure_committed(connection));
        // Recorded after the migrations, even if they failed: before them the table may not exist.
        if let Some(backup) = &backup {
            backup.record(connection);
        }
        match (result, backup) {
            (Ok(mut run), backup) => {
                if backup.is_some() {
                    self.prune_automatic();
                }
                run.conditions.extend(disk_space);
                run.conditions.sort_by_key(|condition| condition.when != migrations::Phase::Before);
                // Without pending migrations, an earlier failure is no longer relevant.
                if begun || self.ledger(connection)?.pending().next().is_none() {
                    record_success(connection);
                }
                Ok((run, backup))
            }
            (Err(error), backup) => {
                let error = match (error, backup) {
                    (error, None) => error,
                    // Whether the transaction was rolled back is unknown.
                    (error @ Error::CommitUnknown(_), Some(backup)) => {
                        tracing::warn!("the backup from just before is {}", backup.path.display());
                        error
                    }
                    (error, Some(backup)) => Error::Migration(MigrationFault::RolledBack {
                        operation: operation.to_owned(),
                        backup: backup.path,
                        source: Box::new(error),
                    }),
                };
                // A run that was refused before it began is not a failed run.
                if begun {
                    record_failure(connection, operation, &error);
                }
                Err(error)
            }
        }
    }

    /// Opens another connection if the connection was lost, to read and record the result of the
    /// run.
    fn replace_if_lost(&self, connection: &mut DbConnection, session: &Session) {
        if connection.ping().is_ok() {
            return;
        }
        let another = connection::reopen(&self.config, Access::Maintain).and_then(|mut another| {
            session.end(&mut another)?;
            Ok(another)
        });
        match another {
            Ok(another) => *connection = another,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the run cannot be recorded without a connection");
            }
        }
    }

    /// Checks the free disk space. A backup needs at most the size of the database, and so do the
    /// migrations before they are committed. The disk of a server cannot be checked from here.
    fn check_disk_space(&self, connection: &mut DbConnection) -> Result<Option<Check>> {
        let Some(database) = self.config.location().path() else { return Ok(None) };
        let needed = self.size_in_bytes(connection)?;
        let migration = ("the migration", database.directory(), needed);
        let backup =
            self.config.auto_backup().then(|| ("the backup", self.config.backup_dir(), needed));
        let mut found = Vec::new();
        for Space { what, needed, free, .. } in ensure_room(backup.into_iter().chain([migration]))?
        {
            let Some(free) = free else { return Ok(None) };
            let (needed, free) = (needed.div_ceil(1_000_000), free / 1_000_000);
            found.push(format!("{what}: up to {needed} MB needed, {free} MB free"));
        }
        Ok(Some(Check::before("disk space", found.join("; "))))
    }
}

/// Says of a program that is missing that the backup, for which it is, can be left out.
fn dispensable(error: Error) -> Error {
    match error {
        Error::Program(ProgramFault::Missing { program, .. }) => {
            ProgramFault::Missing { program, is_dispensable: true }.into()
        }
        other => other,
    }
}
