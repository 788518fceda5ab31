//! Check for a database file that is mounted by itself, without its directory.

use std::path::Path;

use super::outcome::CheckOutcome;
use crate::backend::DbConnection;
use crate::error::Result;
use crate::manager::DatabaseManager;

/// Checks that the file is not a mount point of its own, as it is if it was mounted into a container without
/// its directory. SQLite then creates its side files in another file system, which may end with the container.
pub(super) fn check(_: &mut DbConnection, manager: &DatabaseManager) -> Result<CheckOutcome> {
    let Some(database) = manager.config.location().path() else {
        return Ok(CheckOutcome::Good("not a file".into()));
    };
    let path = database.as_path();
    Ok(match is_mount_point(path)? {
        Some(false) => CheckOutcome::Good("the file is not a mount point".into()),
        None => CheckOutcome::Good("not checked: this system does not report mount points".into()),
        Some(true) => {
            let name = path.file_name().unwrap_or_default().display();
            let (path, directory) = (path.display(), database.directory().display());
            CheckOutcome::Bad(format!(
                "{path} is a mount point of its own: SQLite creates {name}-wal, {name}-shm and \
                 {name}-journal in {directory}, outside the mount, and if they are lost, for example \
                 with a container, so are the transactions in them; stop all programs that use the \
                 database, and mount its directory instead of the file"
            ))
        }
    })
}

/// Whether a file is mounted at the path; `None` if the system does not say.
#[cfg(target_os = "linux")]
fn is_mount_point(path: &Path) -> Result<Option<bool>> {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    use rustix::io::Errno;

    let flags = AtFlags::NO_AUTOMOUNT | AtFlags::SYMLINK_NOFOLLOW;
    // A bind mount within a file system does not change the device: only this attribute shows it.
    match statx(CWD, path, flags, StatxFlags::empty()) {
        Ok(found) => {
            let is_known = found.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT);
            Ok(is_known.then(|| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)))
        }
        Err(Errno::NOSYS) => Ok(None),
        Err(cause) => Err(crate::error::Error::io("read the metadata of", path)(cause.into())),
    }
}

/// Only Linux reports mount points of files; on other systems, containers run in a Linux virtual machine.
#[cfg(not(target_os = "linux"))]
fn is_mount_point(_: &Path) -> Result<Option<bool>> {
    Ok(None)
}
