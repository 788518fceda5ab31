//! Check of file permissions: other users must not be able to read or replace the database.

use std::path::Path;

use super::outcome::CheckOutcome;
use crate::backend::DbConnection;
use crate::error::Result;
use crate::manager::DatabaseManager;

/// Checks that only the owner can access the database's files and backups, and that other users
/// cannot write to its directory, where they could replace the files.
#[cfg(unix)]
pub(super) fn check(_: &mut DbConnection, manager: &DatabaseManager) -> Result<CheckOutcome> {
    let config = &manager.config;
    let Some(database) = config.location().path() else {
        return Ok(CheckOutcome::Good("not a file".into()));
    };
    let files = [
        database.as_path().to_owned(),
        database.with_suffix("-wal"),
        database.with_suffix("-shm"),
        database.with_suffix("-journal"),
    ];
    let mut faults = Vec::new();
    for file in &files {
        fault(file, 0o077, "600", &mut faults)?;
    }
    fault(database.directory(), 0o022, "700", &mut faults)?;
    fault(config.backup_dir(), 0o077, "700", &mut faults)?;
    Ok(CheckOutcome::from_faults(
        &faults,
        "only the owner has access",
        "then check who could read the files",
    ))
}

#[cfg(unix)]
fn fault(path: &Path, refused: u32, wanted: &str, faults: &mut Vec<String>) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = match std::fs::metadata(path) {
        // A WAL or journal that does not exist reveals nothing.
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        found => {
            found.map_err(crate::Error::io("read the metadata of", path))?.permissions().mode()
        }
    };
    // In a sticky directory, such as /tmp, others cannot replace our files.
    let sticky = mode & 0o1000 != 0;
    if mode & refused != 0 && !sticky {
        let path = path.display();
        faults.push(format!("{path} has mode {:o}: chmod {wanted} '{path}'", mode & 0o777));
    }
    Ok(())
}

/// Passes on other systems, where the access control list of the directory decides.
#[cfg(not(unix))]
pub(super) fn check(_: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    let _: Option<&Path> = None;
    Ok(CheckOutcome::Good("not checked on this system".into()))
}
