//! Copy of the original that is retained in the backup directory.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::Utc;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use zenith_db::config::DatabasePath;
use zenith_db::internal::connection;
use zenith_db::{Error, Result};

fn stem(path: &DatabasePath) -> String {
    path.as_path().file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the prefix of the names of unfinished copies. It depends on the path of the database,
/// because others may be adopted into the same backup directory.
pub(super) fn copy_prefix(path: &DatabasePath) -> Result<String> {
    let full = path.as_path().canonicalize().map_err(Error::io("find", path.as_path()))?;
    let sum = Sha256::digest(full.as_os_str().as_encoded_bytes());
    let sum = sum.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    Ok(format!(".{}-legacy-{sum:016x}-", stem(path)))
}

/// Gives the copy of the original its final name, which has the time and never replaces a file.
pub(super) fn retain(
    mut copy: NamedTempFile,
    backups: &Path,
    path: &DatabasePath,
) -> Result<RetainedOriginal> {
    let name = copy.path().to_owned();
    copy.as_file().sync_all().map_err(Error::io("sync", name))?;
    let backups = &std::path::absolute(backups).map_err(Error::io("find", backups))?;
    loop {
        let time = Utc::now().format("%Y%m%dT%H%M%S%.6fZ");
        let name = backups.join(format!("{}-legacy-{time}.db", stem(path)));
        match copy.persist_noclobber(&name) {
            Ok(_) => {
                let retained = RetainedOriginal(Some(name));
                connection::sync_dir(backups).map_err(Error::io("sync", backups))?;
                return Ok(retained);
            }
            Err(failed) if failed.error.kind() == std::io::ErrorKind::AlreadyExists => {
                copy = failed.file;
            }
            Err(failed) => {
                return Err(Error::io("rename the copy of the original to", name)(failed.error));
            }
        }
    }
}

/// Copy of the original. It is removed when this is dropped, unless it is kept: the original is still
/// in place then.
pub(super) struct RetainedOriginal(Option<PathBuf>);

impl RetainedOriginal {
    /// Keeps the copy, and returns its path.
    pub(super) fn keep(mut self) -> Option<PathBuf> {
        self.0.take()
    }
}

impl Drop for RetainedOriginal {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(cause) = fs::remove_file(path)
        {
            tracing::warn!(%cause, path = %path.display(), "a copy of the original was not removed");
        }
    }
}
