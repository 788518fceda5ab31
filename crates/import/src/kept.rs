//! The copy of the original that is kept beside the backups.

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

/// What the names of copies that are not finished begin with: those of this database alone, as others may
/// be adopted into the same directory.
pub(super) fn copy_prefix(path: &DatabasePath) -> Result<String> {
    let place = path.as_path().canonicalize().map_err(Error::io("find", path.as_path()))?;
    let sum = Sha256::digest(place.as_os_str().as_encoded_bytes());
    let sum = sum.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    Ok(format!(".{}-legacy-{sum:016x}-", stem(path)))
}

/// Gives the copy of the original its name, which says what it is and never replaces a file.
pub(super) fn keep_copy(
    mut copy: NamedTempFile,
    backups: &Path,
    path: &DatabasePath,
) -> Result<KeptCopy> {
    let name = copy.path().to_owned();
    copy.as_file().sync_all().map_err(Error::io("write through", name))?;
    let backups = &std::path::absolute(backups).map_err(Error::io("find", backups))?;
    loop {
        let time = Utc::now().format("%Y%m%dT%H%M%S%.6fZ");
        let name = backups.join(format!("{}-legacy-{time}.db", stem(path)));
        match copy.persist_noclobber(&name) {
            Ok(_) => {
                let kept = KeptCopy(Some(name));
                connection::sync_dir(backups).map_err(Error::io("write through", backups))?;
                return Ok(kept);
            }
            Err(failed) if failed.error.kind() == std::io::ErrorKind::AlreadyExists => {
                copy = failed.file;
            }
            Err(failed) => {
                return Err(Error::io("name the copy of the original", name)(failed.error));
            }
        }
    }
}

/// The copy of the original, which goes again if the original stays.
pub(super) struct KeptCopy(Option<PathBuf>);

impl KeptCopy {
    pub(super) fn keep(mut self) -> Option<PathBuf> {
        self.0.take()
    }
}

impl Drop for KeptCopy {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(cause) = fs::remove_file(path)
        {
            tracing::warn!(%cause, path = %path.display(), "a copy of the original stayed behind");
        }
    }
}
