//! The library's errors: what happened, where, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::ConfigError;

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate. Causes are kept as sources.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// There is no database at the configured path.
    #[error("there is no database at {path}; `zenith-db create` makes one", path = path.display())]
    NoDatabase {
        /// The configured path.
        path: PathBuf,
    },

    /// What lies at the configured path cannot be a database of ours.
    #[error("{path} cannot be used as the database: {reason}", path = path.display())]
    Refused {
        /// The configured path.
        path: PathBuf,
        /// What was found there.
        reason: String,
    },

    /// The database could not be opened.
    #[error("cannot open {path}", path = path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: diesel::ConnectionError,
    },

    /// The connection does not have a setting that it was given.
    #[error("SQLite did not accept PRAGMA {pragma}: it should be {wanted} and is {found}")]
    Pragma {
        /// The pragma.
        pragma: &'static str,
        /// What was set.
        wanted: String,
        /// What was read back.
        found: String,
    },

    /// Another process held a lock for too long.
    #[error(
        "{action}: another process has locked the database for {seconds:.1} s; try again when it \
         is done, or raise DATABASE_BUSY_TIMEOUT_MS",
        seconds = waited.as_secs_f64()
    )]
    Locked {
        /// What was being tried.
        action: &'static str,
        /// How long this process waited.
        waited: Duration,
        /// What SQLite said last.
        source: diesel::result::Error,
    },

    /// Every connection that this process may open was in use for too long.
    #[error(
        "no free connection within {timeout_ms} ms: {in_use} of {limit} are in use{detail}; {advice}"
    )]
    PoolTimeout {
        /// How long the caller waited, in milliseconds.
        timeout_ms: u128,
        /// How many connections of the kind that was wanted, to read or to write, are in use.
        in_use: u32,
        /// How many of that kind there may be.
        limit: u32,
        /// Which setting to raise, or what else helps.
        advice: &'static str,
        /// Why a new connection could not be opened, if that was tried.
        detail: String,
    },

    /// A statement failed.
    #[error("the database refused a statement")]
    Query(#[from] diesel::result::Error),

    /// A migration failed. The database is as it was before.
    #[error("migration {name} failed to {direction}; nothing was changed")]
    Migration {
        /// The migration's name.
        name: String,
        /// `apply` or `revert`.
        direction: &'static str,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// Rows refer to nothing, before the migrations or because of them. The database is as it was.
    #[error(
        "{subject} {count} broken references, the first of them: {first}; mend or delete such rows \
         (`zenith-db health-check` lists them) and try again; nothing was changed"
    )]
    BrokenReferences {
        /// Who is to blame: `the database has` or `the migrations would leave`.
        subject: &'static str,
        /// How many.
        count: usize,
        /// The first, as table, row and parent.
        first: String,
    },

    /// The database has migrations that this program does not know.
    #[error(
        "the database has migrations that this version does not know ({versions}); use the version \
         of zenith-db that applied them, or a later one"
    )]
    NewerDatabase {
        /// The unknown versions.
        versions: String,
    },

    /// Migrations that cannot be run in the order of their versions.
    #[error(
        "migration {late} is older than {newest}, which has been applied; roll back to before it \
         with `zenith-db rollback --to {before}`, then `zenith-db migrate`"
    )]
    LateMigration {
        /// The migration that was added too late.
        late: String,
        /// The newest one that has been applied.
        newest: String,
        /// The version just before the late one; `0` if it is the first.
        before: String,
    },

    /// A rollback to a version that is not there.
    #[error("there is no version {wanted} to roll back to; applied are: {applied}")]
    UnknownVersion {
        /// What was asked for.
        wanted: String,
        /// What there is.
        applied: String,
    },

    /// The database is not in the state that the operation needs.
    #[error("{0}")]
    State(String),

    /// A file operation failed.
    #[error("cannot {action} {path}", path = path.display())]
    Io {
        /// What was being tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A backup was written but is not a faithful copy; it has been removed.
    #[error("the backup failed its check and was removed: {reason}")]
    BackupUnfaithful {
        /// What the check found.
        reason: String,
    },

    /// A password that cannot be accepted.
    #[error("the password was not accepted: {0}")]
    Password(String),

    /// A seed or account could not be written because a name is taken.
    #[error("the administrator {name:?} cannot be created: {reason}")]
    Administrator {
        /// The name that was asked for.
        name: String,
        /// What stands in the way.
        reason: String,
    },
}

impl Error {
    /// What mends a fault that the message itself cannot name: a damaged file, a full disk.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        let mut cause: Option<&dyn std::error::Error> = Some(self);
        while let Some(error) = cause {
            let text = error.to_string();
            if text.contains("malformed") || text.contains("file is not a database") {
                return Some(
                    "the file is damaged: `zenith-db health-check` says where; stop what uses it, \
                     and put the newest backup in its place",
                );
            }
            if text.contains("disk is full") || text.contains("No space left") {
                return Some("the disk is full: make room and try again; nothing was lost");
            }
            cause = error.source();
        }
        None
    }

    /// For `map_err`: the file operation that failed.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
