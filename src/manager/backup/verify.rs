//! Verification of a backup: by its manifest, and by what it contains.

use std::collections::BTreeMap;
use std::path::Path;

use super::content::{FileProgress, digest_of};
use super::manifest::BackupManifest;
use super::report::VerifiedBackup;
use crate::backend::{Backend, DbConnection};
use crate::catalog::{IntegrityCheck, ensure_intact, row_counts};
use crate::connection;
use crate::error::{BackupFault, Error, Result, chain};
use crate::manager::DatabaseManager;
use crate::manager::origin::{Origin, origin_among};
use crate::types::Sha256Hash;

impl DatabaseManager {
    /// Compares the size, the SHA-256 and the row counts of a backup with its manifest, if it has one, and checks
    /// it for damage: one of SQLite with the full `integrity_check`, one of a server by reading it whole with
    /// `pg_restore`.
    ///
    /// # Errors
    /// [`Error::Backup`] if there is no such file, or the backup is damaged; [`Error::Refused`],
    /// [`Error::SideFile`] or [`Error::Io`] if the file cannot be used.
    pub fn verify_backup(
        &self,
        path: &Path,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<VerifiedBackup> {
        if !path.try_exists().map_err(Error::io("inspect", path))? {
            return Err(BackupFault::NotFound { path: path.to_owned() }.into());
        }
        let damaged = |reason: String| BackupFault::Damaged { path: path.to_owned(), reason };
        let manifest = BackupManifest::read(path);
        let (size, sha256) = digest_of(path, progress)?;
        if let Some(manifest) = &manifest {
            if size != manifest.size_bytes {
                let expected = manifest.size_bytes;
                return Err(damaged(format!("it has {size} bytes, not {expected}")).into());
            }
            if sha256 != manifest.sha256 {
                return Err(damaged("its SHA-256 is not that of its manifest".into()).into());
            }
        }
        #[cfg(feature = "postgres")]
        if super::postgres::is_archive(path) {
            return super::postgres::verify(path, (size, sha256), manifest.as_ref());
        }
        connection::check_file(path)?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        if std::fs::symlink_metadata(&log).is_ok_and(|log| log.len() > 0) {
            let reason =
                "a write-ahead log is beside it, so that it is a database in use and not a backup";
            return Err(damaged(reason.into()).into());
        }
        let found = connection::inspect_copy(path, self.config.sqlite()).and_then(|mut copy| {
            self.verify_copy(path, &mut copy, (size, sha256), manifest.as_ref())
        });
        found.map_err(|error| match error {
            Error::IntegrityFaults { faults, .. } => damaged(faults).into(),
            Error::Damaged(_) | Error::Query(_) => damaged(chain(&error)).into(),
            error => error,
        })
    }

    fn verify_copy(
        &self,
        path: &Path,
        copy: &mut DbConnection,
        (size_bytes, sha256): (u64, Sha256Hash),
        manifest: Option<&BackupManifest>,
    ) -> Result<VerifiedBackup> {
        let unchecked_tables = ensure_intact(copy, IntegrityCheck::Full, path.display())?;
        let former = match origin_among(copy, self.migrations)? {
            Origin::Former => true,
            Origin::Ours => false,
            _ => {
                let reason = "it is not a database of this program".to_owned();
                return Err(BackupFault::Damaged { path: path.to_owned(), reason }.into());
            }
        };
        let tables: BTreeMap<String, i64> = row_counts(copy)?.counted.into_iter().collect();
        if manifest.is_some_and(|manifest| manifest.tables != tables) {
            let reason = "its tables or row counts are not those of its manifest".to_owned();
            return Err(BackupFault::Damaged { path: path.to_owned(), reason }.into());
        }
        Ok(VerifiedBackup {
            path: path.to_owned(),
            backend: Backend::Sqlite,
            former,
            size_bytes,
            sha256,
            started_at: manifest.map(|manifest| manifest.started_at),
            schema_version: self.ledger(copy)?.current().map(str::to_owned),
            tables,
            has_manifest: manifest.is_some(),
            unchecked_tables,
        })
    }
}
