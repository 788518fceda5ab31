//! One run of migrations: disk space, a backup, the run itself, and a record of how it ended.

use std::path::Path;

use super::disk_space::{free_bytes, same_disk};
use super::record::{record_failure, record_success};
use crate::backend::DbConnection;
use crate::catalog;
use crate::connection::{self, Access};
use crate::error::{Error, MigrationFault, Result};
use crate::manager::DatabaseManager;
use crate::manager::backup::BackupReport;
use crate::migrations::{self, Check, Run, Session, Target};

impl DatabaseManager {
    /// Goes to the target; if there is something to do and to save, takes a backup under the same lock
    /// before, so that nothing can be committed between the two.
    ///
    /// # Errors
    /// Those of [`DatabaseManager::migrate`].
    #[doc(hidden)]
    pub fn run_with_backup<T>(
        &self,
        connection: &mut DbConnection,
        target: &Target,
        operation: &str,
        after: impl FnOnce(&mut DbConnection) -> Result<T>,
    ) -> Result<(Run<T>, Option<BackupReport>)> {
        let (mut backup, mut disk_space, mut begun) = (None, None, false);
        let session = Session::of(connection)?;
        let prepare = |connection: &mut DbConnection| {
            if !catalog::is_empty(connection)? {
                disk_space = self.check_disk_space(connection)?;
                if self.config.auto_backup() {
                    backup = Some(self.copy_and_check(operation)?);
                }
            }
            begun = true;
            Ok(())
        };
        let result = migrations::run(connection, self.migrations, target, prepare, after);
        if !result.as_ref().is_ok_and(migrations::RunOutcome::is_committed) {
            self.replace_if_lost(connection, &session);
        }
        let result = result.and_then(|finished| finished.ensure_committed(connection));
        // Recorded whatever came of the migrations, but after them: before, the table may be missing.
        if let Some(backup) = &backup {
            backup.record(connection);
        }
        match (result, backup) {
            (Ok(mut run), backup) => {
                run.conditions.extend(disk_space);
                run.conditions.sort_by_key(|condition| condition.when != migrations::Phase::Before);
                // What failed before may be what there is nothing to do for any more.
                if begun || self.ledger(connection)?.pending().next().is_none() {
                    record_success(connection);
                }
                Ok((run, backup))
            }
            (Err(error), backup) => {
                let error = match (error, backup) {
                    (error, None) => error,
                    // Nobody knows that the database is as it was.
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
                // What was refused has not been tried.
                if begun {
                    record_failure(connection, operation, &error);
                }
                Err(error)
            }
        }
    }

    /// What became of a run is asked and recorded over another connection, if the server or the network
    /// took this one.
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
            Err(error) => tracing::warn!(%error, "there is no connection to record the run over"),
        }
    }

    /// The backup needs as much as the database at most, and so does what the migrations write before
    /// it is committed. A server's disk cannot be seen from here.
    fn check_disk_space(&self, connection: &mut DbConnection) -> Result<Option<Check>> {
        let Some(database) = self.config.location().path() else { return Ok(None) };
        let needed = self.size_in_bytes(connection)?;
        let mut places = vec![("the migration", database.directory().to_owned(), needed)];
        if self.config.auto_backup() {
            let mut backups = self.config.backup_dir();
            // It is made when the backup is.
            while !backups.exists() {
                let Some(parent) = backups.parent() else { break };
                backups = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            }
            match places.first_mut() {
                Some(place) if same_disk(&place.1, backups)? => {
                    *place = ("the backup and the migration", place.1.clone(), 2 * needed);
                }
                _ => places.push(("the backup", backups.to_owned(), needed)),
            }
        }
        let mut found = Vec::new();
        for (what, place, needed) in places {
            let Some(free) = free_bytes(&place)? else { return Ok(None) };
            if free < needed {
                return Err(Error::Migration(MigrationFault::NoRoom { what, place, needed, free }));
            }
            let (needed, free) = (needed.div_ceil(1_000_000), free / 1_000_000);
            found.push(format!("{what}: up to {needed} MB needed, {free} MB free"));
        }
        Ok(Some(Check::before("disk space", found.join("; "))))
    }
}
