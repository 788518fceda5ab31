//! Restoring a backup, and the drill: a rehearsal that restores the newest one to a temporary file.
//!
//! 1. Verify the backup ([`DatabaseManager::verify_backup`]); an encoded one is decoded into a temporary file.
//! 2. Copy it beside the database, apply the migrations that it lacks, and check the copy.
//! 3. Lock the existing database, and keep it: as a backup if it is sound, as a copy of its pages or bytes if not.
//! 4. Give the copy the name of the database. At every moment, the path has a whole database.
//!
//! A failure before the last step leaves the rows of the existing database as they were. On a server, the copy is a
//! temporary database, and the existing one is kept under another name.

#[cfg(feature = "postgres")]
mod archive_list;
mod drill;
#[cfg(feature = "postgres")]
mod postgres;
mod present;
#[cfg(feature = "postgres")]
mod refused_load;
mod report;
mod staged;

use std::path::Path;
use std::time::Instant;

pub(super) use drill::last_drill;
pub use report::{DrillReport, KeptDatabase, RestoreReport};

use super::DatabaseManager;
use super::backup::{FileProgress, PlainBackup, VerifiedBackup};
use crate::backend::Backend;
use crate::config::{DatabasePath, Location};
use crate::connection::{self, Owner, StagingDir};
use crate::error::{BackupFault, Error, Result, chain};
use present::Present;

/// Options of a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreOptions {
    /// Whether to apply the migrations that the backup lacks; `true` by default. Without them, the database
    /// has the schema that it had when the backup was taken, for an earlier version of the program.
    pub migrate: bool,
    /// Whether to replace a database that is there; `true` by default. Otherwise it is refused, and only an empty
    /// database of a server is filled.
    pub replace: bool,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self { migrate: true, replace: true }
    }
}

impl DatabaseManager {
    /// Replaces the database with a backup, or creates it from one. The existing database is kept: an SQLite file in
    /// the backup directory (see [`KeptDatabase`]), and one of a server under another name there, which the report
    /// has. On a server, an empty database is filled.
    ///
    /// # Errors
    /// [`Error::Backup`] if the backup cannot be restored; [`Error::NoRoom`]; [`Error::Locked`] if another process has
    /// the database open; [`Error::Refused`] if another program created the database at this path, if that of a
    /// server contains more than a backup does, or if it is not to be replaced; [`Error::Io`]. On a server, also
    /// [`Error::Program`] if `pg_restore` is not installed or fails, [`Error::TransactionPooler`], and
    /// [`Error::Query`] if the user may not create or rename the database. Until the restored database takes its
    /// name, an error leaves the rows of the existing database as they were.
    pub fn restore(
        &self,
        backup: &Path,
        options: &RestoreOptions,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<RestoreReport> {
        let begun = Instant::now();
        if self.config.location().path().is_some_and(|path| path.is_same_file(backup)) {
            let (path, reason) = (backup.to_owned(), "it is the database itself".to_owned());
            return Err(BackupFault::Damaged { path, reason }.into());
        }
        let verified = self.plain_backup(backup, progress)?;
        self.ensure_restorable(&verified.report)?;
        let mut report = match self.config.location() {
            Location::Sqlite(path) => self.restore_file(path, verified, *options, progress)?,
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => self.restore_on_server(url, verified, *options, progress)?,
        };
        report.milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }

    fn ensure_restorable(&self, backup: &VerifiedBackup) -> Result<()> {
        let path = backup.path.clone();
        if backup.former {
            return Err(BackupFault::Former { path }.into());
        }
        let is_file = self.config.location().path().is_some();
        if !is_file && self.config.server().transaction_pooler {
            return Err(Error::TransactionPooler);
        }
        if (backup.backend == Backend::Sqlite) != is_file {
            let (found, database) = (backup.backend, self.config.location().to_string());
            return Err(BackupFault::OtherBackend { path, found, database }.into());
        }
        Ok(())
    }

    fn restore_file(
        &self,
        path: &DatabasePath,
        verified: PlainBackup,
        options: RestoreOptions,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<RestoreReport> {
        let directory = path.directory();
        connection::create_private_dir(directory)?;
        let present = Present::find(self, path)?;
        // Here, where no link and no missing directory can hide it any more.
        if !options.replace && std::fs::symlink_metadata(path.as_path()).is_ok() {
            return Err(not_to_be_replaced(path.to_string()));
        }
        self.ensure_room(directory, present.as_ref(), &verified)?;
        let name = path.name_in_names();
        let staging = StagingDir::open(directory, &name, "restoring")?;
        let model = if path.as_path().exists() { path.as_path() } else { directory };
        let owner = Owner::of(model).map_err(Error::io("read the metadata of", model))?;
        let (staged, copy) = self.stage(&verified, &staging, owner, options, progress)?;
        let kept = match present {
            None => {
                connection::rename_new(&copy, path.as_path())
                    .map_err(Error::io("rename the restored database to", path.as_path()))?;
                None
            }
            Some(present) => {
                let set_aside = present.set_aside(self, owner, &staging, progress)?;
                std::fs::rename(&copy, path.as_path())
                    .map_err(Error::io("rename the restored database to", path.as_path()))?;
                Some(set_aside.keep())
            }
        };
        // It is done: what fails from here on is a warning.
        if let Err(cause) = connection::sync_dir(directory) {
            tracing::warn!(%cause, "the directory of the restored database was not synchronised");
        }
        if let Some(report) = kept.as_ref().and_then(|kept| kept.backup.as_ref()) {
            match self.open() {
                Ok(mut connection) => report.record(&mut connection),
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "the kept database could not be recorded");
                }
            }
        }
        Ok(RestoreReport {
            backup: verified.into_report(),
            database: self.config.location().to_string(),
            kept,
            renamed_to: None,
            migrations: staged.migrations,
            health: self.health_check(),
            milliseconds: 0,
        })
    }
}

fn not_to_be_replaced(database: String) -> Error {
    let reason = "there is a database, which is not to be replaced; nothing was changed".into();
    Error::Refused { database, reason }
}
