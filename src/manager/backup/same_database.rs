//! Whether a file whose name matches is a backup of this database.

use std::io::{self, ErrorKind};
use std::path::Path;

use diesel::prelude::*;

use super::codec::Encoding;
use super::manifest::BackupManifest;
use crate::backend::DbConnection;
use crate::catalog;
use crate::config::{Config, Location};
use crate::connection;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::manager::origin::{Origin, origin_of};
use crate::schema::users;
use crate::types::{UserPublicId, UtcTime};

/// Returns whether a regular file is a backup of this database, by what it contains; `created` is
/// the time in its name.
///
/// A copy of an SQLite database of this program is one, unless it has users, but none of this
/// database's: databases with the same name may share a directory. In the default directory, such a
/// copy still counts if it is older than all users of this database, because they may have been
/// created again after a rollback of all migrations. On a server the name of the database decides.
///
/// What an encoded backup contains is not read here: it counts in the default directory, and elsewhere if its
/// manifest names this database, or cannot be read: it is then listed as damaged.
///
/// # Errors
/// That of this database, or of the operating system if the file cannot be read.
pub(super) fn is_of(
    config: &Config,
    connection: &mut DbConnection,
    created: UtcTime,
    backup: &Path,
) -> Result<bool> {
    let location = config.location();
    let is_default = config.backup_dir() == location.default_backup_dir();
    if Encoding::of_file(backup).is_some() {
        // Neither does a manifest that cannot be read say that it is another's.
        let is_ours = || {
            BackupManifest::read(backup)
                .map_or(true, |found| found.is_some_and(|found| found.is_of(config)))
        };
        return Ok(is_default || location.path().is_none() || is_ours());
    }
    match location {
        Location::Sqlite(_) => {}
        #[cfg(feature = "postgres")]
        Location::Postgres(_) => return Ok(super::postgres::is_archive(backup)),
    }
    let copy = connection::inspect_copy(backup, config.sqlite());
    let theirs = match copy.and_then(|mut copy| users_of_copy(&mut copy)) {
        Ok(Some(theirs)) => theirs,
        Ok(None) => return Ok(false),
        Err(error) => return not_read(backup, error).map(|()| false),
    };
    let ours = users_of(connection)?;
    let is_shared = ours.iter().any(|(id, _)| theirs.iter().any(|(other, _)| other == id));
    if ours.is_empty() || theirs.is_empty() || is_shared {
        return Ok(true);
    }
    let is_older = ours.iter().all(|(_, user_created)| created < *user_created);
    Ok(is_older && is_default)
}

/// Succeeds if an error says that a file is not a backup of this database: it is damaged, another program's, or gone.
///
/// # Errors
/// That of the operating system, such as of too many open files, which says nothing about the file.
fn not_read(backup: &Path, error: Error) -> Result<()> {
    match error {
        Error::Io { ref source, .. } => match source.kind() {
            ErrorKind::NotFound => Ok(()),
            ErrorKind::PermissionDenied => {
                // Backups belong to the user of their database.
                tracing::warn!(%error, "a file in the backup directory is another user's");
                Ok(())
            }
            _ => Err(error),
        },
        Error::Open { source, .. } => Err(Error::io("read", backup)(io::Error::other(source))),
        _ => Ok(()),
    }
}

/// UUIDs of all users, and the times at which they were created.
type Users = Vec<(UserPublicId, UtcTime)>;

/// Returns the users of a copy; `None` if it is not a database of this program.
fn users_of_copy(copy: &mut DbConnection) -> Result<Option<Users>> {
    match origin_of(copy)? {
        Origin::Ours => users_of(copy).map(Some),
        _ => Ok(None),
    }
}

fn users_of(connection: &mut DbConnection) -> Result<Users> {
    if !catalog::table_exists(connection, "users")? {
        return Ok(Vec::new());
    }
    Ok(dispatch!(connection, |c| users::table.select((users::uuid, users::created_at)).load(c))?)
}
