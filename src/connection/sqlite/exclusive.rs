//! Exclusive use of a database file.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{place, vetting};
use crate::connection::pause_up_to;
use crate::error::{Error, Result};
use crate::locks::{Wanted, obstacle_of};

/// Statements that take the lock. In exclusive mode SQLite keeps the shared lock with which it begins.
pub(super) const LOCK: &str =
    "PRAGMA trusted_schema = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT";

/// Opens the database with an exclusive lock: until the connection is closed, no other process can
/// read or write it, in any journal mode. `attempt` returns a connection on which [`LOCK`] was executed without a wait, or
/// nothing if another process has a lock: two connections that waited would keep the lock from each other for ever, so
/// that each attempt has a connection of its own, which is closed before the wait.
///
/// # Errors
/// [`Error::Locked`] if another process has the file open; [`Error::Replaced`] if it put another file in
/// its place before it released its lock; [`Error::NoDatabase`], [`Error::Refused`],
/// [`Error::SideFile`], [`Error::ReadOnly`] or [`Error::Io`] if it cannot be used; [`Error::Copy`] if SQLite
/// cannot read it.
pub(super) fn lock<C>(
    path: &Path,
    timeout: Duration,
    action: &'static str,
    attempt: impl Fn(&Path) -> Result<Option<C>>,
) -> Result<C> {
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
