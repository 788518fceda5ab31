//! The place of a database: whether it can be written there, and how it can be read.

use std::fs;
use std::path::Path;

use super::header::Header;
use super::side_files::beside;
use crate::error::{Error, Result};

/// How a database can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// With locks, while others write.
    Live,
    /// As a file that nobody writes: SQLite takes no locks and creates no other files.
    Immutable,
}

impl Reading {
    /// Returns how a database can be read by a connection that stays open.
    ///
    /// SQLite creates `-wal` and `-shm` files beside a database in WAL mode even to read it, which a file
    /// system that is mounted read-only prevents. If there are no such files, nobody has the database
    /// open, and what the file contains is complete.
    ///
    /// # Errors
    /// [`Error::Refused`] if the database can only be read together with a log that SQLite cannot read
    /// there.
    pub(super) fn of(database: &Path) -> Result<Self> {
        let exists = |suffix| fs::symlink_metadata(beside(database, suffix)).is_ok();
        // These files are enough to read, even if they cannot be written.
        if exists("-shm") || !is_wal(database)? {
            return Ok(Self::Live);
        }
        let Some(obstacle) = obstacle_to_new_files(database) else { return Ok(Self::Live) };
        let has_log = fs::metadata(beside(database, "-wal")).is_ok_and(|log| log.len() > 0);
        if obstacle == MOUNTED && !has_log && !exists("-journal") {
            return Ok(Self::Immutable);
        }
        let reason = if has_log { LOG } else { NO_LOG };
        Err(Error::Refused {
            database: database.display().to_string(),
            reason: format!("{reason}, but {obstacle}"),
        })
    }

    pub(super) const fn mode(self) -> &'static str {
        match self {
            Self::Live => "mode=ro",
            Self::Immutable => "mode=ro&immutable=1",
        }
    }
}

fn is_wal(database: &Path) -> Result<bool> {
    let header = Header::read(database).map_err(Error::io("read the database file", database))?;
    Ok(header.is_wal)
}

/// Returns an error unless the current user can write to the database, and create files beside it.
/// SQLite opens a file that cannot be written for reading, without an error.
///
/// # Errors
/// [`Error::ReadOnly`].
pub(super) fn ensure_writable(database: &Path) -> Result<()> {
    let refuse = |reason| Err(Error::ReadOnly { database: database.display().to_string(), reason });
    if let Some(obstacle) = obstacle_to_writing(database) {
        return refuse(obstacle);
    }
    let exists = |suffix| beside(database, suffix).exists();
    match obstacle_to_new_files(database) {
        // Those of a live process suffice.
        Some(_) if exists("-wal") && exists("-shm") => Ok(()),
        Some(obstacle) => refuse(obstacle),
        None => Ok(()),
    }
}

/// Returns the error of a database that was written, through another mount or by another machine, while it was
/// read as immutable.
pub(super) fn written_meanwhile(database: &Path) -> Error {
    let reason = "it was written while it was read, although its file system is mounted read-only here; \
                  run the command where the database is written";
    Error::Refused { database: database.display().to_string(), reason: reason.into() }
}

const LOG: &str = "its -wal file has transactions, and to read them, SQLite creates a -shm file beside it: copy \
     the database and its -wal together to a writable directory, or run the command where the \
     directory can be written";

const NO_LOG: &str = "SQLite creates -wal and -shm files beside a database in WAL mode even to read it: run the \
     command as the owner of the directory, or copy the database to a writable directory";

const MOUNTED: &str = "its file system is mounted read-only; remount it for writing, or copy the database, together \
     with its -wal file if there is one, to a writable directory";

#[cfg(unix)]
const FILE: &str = "the current user may not write to the file; run the command as the owner of the file, or \
     change its permissions";

#[cfg(unix)]
const DIRECTORY: &str = "the current user may not create files in its directory, as SQLite must; run the command as \
     the owner of the directory, or change its permissions";

#[cfg(unix)]
const ATTRIBUTE: &str =
    "it has the attribute `immutable` or `append only`, which `chattr -ia` removes";

#[cfg(unix)]
fn obstacle_to_writing(database: &Path) -> Option<&'static str> {
    use rustix::fs::Access;

    obstacle(database, Access::WRITE_OK, FILE)
}

#[cfg(unix)]
fn obstacle_to_new_files(database: &Path) -> Option<&'static str> {
    use rustix::fs::Access;

    let directory = database.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or_else(|| Path::new("."));
    obstacle(directory, Access::WRITE_OK | Access::EXEC_OK, DIRECTORY)
}

#[cfg(unix)]
fn obstacle(path: &Path, access: rustix::fs::Access, rights: &'static str) -> Option<&'static str> {
    use rustix::fs::{AtFlags, CWD, accessat};
    use rustix::io::Errno;

    match accessat(CWD, path, access, AtFlags::EACCESS) {
        Err(Errno::ROFS) => Some(MOUNTED),
        Err(Errno::ACCESS) => Some(rights),
        Err(Errno::PERM) => Some(ATTRIBUTE),
        // Another fault is an error of the operation itself, which says more.
        _ => None,
    }
}

#[cfg(not(unix))]
fn obstacle_to_writing(database: &Path) -> Option<&'static str> {
    const ATTRIBUTE: &str = "it has the attribute `read-only`, which `attrib -r` removes";

    let read_only = fs::metadata(database).is_ok_and(|found| found.permissions().readonly());
    read_only.then_some(ATTRIBUTE)
}

/// Returns nothing: other systems do not say.
#[cfg(not(unix))]
fn obstacle_to_new_files(_: &Path) -> Option<&'static str> {
    None
}
