//! Manifests: what a backup must contain, in a JSON file beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::codec::Encoding;
use super::content::ContentDigest;
use super::regular::open_regular;
use crate::catalog::row_differences;
use crate::config::Config;
use crate::connection::{NewFile, Owner};
use crate::error::{BackupFault, Error, Result};
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
    /// Newest version of the library that has been applied; `None` before the first migration.
    pub schema_version: Option<String>,
    /// Newest version of an application's own migrations that has been applied, if any has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_version: Option<String>,
    /// Number of rows of each table that could be read.
    pub tables: BTreeMap<String, i64>,
    /// What the tables depend on and the backup lacks, such as `the type other.mood`: on PostgreSQL, what is outside of
    /// the schema.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
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
        rows_of(&self.tables)
    }

    /// Returns the size and the SHA-256 of the backup.
    pub(super) const fn file(&self) -> ContentDigest {
        ContentDigest { size_bytes: self.size_bytes, sha256: self.sha256 }
    }

    /// Returns an error if the row counts that were found in the backup at `path` are not those of the manifest.
    pub(super) fn compare_rows(
        &self,
        path: &Path,
        found: &BTreeMap<String, i64>,
    ) -> Result<(), BackupFault> {
        let names = ["rows in the manifest", "rows in the backup"];
        row_differences(names, [&self.tables, found]).map_or(Ok(()), |differences| {
            let reason = format!("its row counts are not those of its manifest:{differences}");
            Err(BackupFault::Damaged { path: path.to_owned(), reason })
        })
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

    /// Reads the manifest of a backup; `None` only if there is none. One that was damaged must not pass for none:
    /// nothing else proves that the rows of the backup are those of the database.
    ///
    /// # Errors
    /// [`BackupFault::Manifest`] if there is one, and it cannot be read or says what cannot be.
    pub(super) fn read(backup: &Path) -> Result<Option<Self>, BackupFault> {
        let path = path_of(backup);
        // A link to nothing is not nothing.
        match fs::symlink_metadata(&path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            _ => {}
        }
        match text_of(&path).and_then(|text| Self::parse(&text)) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(reason) => Err(BackupFault::Manifest { path, reason }),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }

        let not_one =
            |cause: serde_json::Error| format!("it is not what the program writes: {cause}");
        // First, because another format may have other keys.
        let Format { format } = serde_json::from_str(text).map_err(not_one)?;
        if format != FORMAT {
            let version = env!("CARGO_PKG_VERSION");
            return Err(format!(
                "it has the format {format}, and zenith-db {version} knows {FORMAT}; the version that took the \
                 backup reads it"
            ));
        }
        let manifest: Self = serde_json::from_str(text).map_err(not_one)?;
        let mut counts = manifest.tables.values();
        match counts.try_fold(0_i64, |sum, rows| sum.checked_add(*rows).filter(|_| *rows >= 0)) {
            Some(_) => Ok(manifest),
            None => Err("it says impossible row counts".to_owned()),
        }
    }
}

/// Returns the text of a manifest, or what is wrong with its file.
fn text_of(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = open_regular(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    match read {
        Ok(size) if size as u64 > LARGEST => {
            Err(format!("it has more than {LARGEST} bytes, and is none"))
        }
        Ok(_) => Ok(text),
        Err(cause) => Err(cause.to_string()),
    }
}

/// Returns the number of rows of all tables.
pub(super) fn rows_of(tables: &BTreeMap<String, i64>) -> i64 {
    tables.values().fold(0, |sum, rows| sum.saturating_add(*rows))
}

/// Returns the path of a backup's manifest.
pub(super) fn path_of(backup: &Path) -> PathBuf {
    let mut name = backup.file_name().unwrap_or_default().to_owned();
    name.push(".json");
    backup.with_file_name(name)
}
