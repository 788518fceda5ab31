//! Whether a database file was written while it was read without locks.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};

/// Length and time of modification of a file, of which one changes when the file is written.
#[derive(PartialEq, Eq)]
pub(super) struct FileStamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl FileStamp {
    /// Returns the properties, after a wait if a write at once might not change them: the clock of a file
    /// system has ticks of some milliseconds, and two writes in one tick have the same time.
    pub(super) fn settled(path: &Path) -> Result<Self> {
        const TICK: Duration = Duration::from_millis(20);

        let age = Self::of(path)?.modified.and_then(|modified| modified.elapsed().ok());
        if age.is_some_and(|age| age < TICK) {
            std::thread::sleep(TICK);
        }
        Self::of(path)
    }

    pub(super) fn of(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(Error::io("inspect the database file", path))?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok() })
    }
}
