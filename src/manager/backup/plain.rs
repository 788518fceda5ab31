//! A verified backup, and the file in which its contents are.

use std::path::Path;

use super::codec::Encoding;
use super::content::{ContentDigest, FileProgress};
use super::manifest::BackupManifest;
use super::report::VerifiedBackup;
use crate::backend::Backend;
use crate::connection::NewFile;
use crate::error::{BackupFault, Result};
use crate::manager::DatabaseManager;

/// Backup that passed its verification. What it was decoded to is removed when this is dropped.
pub(in crate::manager) struct PlainBackup {
    pub(in crate::manager) report: VerifiedBackup,
    decoded: Option<NewFile>,
}

impl PlainBackup {
    pub(super) const fn of(report: VerifiedBackup) -> Self {
        Self { report, decoded: None }
    }

    /// Returns an encoded backup with the report of its contents.
    pub(super) fn decoded(
        mut report: VerifiedBackup,
        decoded: NewFile,
        file: ContentDigest,
        encoding: Encoding,
    ) -> Self {
        let ContentDigest { size_bytes, sha256 } = file;
        let (size, hash) = (&mut report.size_bytes, &mut report.sha256);
        report.contents = Some(ContentDigest {
            size_bytes: std::mem::replace(size, size_bytes),
            sha256: std::mem::replace(hash, sha256),
        });
        report.encoding = encoding;
        Self { report, decoded: Some(decoded) }
    }

    pub(in crate::manager) fn into_report(self) -> VerifiedBackup {
        self.report
    }

    /// Returns the path of the database file or the archive.
    pub(in crate::manager) fn contents(&self) -> &Path {
        self.decoded.as_ref().map_or(&self.report.path, NewFile::path)
    }

    /// Returns the digest of the database file or the archive.
    pub(in crate::manager) fn digest(&self) -> ContentDigest {
        let VerifiedBackup { size_bytes, sha256, contents, .. } = &self.report;
        contents.unwrap_or(ContentDigest { size_bytes: *size_bytes, sha256: *sha256 })
    }

    /// Returns the error for a backup that cannot be restored.
    pub(in crate::manager) fn damaged(&self, reason: String) -> BackupFault {
        BackupFault::Damaged { path: self.report.path.clone(), reason }
    }
}

impl VerifiedBackup {
    /// Returns the report of a backup of which only the file was compared with its manifest.
    pub(super) fn undecoded(path: &Path, manifest: &BackupManifest, reason: String) -> Self {
        let is_server = manifest.source.contains("://");
        Self {
            path: path.to_owned(),
            backend: if is_server { Backend::Postgres } else { Backend::Sqlite },
            former: false,
            size_bytes: manifest.size_bytes,
            sha256: manifest.sha256,
            encoding: manifest.encoding,
            contents: manifest.contents,
            undecoded: Some(reason),
            started_at: Some(manifest.started_at),
            schema_version: manifest.schema_version.clone(),
            tables: manifest.tables.clone(),
            has_manifest: true,
            unchecked_tables: Vec::new(),
            needs: manifest.needs.clone(),
        }
    }
}

impl DatabaseManager {
    /// Verifies a backup, and returns its contents, for a restore.
    pub(in crate::manager) fn plain_backup(
        &self,
        path: &Path,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<PlainBackup> {
        let backup = self.verified(path, progress)?;
        match &backup.report.undecoded {
            None => Ok(backup),
            Some(reason) => {
                let (path, reason) = (path.to_owned(), reason.clone());
                Err(BackupFault::Undecoded { path, reason }.into())
            }
        }
    }
}
