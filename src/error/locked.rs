//! Errors about locks.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::Error;
use crate::locks::Obstacle;

impl Error {
    /// Returns the error of a lock that could not be taken.
    pub(crate) fn locked(
        action: &'static str,
        waited: Option<Duration>,
        obstacle: Obstacle,
        source: Option<diesel::result::Error>,
    ) -> Self {
        let lock_owner = match obstacle {
            Obstacle::Process(name) => Some(name),
            Obstacle::NoLocks(path, cause) => return Self::without_locks(&path, &cause),
            Obstacle::Unknown => None,
        };
        Self::Locked { action, waited, lock_owner, source }
    }

    /// Returns the error of a database in a file system that has no locks.
    pub(crate) fn without_locks(database: &Path, cause: &io::Error) -> Self {
        let reason = format!(
            "its file system does not support locks ({cause}), without which two programs could damage \
             the database; move it to a local disk, mount the network share with locks, or use PostgreSQL"
        );
        Self::Refused { database: database.display().to_string(), reason }
    }
}
