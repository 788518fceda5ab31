//! Online backups: consistent copies of a database in use, verified before they are recorded.
//!
//! 1. Copy to a temporary file (mode 0600) in the backup directory, from one snapshot: on SQLite page by
//!    page, in one transaction, so that no writer makes it begin again; on PostgreSQL with `pg_dump`.
//! 2. Verify the copy: on SQLite `integrity_check`, and the row count of every table unless the database was
//!    written meanwhile (rows that violate foreign keys are a warning); on
//!    PostgreSQL the tables and their row counts, read back with `pg_restore`.
//! 3. Encode it, if the program has set a [`BackupCodec`], in another temporary file, and decode that again.
//! 4. Write the manifest, sync the file, rename it without replacing another file, and sync the directory.
//! 5. Record it in `backup_jobs`.
//!
//! A failed backup leaves no file behind, and a failure of `zenith-db backup` is recorded, unless the
//! database is damaged. Only a killed process leaves a file, `.zenith-….partial`, and perhaps a manifest; the
//! next backup removes them.

mod codec;
mod content;
#[cfg(feature = "postgres")]
mod copied_rows;
mod copy;
mod encoded;
mod file_name;
mod list;
mod manifest;
mod newest;
mod orphans;
mod plain;
#[cfg(feature = "postgres")]
mod postgres;
mod prune;
mod record;
mod regular;
mod report;
mod same_database;
mod sqlite;
mod verify;

use std::fs;
use std::io::Write;
use std::path::Path;

pub use codec::{BackupCodec, Compression, Encoding, Encryption, Undecodable};
pub use content::{ContentDigest, FileProgress};
pub(super) use copy::CopyOutcome;
pub use copy::Fidelity;
pub use list::BackupFile;
pub(super) use manifest::BY_RESTORE;
pub use manifest::BackupManifest;
pub(super) use newest::newest;
pub(super) use plain::PlainBackup;
pub use prune::{KeptBackup, PruneReport, RetentionPolicy};
pub use report::{BackupReport, VerifiedBackup};

pub(super) use content::{CHECKING, write_bytes};
use content::{WRITING, digest_of};
use file_name::BackupName;
use manifest::{BY_HAND, FORMAT};
use record::{last_recorded, record_failure};

use super::DatabaseManager;
use super::disk_space::ensure_room;
use crate::config::{DatabasePath, Location};
use crate::connection::{self, Access, NewFile, Owner};
use crate::error::{BackupFault, Error, Result, chain};
use crate::models::BackupJob;
use crate::types::{MigrationOwner, UtcTime};

impl DatabaseManager {
    /// Takes a backup, even if `auto_backup` is off, verifies it, and records it in `backup_jobs`.
    ///
    /// # Errors
    /// [`Error::NoDatabase`]; [`Error::UnfinishedTransfer`]; [`Error::Io`] if the directory cannot be written;
    /// [`Error::Program`] if `pg_dump` is not installed or fails;
    /// [`Error::IntegrityFaults`] if the database is damaged; [`Error::Backup`] if the copy fails its
    /// verification. No file is left behind.
    pub fn backup(&self) -> Result<BackupReport> {
        self.backup_with_progress(&mut |_| ())
    }

