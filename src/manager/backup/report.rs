//! Reports of a backup and of its verification.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::codec::Encoding;
use super::content::ContentDigest;
use super::copy::{CopyOutcome, Fidelity};
use super::manifest::{self, BackupManifest};
use crate::backend::Backend;
use crate::catalog::UnreadableTable;
use crate::types::{BackupJobPublicId, Sha256Hash, UtcTime};

/// Report of a verified backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// Public id of the backup in `backup_jobs`.
    pub job_id: BackupJobPublicId,
    /// Absolute path of the file.
    pub path: PathBuf,
    /// Size of the file, in bytes.
    pub size_bytes: u64,
    /// Start of the backup.
    pub started_at: UtcTime,
    /// End of the backup.
    pub completed_at: UtcTime,
    /// Number of rows in all tables that can be read.
    pub rows: i64,
    /// Newest version of the schema that has been applied; `None` before the first migration.
    pub schema_version: Option<String>,
    /// SHA-256 of the file.
    pub sha256: Sha256Hash,
    /// How the file is encoded.
    #[serde(flatten)]
    pub encoding: Encoding,
    /// Size and SHA-256 of what an encoded file decodes to; `None` if the file is not encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<ContentDigest>,
    /// Why the encoded file was not decoded again and compared with the copy; `None` if it was, or is not encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecoded: Option<String>,
    /// Tables that are in the backup as they are, and that this program could not check.
    pub unchecked_tables: Vec<UnreadableTable>,
    /// What the tables depend on and the backup lacks, such as `the type other.mood`: on PostgreSQL, what is outside of
    /// the schema. A restore needs it in the database before.
    pub needs: Vec<String>,
    /// What the comparison of the copy with the database has shown.
    pub fidelity: Fidelity,
    /// Operation for which the backup was taken, such as `migrate`.
    pub triggered_by: String,
}

/// Result of a verification that the backup passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedBackup {
    /// Path of the backup.
    pub path: PathBuf,
    /// Kind of database of which it is a backup.
    pub backend: Backend,
    /// Whether it is a database of the former application, which `restore` refuses.
    pub former: bool,
    /// Size of the backup, in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the backup.
    pub sha256: Sha256Hash,
    /// How the file is encoded.
    #[serde(flatten)]
    pub encoding: Encoding,
    /// Size and SHA-256 of what an encoded file decodes to; `None` if the file is not encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<ContentDigest>,
    /// Why only the file was compared with its manifest, and its contents were not checked; `None` if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecoded: Option<String>,
    /// Start of the backup; `None` without a manifest.
    pub started_at: Option<UtcTime>,
    /// Newest version of the schema that has been applied; `None` if unknown.
    pub schema_version: Option<String>,
    /// Number of rows of each table that can be read.
    pub tables: BTreeMap<String, i64>,
    /// Whether the backup was compared with its manifest. A backup without one has been checked for damage.
    pub has_manifest: bool,
    /// Tables that this program could not check for damage.
    pub unchecked_tables: Vec<UnreadableTable>,
    /// What the tables depend on and the backup lacks, as its manifest says. A restore needs it in the database before.
    pub needs: Vec<String>,
}

impl VerifiedBackup {
    /// Number of rows of all tables that can be read.
    #[must_use]
    pub fn rows(&self) -> i64 {
        manifest::rows_of(&self.tables)
    }
}

impl BackupReport {
    pub(super) fn of(
        manifest: BackupManifest,
        path: &Path,
        outcome: CopyOutcome,
        undecoded: Option<String>,
    ) -> Self {
        Self {
            job_id: BackupJobPublicId::new(),
            path: path.to_owned(),
            size_bytes: manifest.size_bytes,
            started_at: manifest.started_at,
            completed_at: UtcTime::now().max(manifest.started_at),
            rows: manifest.rows(),
            schema_version: manifest.schema_version,
            sha256: manifest.sha256,
            encoding: manifest.encoding,
            contents: manifest.contents,
            undecoded,
            unchecked_tables: outcome.unchecked,
            needs: outcome.needs,
            fidelity: outcome.fidelity,
            triggered_by: manifest.triggered_by,
        }
    }

    /// Returns the path of the manifest.
    pub(in crate::manager) fn manifest_path(&self) -> PathBuf {
        manifest::path_of(&self.path)
    }
}
