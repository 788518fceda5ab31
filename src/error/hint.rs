//! Queries on an error, and hints for the user.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use diesel::result::Error as DieselError;

use super::{Error, Violation};
#[cfg(feature = "postgres")]
use super::{MigrationFault, ProgramFault};

impl Error {
    /// Whether nothing was written, for a reason outside of the call, which can be repeated unchanged: see
    /// [`Error::Conflict`], [`Error::SharedCommit`] and [`Error::ConnectionLost`].
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::SharedCommit(_) | Self::ConnectionLost(_))
    }

    /// Returns the broken rule of the schema, if the error is [`Error::Violation`].
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violation(violation) => Some(violation),
            _ => None,
        }
    }

    /// Returns advice for a fault that can occur in any operation, such as a damaged file or a full disk, even
    /// if the fault is only a cause of this error.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            let boxed = error.downcast_ref::<Box<Self>>().map(AsRef::as_ref);
            let shared = error.downcast_ref::<Arc<Self>>().map(AsRef::as_ref);
            match error.downcast_ref::<Self>().or(boxed).or(shared) {
                Some(Self::Damaged(_) | Self::IntegrityFaults { .. }) => return Some(DAMAGED),
                Some(Self::DiskFull(_)) => return Some(FREE_SPACE),
                Some(Self::Io { source, .. }) if source.kind() == io::ErrorKind::StorageFull => {
                    return Some(FREE_SPACE);
                }
                Some(Self::Io { source, .. })
                    if source.kind() == io::ErrorKind::ReadOnlyFilesystem =>
                {
                    return Some(MOUNTED);
                }
                Some(Self::Io { source, .. })
                    if source.kind() == io::ErrorKind::PermissionDenied =>
                {
                    return Some(RIGHTS);
                }
                Some(Self::Io { source, .. })
                    if source.kind() == io::ErrorKind::InvalidFilename =>
                {
                    return Some(NAME);
                }
                Some(Self::Query(cause)) if is_not_permitted(cause) => return Some(GRANTS),
                Some(Self::PasswordNotDelivered(_)) => return Some(UNDELIVERED),
                // SQLite's text of every `SQLITE_IOERR`; it gives no cause.
                _ if error.to_string().starts_with("disk I/O error") => return Some(DISK),
                _ => cause = error.source(),
            }
        }
        None
    }

    /// Whether the database is damaged, even if that is only a cause of this error. Nothing more may be
    /// written to it: its list of free pages may name pages that hold rows.
    pub(crate) fn is_damage(&self) -> bool {
        self.hint() == Some(DAMAGED)
    }

    /// Whether a server has refused something because the user lacks a right, even if that is only a cause of this error.
    #[cfg(feature = "postgres")]
    pub(crate) fn lacks_right(&self) -> bool {
        match self {
            Self::Migration(MigrationFault::MayNotCreate { .. }) => true,
            Self::Program(ProgramFault::Failed { said, .. }) => {
                said.contains("permission denied for")
            }
            _ => self.hint() == Some(GRANTS),
        }
    }

    /// Whether the error is that a file to be created already exists.
    #[doc(hidden)]
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
    }

    /// Returns a closure for `map_err`: the error of a file operation.
    #[doc(hidden)]
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

const DAMAGED: &str = "the file is damaged: stop the programs that use it, and run `zenith-db restore --latest`, \
     which keeps the damaged file and puts the newest backup in its place. Without a backup, \
     sqlite3 DAMAGED \"VACUUM INTO 'readable.db'\" copies the rows that can still be read, and \
     sqlite3 readable.db REINDEX rebuilds its indexes; keep the damaged file, which may contain more";

const FREE_SPACE: &str = "the disk is full: free some space and try again; nothing was lost";

const DISK: &str = "SQLite could not read or write the database or a file beside it: the disk may be full, which `df` shows, \
     or failing, which the log of the system shows";

const MOUNTED: &str = "the file system is mounted read-only: remount it for writing, or choose another place \
     with --path or --backup-dir";

const RIGHTS: &str = "the current user lacks a permission there: run the command as the owner of the files, or \
     change the permissions";

const GRANTS: &str = "the user of the server lacks a right: connect as the owner of the tables (zenith_owner, if \
     `zenith-db roles` has made the roles), or let the owner or a superuser grant it; to create and restore databases, the \
     right is CREATEDB";

/// Whether a server refused a statement because the user lacks a right. Diesel does not pass on the SQLSTATE 42501;
/// servers whose messages are not in English are not understood.
pub(crate) fn is_not_permitted(error: &diesel::result::Error) -> bool {
    let text = error.to_string();
    ["permission denied", "must be "].iter().any(|words| text.starts_with(words))
}

const NAME: &str = "the file system does not accept a name that long: choose a shorter one";

const UNDELIVERED: &str = "repeat the command with a standard output that can be written, or choose the \
     password yourself: on standard input or on a terminal";

/// Returns an error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        if let Some(dependents) = dependents(error) {
            text.push_str(": ");
            text.push_str(&dependents);
        }
        cause = error.source();
    }
    text
}

/// Returns what a server says depends on what was to be dropped. Other details may have values of rows.
#[must_use]
pub fn dependents(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let DieselError::DatabaseError(_, info) = error.downcast_ref()? else { return None };
    let details = info.details().filter(|_| info.message().starts_with("cannot drop "))?;
    Some(details.lines().collect::<Vec<_>>().join(", "))
}
