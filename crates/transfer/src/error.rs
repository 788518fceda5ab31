//! Errors of a transfer.

use zenith_db::Error;
use zenith_db::internal::config::counted;
use zenith_db::manager::DatabaseManager;

/// Result of a transfer.
pub type Result<T, E = TransferError> = std::result::Result<T, E>;

/// Reason why a transfer did not begin or did not complete. The source is unchanged in every case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The target has rows that no transfer copied there.
    #[error(
        "the target is not empty: it has {found}; nothing was changed. Give a target that does not \
         exist, or has no rows"
    )]
    NotEmpty {
        /// Tables with rows and their number of rows, such as `roles (4 rows)`.
        found: String,
    },

    /// The target holds part of an interrupted transfer, and [`TransferOptions::resume`] is `false`.
    ///
    /// [`TransferOptions::resume`]: crate::TransferOptions::resume
    #[error(
        "the target holds a transfer that was interrupted after {}; nothing was changed. \
         Resume it (`--resume`), or give an empty target",
        counted(*rows, "row", "rows")
    )]
    Interrupted {
        /// Number of rows that have been copied.
        rows: i64,
    },

    /// The target holds part of an interrupted transfer from another source.
    #[error(
        "the target holds part of a transfer from another database; nothing was changed. Give the \
         database that the transfer was started from, or an empty target"
    )]
    OtherSource,

    /// The target has a table of another program under the name in which a transfer keeps its state.
    #[error(
        "the target has a table zenith_transfer that is not the record of a transfer; nothing was changed. \
         Rename the table: a transfer needs the name"
    )]
    TableOfTheApplication,

    /// The source has rows in tables that are not in the schema.
    #[error(
        "the source has tables that are not in the schema and would be lost: {found}; nothing was \
         changed. Copy them by other means, and skip them here with `--leave-other-tables`"
    )]
    OtherTables {
        /// Tables with rows and their number of rows.
        found: String,
    },

    /// Tables of the schema cannot be checked for damage, so that a transfer could lose rows.
    #[error(
        "these tables of the source cannot be checked for damage: {tables}; nothing was changed. Drop the \
         index or column that another application has added, or transfer the database with that application"
    )]
    Unchecked {
        /// Tables, each with SQLite's reason.
        tables: String,
    },

    /// A table of the application holds a value that only one of the databases can store.
    #[error(
        "{table}.{column} of the row with the key {key} is {reason}; nothing was changed. Correct it in the source"
    )]
    UnfitValue {
        /// Name of the table.
        table: &'static str,
        /// Name of the column.
        column: String,
        /// Key of the row.
        key: i64,
        /// What the value is, in words.
        reason: &'static str,
    },

    /// The source is itself the target of an interrupted transfer.
    #[error(
        "the source is itself the target of an interrupted transfer and lacks rows; complete that \
         transfer first, with `--resume`"
    )]
    UnfinishedSource,

    /// The source or the target does not have exactly the migrations of this program.
    #[error(
        "the source has the migrations {of_source}, the target {of_target}, and this version of \
         zenith-db {known}; nothing was changed. Bring both up to date with `zenith-db migrate`"
    )]
    OtherMigrations {
        /// Versions applied to the source.
        of_source: String,
        /// Versions applied to the target.
        of_target: String,
        /// Versions that this program knows.
        known: String,
    },

    /// The rows in the target's audit log are not the first rows of the source's audit log.
    #[error(
        "the rows in the target's audit_log are not the first rows of the source's, and an audit log \
         can only be appended to: the transfer was started from another database. Give that \
         database as the source, or an empty target"
    )]
    OtherAuditLog,

    /// Another process has begun or resumed a transfer to the target.
    #[error("another process transfers to this target; wait until it has completed")]
    TakenOver,

    /// The record of an interrupted transfer cannot be read.
    #[error("the target's record of an interrupted transfer cannot be read; give an empty target")]
    UnreadableState(#[source] serde_json::Error),

    /// Rows of a table could not be read or written.
    #[error("{action} {table} failed at {place}; rows copied so far are kept for `--resume`")]
    Table {
        /// `reading` or `writing`.
        action: &'static str,
        /// Name of the table.
        table: &'static str,
        /// Key of the row, in words.
        place: String,
        /// Error of the database.
        source: Box<Error>,
    },

    /// The connection to the server of the source or of the target broke.
    #[error(
        "the connection to a server was lost{}; the rows copied so far are kept, and `--resume` goes on as soon as the \
         server answers again",
        table.map_or_else(String::new, |table| format!(" while {table} was copied"))
    )]
    ConnectionLost {
        /// Name of the table that was being read or written; `None` before and after the tables.
        table: Option<&'static str>,
        /// Error of the database.
        source: Box<Error>,
    },

    /// The connection to the server of the target broke while it confirmed the last transaction of the transfer.
    #[error(
        "the connection to a server was lost while the transfer was completed, so that it may be complete. Repeat it with \
         `--resume`: it goes on; if it says that the target is not empty instead, the transfer is complete"
    )]
    EndUnknown {
        /// Error of the database.
        source: Box<Error>,
    },

    /// A server has refused something for want of a right to a role that a setting or the URL gives to the user.
    #[error("{role}")]
    AsRole {
        /// Role, and what takes it back.
        role: String,
        /// Error of the database.
        source: Box<Error>,
    },

    /// The copied rows violate a foreign key, so the source's rows do as well.
    #[error(
        "rows of the source refer to rows that do not exist ({first}); correct them in the source, \
         and continue with `--resume`"
    )]
    BrokenReferences {
        /// First broken reference found.
        first: String,
        /// Error of the database; `None` if a query found the reference.
        source: Option<Box<Error>>,
    },

    /// The content of the target differs from that of the source after the copy.
    #[error(
        "the target differs from the source: {tables}; another program writes to the target. Stop \
         it, and continue with `--resume`"
    )]
    Differs {
        /// Tables that differ, with rows and digests on both sides.
        tables: String,
    },

    /// The database layer reported an error.
    #[error(transparent)]
    Database(#[from] Error),
}

