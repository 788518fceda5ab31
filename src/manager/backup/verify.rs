//! Verification of a backup: by its manifest, and by what it contains.

use std::collections::BTreeMap;
use std::path::Path;

use super::codec::Encoding;
use super::content::{CHECKING, ContentDigest, FileProgress, digest_of};
use super::encoded::{Decoded, encoding_of};
use super::manifest::BackupManifest;
use super::plain::PlainBackup;
use super::regular::NOT_REGULAR;
use super::report::VerifiedBackup;
use crate::backend::{Backend, DbConnection};
use crate::catalog::{IntegrityCheck, ensure_intact, row_counts};
use crate::connection;
use crate::error::{BackupFault, Error, Result, chain};
use crate::manager::DatabaseManager;
use crate::manager::origin::{Origin, origin_among};
use crate::types::MigrationOwner;

impl DatabaseManager {
    /// Compares the size, the SHA-256 and the row counts of a backup with its manifest, if it has one, and checks
    /// it for damage: one of SQLite with the full `integrity_check`, one of a server by reading it whole with
    /// `pg_restore`. An encoded backup is decoded into a temporary file in the backup directory. If this manager cannot
    /// decode it, only its file is compared with the manifest, and the report says so.
    ///
    /// # Errors
    /// [`Error::Backup`] if there is no such file, the backup is damaged, or it can neither be decoded nor compared;
    /// [`Error::Refused`], [`Error::SideFile`] or [`Error::Io`] if the file cannot be used.
    pub fn verify_backup(
        &self,
        path: &Path,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<VerifiedBackup> {
        self.verified(path, progress).map(PlainBackup::into_report)
    }

    /// As [`DatabaseManager::verify_backup`], and keeps the contents of an encoded backup.
    pub(super) fn verified(
        &self,
        path: &Path,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<PlainBackup> {
        let (manifest, file) = compare(path, progress)?;
        let manifest = manifest.as_ref();
        let Some(encoding) = encoding_of(path, manifest) else {
            progress(FileProgress::unmeasured(CHECKING));
            return Ok(PlainBackup::of(self.verify_contents(path, path, file, manifest)?));
        };
        match (self.decoded(path, manifest, progress)?, manifest) {
            (Decoded::File(decoded, contents), _) => {
                progress(FileProgress::unmeasured(CHECKING));
                let report = self.verify_contents(path, decoded.path(), contents, manifest)?;
                Ok(PlainBackup::decoded(report, decoded, file, encoding))
            }
            (Decoded::Not(reason), Some(manifest)) => {
                Ok(PlainBackup::of(VerifiedBackup::undecoded(path, manifest, reason)))
            }
            (Decoded::Not(reason), None) => {
                Err(BackupFault::Undecoded { path: path.to_owned(), reason }.into())
            }
        }
    }

    /// Checks the contents of the backup at `path`, which are in the file `contents`.
    fn verify_contents(
        &self,
        path: &Path,
        contents: &Path,
        digest: ContentDigest,
        manifest: Option<&BackupManifest>,
    ) -> Result<VerifiedBackup> {
        let damaged = |reason: String| BackupFault::Damaged { path: path.to_owned(), reason };
        #[cfg(feature = "postgres")]
        if super::postgres::is_archive(contents) {
            return super::postgres::verify(path, contents, digest, manifest);
        }
        connection::check_file(contents)?;
        let mut log = contents.as_os_str().to_owned();
        log.push("-wal");
        if std::fs::symlink_metadata(&log).is_ok_and(|log| log.len() > 0) {
            let reason =
                "a write-ahead log is beside it, so that it is a database in use and not a backup";
            return Err(damaged(reason.into()).into());
        }
        let found = connection::inspect_copy(contents, self.config.sqlite())
            .and_then(|mut copy| self.verify_copy(path, &mut copy, digest, manifest));
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
        ContentDigest { size_bytes, sha256 }: ContentDigest,
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
        let ledger = self.ledger(copy)?;
        let newest = |owner| ledger.newest(owner).map(str::to_owned);
        let version = newest(MigrationOwner::Library);
        let own = newest(MigrationOwner::Application);
        if manifest.is_some_and(|manifest| {
            manifest.schema_version != version || manifest.application_version != own
        }) {
            let reason = "its schema version is not that of its manifest".to_owned();
            return Err(BackupFault::Damaged { path: path.to_owned(), reason }.into());
        }
        let tables: BTreeMap<String, i64> = row_counts(copy)?.counted.into_iter().collect();
        if let Some(manifest) = manifest {
            manifest.compare_rows(path, &tables)?;
        }
        Ok(VerifiedBackup {
            path: path.to_owned(),
            backend: Backend::Sqlite,
            former,
            size_bytes,
            sha256,
            encoding: Encoding::default(),
            contents: None,
            undecoded: None,
            started_at: manifest.map(|manifest| manifest.started_at),
            schema_version: version,
            tables,
            has_manifest: manifest.is_some(),
            unchecked_tables,
            needs: Vec::new(),
        })
    }
}

/// Compares the size and the SHA-256 of a backup with its manifest, if it has one. Returns that, and the digest of the
/// file.
pub(super) fn compare(
    path: &Path,
    progress: &mut dyn FnMut(FileProgress),
) -> Result<(Option<BackupManifest>, ContentDigest)> {
    if !path.try_exists().map_err(Error::io("inspect", path))? {
        return Err(BackupFault::NotFound { path: path.to_owned() }.into());
    }
    let damaged = |reason: String| BackupFault::Damaged { path: path.to_owned(), reason };
    if !path.metadata().map_err(Error::io("inspect", path))?.is_file() {
        return Err(damaged(NOT_REGULAR.to_owned()).into());
    }
    let manifest = BackupManifest::read(path)?;
    let found = digest_of(path, progress)?;
    if let Some(expected) = manifest.as_ref().map(BackupManifest::file) {
        let (size, expected_size) = (found.size_bytes, expected.size_bytes);
        if size != expected_size {
            return Err(damaged(format!("it has {size} bytes, not {expected_size}")).into());
        }
        if found != expected {
            return Err(damaged("its SHA-256 is not that of its manifest".into()).into());
        }
    }
    Ok((manifest, found))
}
