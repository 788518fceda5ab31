//! The library's errors: what happened, where, and what to do about it.

mod constraints;
mod violation;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use violation::{Rule, Violation};

use crate::config::ConfigError;
use crate::types::ValueType;

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

    /// A statement failed, and not because of a rule of the schema.
    #[error("the database refused a statement")]
    Query(#[source] diesel::result::Error),

    /// A statement broke a rule of the schema, and changed nothing.
    #[error(transparent)]
    Violation(Box<Violation>),

    /// There is no such row.
    #[error("{table} has no row with {key}")]
    NotFound {
        /// The table.
        table: &'static str,
        /// What was looked for, as `column value`.
        key: String,
    },

    /// Something cannot go from the state it is in to the one that was asked for.
    #[error("a {what} cannot go from {from} to {to}")]
    IllegalTransition {
        /// What it is, such as `document`.
        what: &'static str,
        /// The state it is in.
        from: &'static str,
        /// The state it was to get.
        to: &'static str,
    },

    /// A system role keeps its name and cannot be deleted.
    #[error("{name} is a system role: it can be neither renamed nor deleted")]
    SystemRole {
        /// The role.
        name: String,
    },

    /// A setting or preference cannot be read or written so.
    #[error("{key}: {fault}")]
    Setting {
        /// The setting's name.
        key: String,
        /// What is wrong.
        fault: SettingFault,
    },

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

    /// The former application made the database, and it has not been adopted.
    #[error(
        "{path} is a database of the former application; `zenith-db adopt --plan` shows what taking \
         it over would change, and `zenith-db adopt` does it; nothing was changed",
        path = path.display()
    )]
    FormerDatabase {
        /// The database.
        path: PathBuf,
    },

    /// What an adoption wrote is not what it read. Nothing was changed.
    #[error("the adopted database failed its check and was removed; nothing was changed: {reason}")]
    AdoptionUnfaithful {
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

/// Why a setting cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingFault {
    /// There is no setting of this name.
    #[error("there is no such setting")]
    Unknown,
    /// It has no value.
    #[error("it has no value")]
    Empty,
    /// Only the system writes it.
    #[error("it is read-only")]
    ReadOnly,
    /// Its value is encrypted, or would have to be.
    #[error("it is a secret: its value is kept encrypted")]
    Secret,
    /// It is no secret, and was asked for or written as one.
    #[error("it is not a secret")]
    NotSecret,
    /// It holds another type.
    #[error("it holds a value of type {stored}, not {asked}")]
    WrongType {
        /// The type that it holds.
        stored: ValueType,
        /// The type that was asked for or offered.
        asked: ValueType,
    },
    /// The text is not a value of its type.
    #[error("{text:?} is not a value of type {value_type}")]
    NotOfType {
        /// The text.
        text: String,
        /// The type.
        value_type: ValueType,
    },
    /// The value breaks the setting's rule.
    #[error("{value:?} breaks its rule `{rule}`")]
    BreaksRule {
        /// The value.
        value: String,
        /// The rule.
        rule: String,
    },
    /// The setting's rule cannot be understood.
    #[error("its rule `{rule}` cannot be understood: {reason}")]
    BadRule {
        /// The rule.
        rule: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// The rule of the schema that was broken, if that is what this is.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violation(violation) => Some(violation),
            _ => None,
        }
    }

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
