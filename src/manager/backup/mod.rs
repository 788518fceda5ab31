//! Online backups: a consistent copy while others write, checked before it counts.
//!
//! 1. Copy to a temporary file (mode 0600) in the backup directory, from one snapshot: on SQLite with
//!    `VACUUM INTO`, in one step that no writer can make start over; on PostgreSQL with `pg_dump`.
//! 2. Check the copy: on SQLite `integrity_check`, references, and the rows of every table; on
//!    PostgreSQL what it lists, and the rows of every table, which are read back with `pg_restore`.
//! 3. Write it through to the disk, give it its name (which never replaces another file), and write
//!    the name through too.
//! 4. Record it in `backup_jobs`.
//!
//! A failure at any point leaves no file behind, and that of `zenith-db backup` is recorded. Only a
//! kill leaves one: a hidden `.zenith-….partial`, which can be deleted.

mod copy;
mod file_name;
mod newest;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod report;
mod sqlite;

use std::fs;
use std::path::PathBuf;

use tempfile::NamedTempFile;

pub use copy::Fidelity;
pub(super) use newest::newest;
pub use report::BackupReport;

use copy::CopyOutcome;
use file_name::BackupName;
use record::{last_recorded, record_failure};

use super::DatabaseManager;
use crate::config::Location;
use crate::connection::{self, Access};
use crate::error::{Error, Result};
use crate::models::BackupJob;
use crate::types::{PublicId, UtcTime};

impl DatabaseManager {
    /// Takes a backup now, whatever `auto_backup` says, and records it in `backup_jobs`.
    ///
    /// # Errors
    /// [`Error::NoDatabase`]; [`Error::Io`] if the directory cannot be written;
    /// [`Error::MissingProgram`] or [`Error::Program`] if `pg_dump` is not there or fails;
    /// [`Error::BackupUnfaithful`] if the copy fails its check. No file is left behind.
    pub fn backup(&self) -> Result<BackupReport> {
        let started_at = UtcTime::now();
        let result = self.copy_and_check("backup");
        match (&result, self.open_ours()) {
            (Ok(report), Ok(mut connection)) => report.record(&mut connection),
            (Err(error), Ok(mut connection)) => record_failure(error, started_at, &mut connection),
            // What became of the copy is what the caller must learn.
            (_, Err(error)) => tracing::warn!(%error, "the backup could not be recorded"),
        }
        result
    }

    /// The newest backup of this database, by its own record.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], or [`Error::Query`] if the database cannot be read.
    pub fn last_backup(&self) -> Result<Option<BackupJob>> {
        connection::inspect(&self.config, last_recorded)
    }

    /// A finished and checked copy, not yet recorded.
    pub(super) fn copy_and_check(&self, triggered_by: &str) -> Result<BackupReport> {
        let started_at = UtcTime::now();
        let directory = self.config.backup_dir();
        // What is not there needs no directory.
        let mut source = connection::open(&self.config, Access::Inspect)?;
        connection::create_private_dir(directory)?;
        let partial = tempfile::Builder::new()
            .prefix(".zenith-")
            .suffix(".partial")
            .tempfile_in(directory)
            .map_err(Error::io("create a file in", directory))?;
        let CopyOutcome { rows, fidelity } = match self.config.location() {
            Location::Sqlite(_) => sqlite::copy(&mut source, partial.path(), &self.config)?,
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => {
                let pooled = self.config.server().transaction_pooler;
                postgres::copy(&mut source, partial.path(), url, pooled)?
            }
        };
        let partial_path = partial.path().to_owned();
        partial.as_file().sync_all().map_err(Error::io("write through", &partial_path))?;
        let path = self.persist(partial)?;
        let size_bytes = fs::metadata(&path).map_err(Error::io("look at", &path))?.len();
        Ok(BackupReport {
            job_id: PublicId::new(),
            path,
            size_bytes,
            started_at,
            completed_at: UtcTime::now().max(started_at),
            rows,
            fidelity,
            triggered_by: triggered_by.to_owned(),
        })
    }

    /// Gives the file its name: the time to the microsecond, so that names do not meet; if they do,
    /// a later microsecond.
    fn persist(&self, mut partial: NamedTempFile) -> Result<PathBuf> {
        let directory = self.config.backup_dir();
        // Recorded, the path must mean the same from every working directory.
        let directory = &std::path::absolute(directory).map_err(Error::io("find", directory))?;
        let name = BackupName::of(self.config.location());
        loop {
            let path = directory.join(name.at(UtcTime::now()));
            match partial.persist_noclobber(&path) {
                Ok(_) => {
                    connection::sync_dir(directory)
                        .map_err(Error::io("write through", directory))?;
                    return Ok(path);
                }
                Err(failed) if failed.error.kind() == std::io::ErrorKind::AlreadyExists => {
                    partial = failed.file;
                }
                Err(failed) => return Err(Error::io("name the backup", path)(failed.error)),
            }
        }
    }
}
