//! Copy of the original that is retained in the backup directory.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::Utc;
use zenith_db::config::DatabasePath;
use zenith_db::internal::connection::NewFile;
use zenith_db::{Error, Result};

/// Gives the copy of the original its final name, which has the time and never replaces a file.
pub(super) fn retain(
    copy: NewFile,
    backups: &Path,
    database: &DatabasePath,
) -> Result<RetainedOriginal> {
    let stem = database.stem_in_names();
    let backups = &std::path::absolute(backups).map_err(Error::io("find", backups))?;
    let path = copy.persist_as(|| {
        let time = Utc::now().format("%Y%m%dT%H%M%S%.6fZ");
        backups.join(format!("{stem}-legacy-{time}.db"))
    })?;
    Ok(RetainedOriginal(Some(path)))
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
