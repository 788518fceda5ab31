//! What keeps a connection to SQLite from taking a lock.

use std::path::Path;
use std::time::Instant;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::error::{Error, Result};
use crate::locks::{Obstacle, Wanted, obstacle, obstacle_of};

/// Returns the error of a lock that this connection could not take.
pub(super) fn locked(
    connection: &mut SqliteConnection,
    wanted: Wanted,
    action: &'static str,
    begun: Instant,
    source: diesel::result::Error,
) -> Error {
    let obstacle = obstacle_to(connection, wanted);
    Error::locked(action, Some(begun.elapsed()), obstacle, Some(source))
}

/// Returns the process that holds the write lock of this connection's database. `None` if no other
/// process holds it, or if the operating system does not say.
///
/// # Errors
/// [`Error::Refused`] if the file system has no locks.
pub(crate) fn lock_owner(connection: &mut SqliteConnection) -> Result<Option<String>> {
    match obstacle_to(connection, Wanted::Write) {
        Obstacle::Process(name) => Ok(Some(name)),
        Obstacle::NoLocks(path, cause) => Err(Error::without_locks(&path, &cause)),
        Obstacle::Unknown => Ok(None),
    }
}

fn obstacle_to(connection: &mut SqliteConnection, wanted: Wanted) -> Obstacle {
    let file = "(SELECT coalesce(file, '') FROM temp.pragma_database_list WHERE name = 'main')";
    match diesel::select(sql::<Text>(file)).get_result::<String>(connection) {
        Ok(path) if !path.is_empty() => obstacle_of(Path::new(&path), wanted),
        // Not even this can be asked.
        _ => obstacle(),
    }
}

/// Returns another process that uses the database at a path. `None` if there is none, or if the operating
/// system does not say.
pub(crate) fn user_of(path: &Path) -> Option<String> {
    match obstacle_of(path, Wanted::Exclusive) {
        Obstacle::Process(name) => Some(name),
        Obstacle::NoLocks(..) | Obstacle::Unknown => None,
    }
}