impl TransferError {
    /// Returns [`TransferError::ConnectionLost`] if that is the cause.
    pub(crate) fn or_lost(self) -> Self {
        match self {
            Self::Database(error @ (Error::ConnectionLost(_) | Error::CommitUnknown(_))) => {
                Self::ConnectionLost { table: None, source: Box::new(error) }
            }
            Self::Table { table, source, .. }
                if matches!(*source, Error::ConnectionLost(_) | Error::CommitUnknown(_)) =>
            {
                Self::ConnectionLost { table: Some(table), source }
            }
            error => error,
        }
    }

    /// Returns [`TransferError::EndUnknown`] if the outcome of the last transaction is unknown.
    pub(crate) fn or_end_unknown(self) -> Self {
        match self {
            Self::Database(error @ Error::CommitUnknown(_)) => {
                Self::EndUnknown { source: Box::new(error) }
            }
            error => error,
        }
    }

    /// Returns [`TransferError::AsRole`] if that manager's server has refused something to another role than the user's.
    pub(crate) fn of_server(self, manager: &DatabaseManager) -> Self {
        match self {
            Self::Database(error) => match manager.refused_role(&error) {
                Some(role) => Self::AsRole { role, source: Box::new(error) },
                None => Self::Database(error),
            },
            error => error,
        }
    }

    /// Returns advice for a fault that can occur in any operation, such as a damaged file or a full disk.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Database(error) => error.hint(),
            Self::Table { source, .. }
            | Self::AsRole { source, .. }
            | Self::BrokenReferences { source: Some(source), .. } => source.hint(),
            _ => None,
        }
    }
}

impl From<diesel::result::Error> for TransferError {
    fn from(cause: diesel::result::Error) -> Self {
        Self::Database(cause.into())
    }
}
