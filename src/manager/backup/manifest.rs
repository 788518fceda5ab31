//! Manifests: what a backup must contain, in a JSON file beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::codec::Encoding;
use super::content::ContentDigest;
use crate::config::Config;
use crate::connection::{NewFile, Owner};
use crate::error::{Error, Result};
use crate::types::{Sha256Hash, UtcTime};

/// Manifest of a backup: what the backup must contain. It is a JSON file that has the name of the backup with
/// `.json` appended, and is written before the backup gets its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// Version of this format: 1.
    pub format: u32,
    /// Version of `zenith-db` that took the backup.
    pub program_version: String,
    /// Absolute path of the database, or the URL of its server without the password.
    pub source: String,
    /// Start of the backup.
    pub started_at: UtcTime,
    /// Operation for which the backup was taken: `backup`, or another such as `migrate`.
    pub triggered_by: String,
    /// Newest version of the schema that has been applied; `None` before the first migration.
    pub schema_version: Option<String>,
    /// Number of rows of each table that could be read.
    pub tables: BTreeMap<String, i64>,
    /// Size of the backup, in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the backup.
    pub sha256: Sha256Hash,
    /// How the file is encoded.
    #[serde(flatten)]
    pub encoding: Encoding,
    /// Size and SHA-256 of what an encoded file decodes to; `None` if the file is not encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<ContentDigest>,
}

/// `triggered_by` of a backup that `DatabaseManager::backup` took, as opposed to one that precedes a change.
pub(super) const BY_HAND: &str = "backup";

/// `triggered_by` of a backup that is the database that a restore replaced.
pub(in crate::manager) const BY_RESTORE: &str = "restore";

/// Version of the format that this program writes.
pub(super) const FORMAT: u32 = 1;

/// Largest manifest that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

impl BackupManifest {
    /// Number of rows of all tables that could be read.
    #[must_use]
    pub fn rows(&self) -> i64 {
        self.tables.values().sum()
    }

    /// Returns the size and the SHA-256 of the backup.
    pub(super) const fn file(&self) -> ContentDigest {
        ContentDigest { size_bytes: self.size_bytes, sha256: self.sha256 }
    }

    /// Whether the manifest names the configured database.
    pub(super) fn is_of(&self, config: &Config) -> bool {
        self.source == config.absolute_location()
    }

    /// Writes the manifest of a backup, without replacing another.
    pub(super) fn write(&self, backup: &Path, owner: Owner) -> Result<()> {
        let path = path_of(backup);
        let directory = path.parent().unwrap_or_else(|| Path::new("."));
        let mut file = NewFile::create(directory, owner)?;
        let text = serde_json::to_string_pretty(self)
            .map_err(|cause| Error::Internal(format!("a manifest cannot be written: {cause}")))?;
        writeln!(file.as_file_mut(), "{text}").map_err(Error::io("write", &path))?;
        file.persist(&path)
    }

    /// Reads the manifest of a backup. Returns `None` if there is none, or if it cannot be read or has an unknown
    /// format: the backup itself is checked for damage either way.
    pub(super) fn read(backup: &Path) -> Option<Self> {
        let path = path_of(backup);
        let mut text = String::new();
        let read = match File::open(&path) {
            Ok(file) => file.take(LARGEST).read_to_string(&mut text),
            Err(cause) if cause.kind() == ErrorKind::NotFound => return None,
            Err(cause) => Err(cause),
        };
        let manifest = read
            .map_err(|cause| cause.to_string())
            .and_then(|_| serde_json::from_str::<Self>(&text).map_err(|cause| cause.to_string()));
        match manifest {
            Ok(manifest) if manifest.format == FORMAT => Some(manifest),
            Ok(manifest) => {
                tracing::warn!("{} has the unknown format {}", path.display(), manifest.format);
                None
            }
            Err(cause) => {
                tracing::warn!("{} cannot be read: {cause}", path.display());
                None
            }
        }
    }
}

/// Returns the path of a backup's manifest.
pub(super) fn path_of(backup: &Path) -> PathBuf {
    let mut name = backup.file_name().unwrap_or_default().to_owned();
    name.push(".json");
    backup.with_file_name(name)
}