    /// As [`DatabaseManager::backup`], and reports its progress.
    ///
    /// # Errors
    /// Those of [`DatabaseManager::backup`].
    pub fn backup_with_progress(
        &self,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<BackupReport> {
        let started_at = UtcTime::now();
        self.recover()?;
        self.refuse_unfinished()?;
        let result = self.copy_and_check(BY_HAND, progress);
        match (&result, self.open_to_record()) {
            (Ok(report), Ok(mut connection)) => report.record(&mut connection),
            (Err(error), Ok(mut connection)) => record_failure(error, started_at, &mut connection),
            // The caller gets the result of the copy.
            (_, Err(error)) => {
                tracing::warn!(error = %chain(&error), "the backup could not be recorded");
            }
        }
        result
    }

    /// Refuses the target of an interrupted transfer: a backup without its rows would be the newest one. The backup before
    /// its tables are deleted is taken nevertheless.
    fn refuse_unfinished(&self) -> Result<()> {
        match self.ensure_no_transfer() {
            Err(error @ Error::UnfinishedTransfer) => Err(error),
            // What else is wrong, the copy says, and it is recorded.
            _ => Ok(()),
        }
    }

    /// Returns the newest completed backup that `backup_jobs` records, if any.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], or [`Error::Query`] if the database cannot be read.
    pub fn last_backup(&self) -> Result<Option<BackupJob>> {
        connection::inspect(&self.config, last_recorded)
    }

    /// Takes a backup, verifies it, and writes its bytes to `target`. The backup is neither kept nor recorded,
    /// but it is first stored in the backup directory, which needs the space: twice that of an encoded one, whose contents are
    /// there too.
    ///
    /// # Errors
    /// Those of [`DatabaseManager::backup`]; [`Error::Io`] if `target` cannot be written.
    pub fn write_backup(
        &self,
        target: &mut dyn Write,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<BackupReport> {
        let started_at = UtcTime::now();
        self.recover()?;
        self.refuse_unfinished()?;
        let (partial, outcome, owner) = self.copy(progress)?;
        let path = Path::new("-");
        let mut manifest = self.manifest(&partial, &outcome, started_at, BY_HAND, progress)?;
        let (file, undecoded) = self.encoded(partial, &mut manifest, owner, progress)?;
        let written = write_bytes(file.path(), target, progress).map_err(|error| match error {
            // The temporary file is nobody's concern.
            Error::Io { action: WRITING, source, .. } => {
                Error::io("write the backup to", path)(source)
            }
            error => error,
        })?;
        target.flush().map_err(Error::io("write the backup to", path))?;
        if written != manifest.file() {
            return Err(BackupFault::Unfaithful {
                reason: "it changed while it was written to the output".into(),
            }
            .into());
        }
        Ok(BackupReport::of(manifest, path, outcome, undecoded))
    }

    /// Takes a backup and verifies it, but does not record it.
    pub(super) fn copy_and_check(
        &self,
        triggered_by: &str,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<BackupReport> {
        let started_at = UtcTime::now();
        let (partial, outcome, owner) = self.copy(progress)?;
        self.publish(partial, outcome, started_at, triggered_by, owner, progress)
    }

    /// Copies the database to a temporary file in the backup directory, for the owner of the database, and
    /// verifies the copy.
    fn copy(
        &self,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<(NewFile, CopyOutcome, Owner)> {
        let directory = self.config.backup_dir();
        // Opened first, so that a database that is missing or refused leaves no directory.
        let config = connection::at_one_host(&self.config)?;
        let mut source = connection::open(&config, Access::Inspect)?;
        // That of a server's archive is unknown.
        if self.config.location().path().is_some() {
            ensure_room([("the backup", directory, self.size_in_bytes(&mut source)?)])?;
        }
        connection::create_private_dir(directory)?;
        let model = self.config.location().path().map_or(directory, DatabasePath::as_path);
        let owner = Owner::of(model).map_err(Error::io("read the metadata of", model))?;
        let partial = NewFile::create(directory, owner)?;
        orphans::sweep(directory, &BackupName::of(&self.config), Some(partial.path()));
        let outcome = match config.location() {
            Location::Sqlite(path) => {
                sqlite::copy(&mut source, path.as_path(), partial.path(), &self.config, progress)?
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => {
                postgres::copy(&mut source, partial.path(), url, self.config.server(), progress)?
            }
        };
        Ok((partial, outcome, owner))
    }

    /// Writes the manifest of a verified copy, and then gives the copy its name. If the name exists, a later
    /// time is tried.
    pub(super) fn publish(
        &self,
        partial: NewFile,
        outcome: CopyOutcome,
        started_at: UtcTime,
        triggered_by: &str,
        owner: Owner,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<BackupReport> {
        let mut manifest = self.manifest(&partial, &outcome, started_at, triggered_by, progress)?;
        let (file, undecoded) = match triggered_by {
            BY_HAND => self.encoded(partial, &mut manifest, owner, progress)?,
            _ => (partial, None),
        };
        // An absolute path, because a record is read from any working directory.
        let directory = self.config.backup_dir();
        let directory = std::path::absolute(directory).map_err(Error::io("resolve", directory))?;
        let name = BackupName::of(&self.config);
        let path = loop {
            let name = name.at(UtcTime::now()) + manifest.encoding.suffix();
            let path = directory.join(name);
            match manifest.write(&path, owner) {
                // The manifest holds the name for its backup.
                Ok(()) if !path.exists() => break path,
                Ok(()) => remove_manifest(&path),
                Err(error) if error.is_already_exists() => {}
                Err(error) => return Err(error),
            }
        };
        file.persist(&path).inspect_err(|_| remove_manifest(&path))?;
        Ok(BackupReport::of(manifest, &path, outcome, undecoded))
    }

    /// Describes a verified copy.
    fn manifest(
        &self,
        partial: &NewFile,
        outcome: &CopyOutcome,
        started_at: UtcTime,
        triggered_by: &str,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<BackupManifest> {
        let ledger = match self.config.location() {
            Location::Sqlite(_) => {
                self.ledger(&mut connection::inspect_copy(partial.path(), self.config.sqlite())?)?
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => {
                connection::inspect(&self.config, |source| self.ledger(source))?
            }
        };
        let ContentDigest { size_bytes, sha256 } = digest_of(partial.path(), progress)?;
        Ok(BackupManifest {
            format: FORMAT,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            source: self.config.absolute_location(),
            started_at,
            triggered_by: triggered_by.to_owned(),
            schema_version: ledger.current().map(str::to_owned),
            application_version: ledger.newest(MigrationOwner::Application).map(str::to_owned),
            tables: outcome.tables.clone(),
            needs: outcome.needs.clone(),
            size_bytes,
            sha256,
            encoding: Encoding::default(),
            contents: None,
        })
    }
}

fn remove_manifest(backup: &Path) {
    let path = manifest::path_of(backup);
    if let Err(cause) = fs::remove_file(&path) {
        tracing::warn!(%cause, "the manifest {} was not removed", path.display());
    }
}
