//! Whether others on this machine could read or replace the database.

use std::path::Path;

use super::outcome::CheckOutcome;
use crate::backend::DbConnection;
use crate::error::Result;
use crate::manager::DatabaseManager;

/// The files must be private, and the directory must not let others put files in their place.
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
    Ok(CheckOutcome::from_faults(&faults, "only the owner has access", "then check who had access"))
}

#[cfg(unix)]
fn fault(path: &Path, refused: u32, wanted: &str, faults: &mut Vec<String>) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = match std::fs::metadata(path) {
        // A side file that is not there gives nothing away.
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(crate::Error::io("look at", path))?.permissions().mode(),
    };
    // In a sticky directory, such as /tmp, others cannot replace our files.
    let sticky = mode & 0o1000 != 0;
    if mode & refused != 0 && !sticky {
        let path = path.display();
        faults.push(format!("{path} has mode {:o}: chmod {wanted} '{path}'", mode & 0o777));
    }
    Ok(())
}

/// Elsewhere, access follows the directory's own list, which is the administrator's to set.
#[cfg(not(unix))]
pub(super) fn check(_: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    let _: Option<&Path> = None;
    Ok(CheckOutcome::Good("not checked on this system".into()))
}
