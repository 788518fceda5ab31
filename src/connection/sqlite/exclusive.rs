//! Exclusive use of a database file.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::exact_copy::open;
use super::vetting;
use crate::connection::lock_owner;
use crate::error::{CopyError, Error, Result};

/// Opens the database with an exclusive lock: until the connection is closed, no other process can
/// read or write it, in any journal mode.
///
/// # Errors
/// [`Error::Locked`] if another process has the file open; [`Error::Replaced`] if it put another file in
/// its place before it released its lock; [`Error::NoDatabase`], [`Error::Refused`],
/// [`Error::SideFile`] or [`Error::Io`] if it cannot be used; [`Error::Copy`] if SQLite cannot read it.
pub fn lock(path: &Path, timeout: Duration, action: &'static str) -> Result<Connection> {
    let failed = |cause| Error::Copy { path: path.to_owned(), source: CopyError(cause) };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let checked = vetting::check_file(path)?;
    let connection = vetting::open_checked(path, || open(path, flags)?.map_err(failed))?;
    ensure_writable(path)?;
    let begun = Instant::now();
    connection.busy_timeout(timeout).map_err(failed)?;
    let lock =
        "PRAGMA trusted_schema = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT";
    match connection.execute_batch(lock) {
        Ok(()) if checked.is_held(path)? => Ok(connection),
        Ok(()) => Err(Error::Replaced { path: path.to_owned() }),
        Err(cause) if cause.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            let (waited, lock_owner) = (begun.elapsed(), lock_owner::lock_owner_of(path));
            Err(Error::Locked { action, waited, lock_owner, source: None })
        }
        Err(cause) => Err(failed(cause)),
    }
}

/// SQLite opens a file that may not be written for reading, without an error, and locks nobody out.
#[cfg(unix)]
pub(super) fn ensure_writable(path: &Path) -> Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};

    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).map_err(|cause| {
        Error::io("open for writing, which the exclusive lock needs,", path)(cause.into())
    })
}

#[cfg(not(unix))]
pub(super) fn ensure_writable(_: &Path) -> Result<()> {
    Ok(())
}
