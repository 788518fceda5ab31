//! The process that holds the write lock of an SQLite database.
//!
//! The operating system knows: it gave the lock to a process at SQLite's request, and releases it
//! when the process ends, however it ends. So nothing is stored that could be out of date.

use std::path::Path;
use std::time::Instant;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::error::Error;

/// Returns the error of a lock that could not be taken, with the process that holds it.
pub(crate) fn locked(
    connection: &mut SqliteConnection,
    action: &'static str,
    begun: Instant,
    source: diesel::result::Error,
) -> Error {
    let (waited, lock_owner) = (begun.elapsed(), lock_owner(connection));
    Error::Locked { action, waited, lock_owner, source: Some(source) }
}

/// Returns the process that holds the write lock of this connection's database. `None` if no
/// process holds it, if it is this process, or if the operating system does not say.
pub(crate) fn lock_owner(connection: &mut SqliteConnection) -> Option<String> {
    let file = "(SELECT coalesce(file, '') FROM temp.pragma_database_list WHERE name = 'main')";
    let path: String = diesel::select(sql::<Text>(file)).get_result(connection).ok()?;
    if path.is_empty() { None } else { lock_owner_of(path.as_ref()) }
}

/// Returns the process that holds the write lock of the database at a path.
pub(super) fn lock_owner_of(path: &Path) -> Option<String> {
    let process = process(path)?;
    // Linux gives the program's name. Its arguments, which may hold secrets, are not read.
    let name = std::fs::read_to_string(format!("/proc/{process}/comm"));
    Some(match name {
        Ok(name) => format!("{} (process {process})", name.trim_end()),
        Err(_) => format!("process {process}"),
    })
}

#[cfg(unix)]
fn process(path: &Path) -> Option<i32> {
    use rustix::process::{Flock, FlockType, fcntl_getlk};

    /// `WAL_WRITE_LOCK`, in the `-shm` file (<https://sqlite.org/walformat.html#wal_locks>).
    const IN_SHM: (u64, u64) = (120, 1);
    /// From the pending byte to the last of the shared ones, in the database
    /// (<https://sqlite.org/fileformat2.html#the_lock_byte_page>).
    const IN_FILE: (u64, u64) = (0x4000_0000, 512);

    // Only a writer is in the way of reading these.
    let held = |path: &Path, (start, length)| {
        let wanted = Flock { start, length, ..FlockType::ReadLock.into() };
        let look = |file: &std::fs::File| Ok(fcntl_getlk(file, &wanted)?);
        super::file::with_open_file(path, look).ok().flatten()?.pid
    };
    let mut shm = path.as_os_str().to_owned();
    shm.push("-shm");
    let pid = held(shm.as_ref(), IN_SHM).or_else(|| held(path, IN_FILE))?;
    Some(pid.as_raw_nonzero().get())
}

/// Returns `None`: other systems do not say.
#[cfg(not(unix))]
fn process(_: &Path) -> Option<i32> {
    None
}
