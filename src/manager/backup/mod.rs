//! Online backups: consistent copies of a database in use, verified before they are recorded.
//!
//! 1. Copy to a temporary file (mode 0600) in the backup directory, from one snapshot: on SQLite page by
//!    page, in one step that no writer can restart; on PostgreSQL with `pg_dump`.
//! 2. Verify the copy: on SQLite `integrity_check`, foreign keys, and the row count of every table; on
//!    PostgreSQL the tables and their row counts, read back with `pg_restore`.
//! 3. Sync the file, rename it without replacing another file, and sync the directory.
//! 4. Record it in `backup_jobs`.
//!
//! A failed backup leaves no file behind, and a failure of `zenith-db backup` is recorded, unless the
//! database is damaged. Only a
//! killed process leaves a file, `.zenith-….partial`, which the next backup removes.

mod copy;
mod file_name;
mod newest;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod report;
mod same_database;
mod sqlite;

use std::fs;

pub use copy::Fidelity;
pub(super) use newest::newest;
pub use report::BackupReport;

use copy::CopyOutcome;
use file_name::BackupName;
use record::{last_recorded, record_failure};

use super::DatabaseManager;
use crate::config::{DatabasePath, Location};
use crate::connection::{self, Access, NewFile, Owner};
use crate::error::{Error, Result};
use crate::models::BackupJob;
use crate::types::{PublicId, UtcTime};

impl DatabaseManager {
    /// Takes a backup, even if `auto_backup` is off, verifies it, and records it in `backup_jobs`.
    ///
    /// # Errors
    /// [`Error::NoDatabase`]; [`Error::Io`] if the directory cannot be written;
    /// [`Error::MissingProgram`] or [`Error::Program`] if `pg_dump` is not installed or fails;
    /// [`Error::IntegrityFaults`] if the database is damaged; [`Error::BackupUnfaithful`] if the copy
    /// fails its verification. No file is left behind.
    pub fn backup(&self) -> Result<BackupReport> {
        let started_at = UtcTime::now();
        self.recover()?;
        let result = self.copy_and_check("backup");
        match (&result, self.open_ours()) {
            (Ok(report), Ok(mut connection)) => report.record(&mut connection),
            (Err(error), Ok(mut connection)) => record_failure(error, started_at, &mut connection),
            // The caller gets the result of the copy.
            (_, Err(error)) => tracing::warn!(%error, "the backup could not be recorded"),
        }
        result
    }

    /// Returns the newest completed backup that `backup_jobs` records, if any.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], or [`Error::Query`] if the database cannot be read.
    pub fn last_backup(&self) -> Result<Option<BackupJob>> {
        connection::inspect(&self.config, last_recorded)
    }

    /// Takes a backup and verifies it, but does not record it.
    pub(super) fn copy_and_check(&self, triggered_by: &str) -> Result<BackupReport> {
        let started_at = UtcTime::now();
        let directory = self.config.backup_dir();
        // Opened first, so that a missing database leaves no directory.
        let mut source = connection::open(&self.config, Access::Inspect)?;
        connection::create_private_dir(directory)?;
        let model = self.config.location().path().map_or(directory, DatabasePath::as_path);
        let owner = Owner::of(model).map_err(Error::io("read the metadata of", model))?;
        let partial = NewFile::create(directory, owner)?;
        let CopyOutcome { rows, fidelity, unchecked } = match self.config.location() {
            Location::Sqlite(path) => {
                sqlite::copy(&mut source, path.as_path(), partial.path(), &self.config)?
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => {
                let pooled = self.config.server().transaction_pooler;
                postgres::copy(&mut source, partial.path(), url, pooled)?
            }
        };
        // An absolute path, because a record is read from any working directory.
        let directory = &std::path::absolute(directory).map_err(Error::io("resolve", directory))?;
        let name = BackupName::of(self.config.location());
        // If the name exists, it is tried again with a later microsecond.
        let path = partial.persist_as(|| directory.join(name.at(UtcTime::now())))?;
        let size_bytes =
            fs::metadata(&path).map_err(Error::io("read the metadata of", &path))?.len();
        Ok(BackupReport {
            job_id: PublicId::new(),
            path,
            size_bytes,
            started_at,
            completed_at: UtcTime::now().max(started_at),
            rows,
            unchecked_tables: unchecked,
            fidelity,
            triggered_by: triggered_by.to_owned(),
        })
    }
}
