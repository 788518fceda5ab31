//! Exclusive use of a database file.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::exact_copy::open;
use super::{place, vetting};
use crate::connection::pause_up_to;
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
    const LONGEST_PAUSE: Duration = Duration::from_millis(40);

    let checked = vetting::check_file(path)?;
    place::ensure_writable(path)?;
    let begun = Instant::now();
    loop {
        match attempt(path)? {
            Some(connection) if checked.is_held(path)? => return Ok(connection),
            None if checked.is_at(path)? => {}
            _ => return Err(Error::Replaced { path: path.to_owned() }),
        }
        if begun.elapsed() >= timeout {
            let obstacle = obstacle_of(path, Wanted::Exclusive);
            return Err(Error::locked(action, Some(begun.elapsed()), obstacle, None));
        }
        thread::sleep(pause_up_to(LONGEST_PAUSE.min(timeout)));
    }
}

/// Returns a connection with the lock, or nothing if another process has one.
///
/// In exclusive mode SQLite keeps the shared lock with which it begins. Two connections that waited for
/// the exclusive one would keep it from each other for ever, so that each attempt has a connection of its own,
/// which is closed before the wait.
fn attempt(path: &Path) -> Result<Option<Connection>> {
    let failed = |cause| Error::Copy { path: path.to_owned(), source: CopyError(cause) };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = vetting::open_locking(path, || open(path, flags)?.map_err(failed))?;
    connection.busy_timeout(Duration::ZERO).map_err(failed)?;
    let lock =
        "PRAGMA trusted_schema = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT";
    match connection.execute_batch(lock) {
        Ok(()) => Ok(Some(connection)),
        Err(cause) if cause.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(None),
        Err(cause) => Err(failed(cause)),
    }
}
