//! Exclusive use of a database file.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::exact_copy::open;
use super::{place, vetting};
use crate::error::{CopyError, Error, Result};
use crate::locks::{Wanted, obstacle_of};

/// Opens the database with an exclusive lock: until the connection is closed, no other process can
/// read or write it, in any journal mode.
///
/// # Errors
/// [`Error::Locked`] if another process has the file open; [`Error::Replaced`] if it put another file in
/// its place before it released its lock; [`Error::NoDatabase`], [`Error::Refused`],
/// [`Error::SideFile`], [`Error::ReadOnly`] or [`Error::Io`] if it cannot be used; [`Error::Copy`] if SQLite
/// cannot read it.
pub(super) fn lock(path: &Path, timeout: Duration, action: &'static str) -> Result<Connection> {
    let failed = |cause| Error::Copy { path: path.to_owned(), source: CopyError(cause) };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let checked = vetting::check_file(path)?;
    place::ensure_writable(path)?;
    let connection = vetting::open_locking(path, || open(path, flags)?.map_err(failed))?;
    let begun = Instant::now();
    connection.busy_timeout(timeout).map_err(failed)?;
    let lock =
        "PRAGMA trusted_schema = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT";
    match connection.execute_batch(lock) {
        Ok(()) if checked.is_held(path)? => Ok(connection),
        Ok(()) => Err(Error::Replaced { path: path.to_owned() }),
        Err(cause) if cause.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            let obstacle = obstacle_of(path, Wanted::Exclusive);
            Err(Error::locked(action, Some(begun.elapsed()), obstacle, None))
        }
        Err(cause) => Err(failed(cause)),
    }
}
