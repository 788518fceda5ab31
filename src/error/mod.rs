//! The library's errors: what happened, where, and what to do about it.

mod constraints;
mod help;
mod migration;
mod row_change;
mod server;
mod setting;
mod violation;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use help::chain;
pub use migration::MigrationFault;
pub use row_change::RowChange;
pub use server::ConnectFault;
pub use setting::SettingFault;
pub use violation::{Rule, Violation};

use crate::backend::Backend;
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

    /// There is no database where the configuration says.
    #[error("there is no database at {database}; `zenith-db create` makes one")]
    NoDatabase {
        /// The configured path, or the server's URL without its password.
        database: String,
    },

    /// What is where the configuration says cannot be a database of ours.
    #[error("{database} cannot be used as the database: {reason}")]
    Refused {
        /// The configured path, or the server's URL without its password.
        database: String,
        /// What was found there.
        reason: String,
    },

    /// There is no connection to the server.
    #[error("cannot connect to {server}: {fault}")]
    Connect {
        /// The server's URL without its password.
        server: String,
        /// What is wrong.
        fault: ConnectFault,
        /// What the client library said.
        source: diesel::ConnectionError,
    },

    /// The server takes no writes.
    #[error("{database} takes no writes: {reason}")]
    ReadOnly {
        /// The server's URL without its password.
        database: String,
        /// Why.
        reason: &'static str,
    },

    /// A replica lies further behind its primary than it may. Reads then go to the primary.
    #[error("the replica lies {} behind, and {} ms are allowed (DATABASE_REPLICA_MAX_LAG_MS)",
        lag.map_or_else(|| "an unknown time".into(), |lag| format!("{} ms", lag.as_millis())),
        limit.as_millis())]
    ReplicaLag {
        /// How far it lies behind, if that is known.
        lag: Option<Duration>,
        /// How far it may.
        limit: Duration,
    },

    /// A statement that writes was run where only reading is allowed.
    #[error(
        "a statement that writes was refused where only reading is allowed; use `Database::write`"
    )]
    WriteRefused(#[source] diesel::result::Error),

    /// The connection to the server broke. Its transaction has been rolled back.
    #[error("the connection to the server was lost; what was not committed is rolled back")]
    ConnectionLost(#[source] diesel::result::Error),

    /// The connection to the server broke while a transaction was being committed.
    #[error(
        "the connection to the server was lost during a commit: whether it took place is not known; \
         look before doing it again"
    )]
    CommitUnknown(#[source] diesel::result::Error),

    /// Another transaction was in the way: the two would not have been one after the other, or each
    /// waited for the other. This one has been rolled back, and can be tried again as it is.
    #[error("another transaction was in the way; this one was rolled back and can be tried again")]
    Conflict(#[source] diesel::result::Error),

    /// A statement took longer than it may, or waited longer for a lock than it may.
    #[error(
        "a statement took too long ({setting} says how long it may); nothing was changed by it"
    )]
    TimedOut {
        /// The setting that limits it.
        setting: &'static str,
        /// What the server said.
        source: diesel::result::Error,
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
        "{action}: {} has locked the database for {seconds:.1} s; try again when it is done, or raise \
         DATABASE_BUSY_TIMEOUT_MS",
        lock_owner.as_deref().unwrap_or("another process"),
        seconds = waited.as_secs_f64()
    )]
    Locked {
        /// What was being tried.
        action: &'static str,
        /// How long this process waited.
        waited: Duration,
        /// Who has the lock, if that is known.
        lock_owner: Option<String>,
        /// What the database said last, if it said anything.
        source: Option<diesel::result::Error>,
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

    /// The database file is damaged.
    #[error("the database file is damaged")]
    Damaged(#[source] diesel::result::Error),

    /// The disk that holds the database is full. What was not committed is rolled back.
    #[error("the disk of the database is full; nothing was changed")]
    DiskFull(#[source] diesel::result::Error),

    /// The operation exists for the other kind of database only.
    #[error("{operation} needs {needed}")]
    WrongBackend {
        /// The operation.
        operation: &'static str,
        /// The kind of database that it needs.
        needed: Backend,
    },

    /// The operation cannot be done over a pooler that gives each transaction another connection.
    #[error(
        "pg_dump changes settings of its connection, which a pooler in transaction mode would pass on \
         to other clients; give the server's own URL, and DATABASE_TRANSACTION_POOLER=false"
    )]
    TransactionPooler,

    /// The connection was closed before, because it had broken or was returned in the middle of a
    /// transaction.
    #[error("the connection has been closed; take another one from the pool")]
    ConnectionClosed,

    /// A transaction is open where none may be.
    #[error("{operation} needs a connection without an open transaction")]
    TransactionOpen {
        /// The operation.
        operation: &'static str,
    },

    /// Rows that seeding writes are missing.
    #[error("{missing} is missing; `zenith-db seed` writes it")]
    NotSeeded {
        /// The row.
        missing: &'static str,
    },

    /// Something happened that this crate excludes: a defect of it.
    #[error("internal error, please report it: {0}")]
    Internal(String),

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

    /// Migrations were not run, or failed. The database is as it was.
    #[error(transparent)]
    Migration(#[from] MigrationFault),

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

    /// A program that the operation needs is not installed.
    #[error(
        "{program} is not on the PATH; install PostgreSQL's client programs, of the server's version \
         or later (Debian: postgresql-client), or go without a backup (--no-backup)"
    )]
    MissingProgram {
        /// The program.
        program: &'static str,
    },

    /// A program that the operation needs failed.
    #[error("{program} failed: {said}")]
    Program {
        /// The program.
        program: &'static str,
        /// What it said.
        said: String,
    },

    /// A backup was written but is not a faithful copy; it has been removed.
    #[error("the backup failed its check and was removed: {reason}")]
    BackupUnfaithful {
        /// What the check found.
        reason: String,
    },

    /// The former application made the database, and it has not been adopted.
    #[error(
        "{database} is a database of the former application; `zenith-db adopt --plan` shows what \
         taking it over would change, and `zenith-db adopt` does it; nothing was changed"
    )]
    FormerDatabase {
        /// The configured path.
        database: String,
    },

    /// The database is the target of an interrupted transfer, so it lacks rows.
    #[error(
        "a transfer into this database was interrupted, and it lacks rows; complete it with \
         `zenith-db transfer --to … --resume` from its source, or empty it with \
         `zenith-db create --force`"
    )]
    UnfinishedTransfer,

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
