//! Exit codes, and the exit code of each error.

use std::fmt;

use zenith_db::{BackupFault, Error, MigrationFault};
use zenith_db_import::AdoptionError;
use zenith_db_transfer::TransferError;

/// Exit code of the command. The numbers are part of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// The operation succeeded, and if it checked the database, the database is healthy.
    Done = 0,
    /// The operation failed.
    Failed = 1,
    /// The flags, the configuration or the database that they name cannot be used.
    Usage = 2,
    /// The database is unhealthy.
    Unhealthy = 3,
    /// The database does not exist.
    NoDatabase = 4,
}

impl Exit {
    /// Returns the exit code for an error.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        if error.downcast_ref::<UsageError>().is_some() {
            return Self::Usage;
        }
        match of_database(error) {
            Some(
                Error::Config(_)
                | Error::Refused { .. }
                | Error::WrongBackend { .. }
                | Error::FormerDatabase { .. }
                | Error::Password(_)
                | Error::Administrator { .. }
                | Error::Backup(
                    BackupFault::NotFound { .. }
                    | BackupFault::None { .. }
                    | BackupFault::Former { .. }
                    | BackupFault::Undecoded { .. }
                    | BackupFault::OtherBackend { .. }
                    | BackupFault::NoRule,
                )
                | Error::Migration(
                    MigrationFault::UnknownVersion { .. } | MigrationFault::OfApplication { .. },
                ),
            ) => Self::Usage,
            Some(Error::NoDatabase { .. }) => Self::NoDatabase,
            _ => Self::Failed,
        }
    }
}

/// Returns the error of the library, if that is what ended the command.
pub(super) fn of_database(error: &anyhow::Error) -> Option<&Error> {
    match (error.downcast_ref(), error.downcast_ref()) {
        (Some(TransferError::Database(error)), _) | (_, Some(AdoptionError::Database(error))) => {
            Some(error)
        }
        (Some(TransferError::AsRole { source, .. }), _) => Some(source),
        _ => error.downcast_ref::<Error>(),
    }
}

/// Error for flags or input that cannot be used; the message says why.
#[derive(Debug)]
pub(super) struct UsageError(pub(super) String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}
