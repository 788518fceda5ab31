//! Errors of an adoption.

use std::path::PathBuf;
use zenith_db::internal::config::shown;

use zenith_db::Error;

/// Result of an adoption.
pub type Result<T, E = AdoptionError> = std::result::Result<T, E>;

/// Reason why an adoption failed. The path has a complete database in every case: the former one, or the
/// new one if only the last sync failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptionError {
    /// The configured database is on a server.
    #[error(
        "the former application's databases are SQLite files: adopt into a file (--path), then move \
         that to the server with `zenith-db transfer --to`"
    )]
    NotAFile,

    /// The file of [`AdoptionOptions::from`](crate::AdoptionOptions::from) does not exist.
    #[error("there is no file {} to adopt from (--from)", shown(path.display()))]
    NoSource {
        /// Path of the file.
        path: PathBuf,
    },

    /// A file that belongs to the new database already exists.
    #[error(
        "{} already exists; give another path (--path), or move it away. To adopt the database at \
         the configured path itself, leave --from out",
        shown(path.display())
    )]
    TargetExists {
        /// Path of the file: the database, or a file that SQLite keeps beside it.
        path: PathBuf,
    },

    /// The quarantine file already exists.
    #[error(
        "{} already exists, and quarantined rows never replace a file; give another file, or move \
         that one away",
        shown(path.display())
    )]
    QuarantineExists {
        /// Path of the file.
        path: PathBuf,
    },

    /// The quarantine file has the path of the database, or of a file that SQLite keeps beside it.
    #[error(
        "{} belongs to the database; give another file for the quarantined rows",
        shown(path.display())
    )]
    QuarantineIsDatabase {
        /// Path of the file.
        path: PathBuf,
    },

    /// A table that is not part of the schema cannot be created or filled in the new database.
    #[error(
        "the table {table} cannot be preserved: {reason}; change or drop it in the former database, \
         and adopt that again. Nothing was changed"
    )]
    UnknownTable {
        /// Name of the table in the former database.
        table: String,
        /// Error of SQLite, or the reference that leads to no row.
        reason: String,
    },

    /// The new database does not have the converted rows of the former one, or failed a check. It has been
    /// removed.
    #[error("the adopted database failed its check and was removed; nothing was changed: {reason}")]
    Unfaithful {
        /// First difference, or the failed checks.
        reason: String,
    },

    /// A part of the former database exceeds a limit on its size. Such a database is not trusted.
    #[error(
        "the former database cannot be adopted: {object} exceeds the limit of {limit}. Nothing was changed"
    )]
    TooLarge {
        /// Table, row or part of the schema that exceeds the limit.
        object: String,
        /// Limit, with its unit.
        limit: String,
    },

    /// A step took longer than its limit for a database of this size, because the schema has expressions that
    /// take long to evaluate.
    #[error(
        "{object} took longer than {seconds} s, because computed columns, indexes or constraints \
         have expressions that take long. Nothing was changed; drop those, and adopt that again"
    )]
    TooSlow {
        /// The step, or the table.
        object: String,
        /// Limit in seconds.
        seconds: u64,
    },

    /// There was not enough memory to read the former database.
    #[error("there was not enough memory for {object} of the former database. Nothing was changed")]
    OutOfMemory {
        /// The step, or the table.
        object: String,
    },

    /// A table or a column of the former database has no stored values, because it is virtual or generated.
    #[error(
        "{object} of the former database has no stored values: it is virtual or computed. Nothing \
         was changed"
    )]
    NotStored {
        /// The table, or the column.
        object: String,
    },

    /// The keys of a table are used up, so that SQLite accepts no new row.
    #[error(
        "the table {table} of the former database has used the key {key}, and hardly any is left for \
         new rows. Nothing was changed; change the key, and set the sequence back with UPDATE \
         sqlite_sequence SET seq = (SELECT max(id) FROM {table}) WHERE name = '{table}'"
    )]
    NoKeysLeft {
        /// Name of the table.
        table: &'static str,
        /// Greatest key that was used.
        key: i64,
    },

    /// SQLite cannot read the former database.
    #[error("SQLite cannot read {object} of the former database. Nothing was changed")]
    Former {
        /// Table or part of the schema.
        object: String,
        /// SQLite's error.
        source: rusqlite::Error,
    },

    /// The database layer reported an error.
    #[error(transparent)]
    Database(#[from] Error),
}

impl AdoptionError {
    /// Returns advice for a fault that can occur in any operation, such as a damaged file or a full disk.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Database(Error::IntegrityFaults { .. } | Error::Damaged(_)) => Some(DAMAGED),
            Self::Database(error) => error.hint(),
            _ => None,
        }
    }
}

const DAMAGED: &str = "an adoption could lose the rows that the damaged pages hold: adopt a backup of \
     this database, if there is one. Otherwise sqlite3 DAMAGED \"VACUUM INTO 'readable.db'\" copies the \
     rows that can still be read, sqlite3 readable.db REINDEX rebuilds its indexes, and \
     `zenith-db adopt --from readable.db --path NEW` adopts it; keep the damaged file, which may \
     contain more";

impl From<diesel::result::Error> for AdoptionError {
    fn from(cause: diesel::result::Error) -> Self {
        Self::Database(cause.into())
    }
}
