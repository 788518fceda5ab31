//! Whether a database that is open is still the file at its path.

use std::path::{Path, PathBuf};

use super::vetting::Identity;
use crate::error::{Error, Result};

/// File of a database that is open.
#[derive(Clone, Debug)]
pub(crate) struct OpenFile {
    path: PathBuf,
    identity: Identity,
}

impl OpenFile {
    /// Returns the file at the path, which is to be opened.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned(), identity: Identity::at(path)? })
    }

    /// Fails if the file has lost its path: what is written to it then is gone when it is closed, and what another
    /// connection opens is another database.
    ///
    /// # Errors
    /// [`Error::Refused`]
    pub(crate) fn ensure_in_place(&self) -> Result<()> {
        if self.identity.is_at(&self.path)? {
            return Ok(());
        }
        let reason = "the file that this program has open is no longer at this path: it was removed, moved or \
                      replaced, such as by a restore; restart the program, which then opens what is there";
        Err(Error::Refused { database: self.path.display().to_string(), reason: reason.into() })
    }
}
