//! The library's errors: what happened, where, and how to fix it.

mod backup;
mod call_refused;
mod constraints;
mod convert;
pub(crate) mod hint;
mod lock_message;
mod locked;
mod migration;
mod nested_call;
mod no_room;
mod pool_timeout;
mod pragma_fault;
mod program;
mod row_change;
pub(crate) mod server;
mod setting;
mod shared_commit;
mod shell;
mod side_file;
mod still_running;
mod violation;

use std::{io, path::PathBuf, time::Duration};

pub use backup::BackupFault;
pub use call_refused::CallRefused;
pub(crate) use hint::chain;
pub use migration::MigrationFault;
pub use nested_call::NestedCall;
pub use no_room::NoRoom;
pub use pool_timeout::PoolTimeout;
pub use pragma_fault::PragmaFault;
pub use program::ProgramFault;
pub use row_change::RowChange;
pub use server::ConnectFault;
pub use setting::SettingFault;
pub use shared_commit::SharedCommit;
pub(crate) use shell::in_shell;
pub use side_file::{CopyError, SideFileFault};
pub use still_running::StillRunning;
pub use violation::{Rule, Violation};

use crate::backend::Backend;
use crate::config::{ConfigError, shown};
use crate::types::{HashingFailed, JsonFault};

/// For the crates of this workspace and the tests of the schema. Not part of the public API: it may change at any time.
#[doc(hidden)]
pub mod internal {
    pub use super::constraints::{CHECKS, TABLES, UNIQUE};
    pub use super::{hint::dependents, shell::in_shell};
}

/// Result with the library's [`Error`] by default.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Error of the library: what happened, where, and how to fix it. Its [`source`](std::error::Error::source) is the cause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// A value cannot be stored as JSON, or stored JSON cannot be decoded.
    #[error(transparent)]
    Json(#[from] JsonFault),

    /// The configured database does not exist.
    #[error("there is no database at {database}; `zenith-db create` creates it", database = shown(database))]
    NoDatabase {
        /// Configured path, or the server's URL without its password.
        database: String,
    },

    /// The file or the server's database cannot be used: for example, it is not an SQLite database, or
    /// another program created it.
    #[error("{database} cannot be used: {reason}", database = shown(database))]
    Refused {
        /// Configured path, or the server's URL without its password.
        database: String,
        /// Reason.
        reason: String,
    },

    /// A file beside the database may not be its own, and SQLite would trust it.
    #[error(
        "{path} {fault}. Nothing was changed. Stop the programs that use the database, find out which \
         files belong together, and move this one away: mv -n '{path}' '{path}.aside'",
        path = shown(path.display())
    )]
    SideFile {
        /// Path of the `-journal`, `-wal` or `-shm` file.
        path: PathBuf,
        /// Fault of the file.
        fault: SideFileFault,
    },

    /// A process was killed while it wrote, and left a hot rollback journal. An operation that only reads does not roll
    /// the transaction back; [`DatabaseManager::recover`](crate::manager::DatabaseManager::recover) does.
    #[error(
        "a program was killed while it wrote to the database, and left its unfinished transaction in \
         {path}; `zenith-db ensure` rolls it back; nothing was changed",
        path = shown(path.display())
    )]
    HotJournal {
        /// Path of the rollback journal.
        path: PathBuf,
    },

    /// The file at the path was replaced while it was opened.
    #[error(
        "{path} was replaced while it was opened, by another command, or by somebody who can write to its directory",
        path = shown(path.display())
    )]
    Replaced {
        /// Path of the database.
        path: PathBuf,
    },

    /// The pages of an SQLite database could not be copied.
    #[error("cannot copy {path}", path = shown(path.display()))]
    Copy {
        /// Path of the database that was read.
        path: PathBuf,
        /// Error of SQLite.
        source: CopyError,
    },

    /// The connection to the server failed.
    #[error("cannot connect to {server}: {fault}")]
    Connect {
        /// The server's URL without its password.
        server: String,
        /// Cause of the failure.
        fault: ConnectFault,
        /// Error of the client library.
        source: diesel::ConnectionError,
    },

    /// The database, or the current user's access to it, is read-only.
    #[error("{database} is read-only: {reason}", database = shown(database))]
    ReadOnly {
        /// Configured path, or the server's URL without its password.
        database: String,
        /// Reason, and what to do.
        reason: &'static str,
    },

    /// The replica's lag is larger than allowed. Reads then use the primary.
    #[error("the replica is {} behind its primary; at most {} ms are allowed (DATABASE_REPLICA_MAX_LAG_MS)",
        lag.map_or_else(|| "an unknown time".into(), |lag| format!("{} ms", lag.as_millis())),
        limit.as_millis())]
    ReplicaLag {
        /// Lag, if known.
        lag: Option<Duration>,
        /// Largest lag that is allowed.
        limit: Duration,
    },

    /// A statement tried to write on a read-only connection.
    #[error("a statement tried to write where only reading is possible; use `Database::write`")]
    WriteRefused(#[source] diesel::result::Error),

    /// The connection to the server broke. Its transaction has been rolled back.
    #[error("the connection to the server was lost, and the open transaction was rolled back")]
    ConnectionLost(#[source] diesel::result::Error),

    /// The connection to the server broke during a commit, or a panic ended that of an SQLite file: its outcome is unknown.
    #[error(
        "a commit was interrupted, whose outcome is unknown; check whether it took place before repeating it"
    )]
    CommitUnknown(#[source] diesel::result::Error),

    /// Serialization failure, deadlock, or a prepared statement whose table has changed: rolled back, and can be repeated.
    #[error("the transaction was rolled back, because of another change; it can be repeated")]
    Conflict(#[source] diesel::result::Error),

    /// The transaction that a write shared with others was rolled back, and can be repeated.
    #[error(transparent)]
    SharedCommit(#[from] SharedCommit),

    /// A statement of a server ran, or waited for a lock, longer than a setting allows. It changed nothing.
    #[error("{}", server::timed_out(setting))]
    TimedOut {
        /// Setting that limits the time; if it is 0, the server's `statement_timeout` or `lock_timeout` does.
        setting: &'static str,
        /// Error of the server.
        source: diesel::result::Error,
    },

    /// SQLite could not open the database file.
    #[error("cannot open {path}", path = shown(path.display()))]
    Open {
        /// Path of the file.
        path: PathBuf,
        /// Error of SQLite.
        source: diesel::ConnectionError,
    },

    /// SQLite did not accept a PRAGMA, or a closure has changed one.
    #[error(transparent)]
    Pragma(#[from] PragmaFault),

    /// Another process or connection held a lock for too long.
    #[error("{action}: {}", lock_message::message(*waited, lock_owner.as_deref()))]
    Locked {
        /// Action that needed the lock.
        action: &'static str,
        /// Time that this process waited, if it was measured.
        waited: Option<Duration>,
        /// Process that holds the lock, if known.
        lock_owner: Option<String>,
        /// Last error of the database, if any.
        source: Option<diesel::result::Error>,
    },

    /// No connection of the pool became free in time.
    #[error(transparent)]
    PoolTimeout(#[from] PoolTimeout),

    /// The database was closed while calls ran, and they did not end in time.
    #[error(transparent)]
    StillRunning(#[from] StillRunning),

    /// The call was refused, because the database is closed or too many calls wait. Nothing was done.
    #[error(transparent)]
    CallRefused(#[from] CallRefused),

    /// The database file is damaged.
    #[error("the database file is damaged")]
    Damaged(#[source] diesel::result::Error),

    /// An integrity check found faults in an SQLite database. Copying or changing it could lose rows.
    #[error("{database} is damaged; nothing was changed. SQLite found: {faults}", database = shown(database))]
    IntegrityFaults {
        /// Path of the database.
        database: String,
        /// First faults that SQLite found.
        faults: String,
    },

    /// The disk has too little free space for the operation, which has not begun.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),

    /// The disk that holds the database is full. The open transaction is rolled back.
    #[error("the disk of the database is full; nothing was changed")]
    DiskFull(#[source] diesel::result::Error),

    /// The operation exists only for the other kind of database.
    #[error("{operation} needs {needed}")]
    WrongBackend {
        /// Name of the operation.
        operation: &'static str,
        /// Kind of database that the operation needs.
        needed: Backend,
    },

    /// The operation cannot run through a pooler in transaction mode.
    #[error(
        "pg_dump and pg_restore change settings of their connection, which a pooler in transaction mode \
         would pass on to other clients; use the URL of the server itself, and DATABASE_TRANSACTION_POOLER=false"
    )]
    TransactionPooler,

    /// The connection was closed earlier, because it had broken or was returned with an open transaction.
    #[error("the connection has been closed; take another one from the pool")]
    ConnectionClosed,

    /// The operation was called inside a transaction, which it does not allow.
    #[error("{operation} needs a connection without an open transaction")]
    TransactionOpen {
        /// Name of the operation.
        operation: &'static str,
    },

    /// A row that [`DatabaseManager::seed`](crate::manager::DatabaseManager::seed) inserts is missing.
    #[error("{missing} is missing; `zenith-db seed` inserts it")]
    NotSeeded {
        /// Description of the row.
        missing: &'static str,
    },

    /// A defect of this library.
    #[error("internal error, please report it: {0}")]
    Internal(String),

    /// A statement failed for a reason that no other variant has.
    #[error("a statement failed")]
    Query(#[source] diesel::result::Error),

    /// A statement broke a rule of the schema, and changed nothing.
    #[error(transparent)]
    Violation(Box<Violation>),

    /// No row has this key.
    #[error("{table} has no row with {key}")]
    NotFound {
        /// Name of the table.
        table: &'static str,
        /// Column and value of the key, as `column value`.
        key: String,
    },

    /// A change of state is not allowed.
    #[error("a {what} cannot change from {from} to {to}")]
    IllegalTransition {
        /// Kind of the object, such as `document`.
        what: &'static str,
        /// Current state.
        from: &'static str,
        /// Requested state.
        to: &'static str,
    },

    /// A system role cannot be renamed or deleted.
    #[error("{name} is a system role: it can be neither renamed nor deleted")]
    SystemRole {
        /// Name of the role.
        name: String,
    },

    /// A [`Database`](crate::Database) was called in the closure of another call of it.
    #[error(transparent)]
    NestedCall(#[from] NestedCall),

    /// A setting or preference cannot be read or written.
    #[error("{key}: {fault}")]
    Setting {
        /// Name of the setting.
        key: String,
        /// Reason.
        fault: SettingFault,
    },

    /// Migrations did not run or failed. The database is unchanged.
    #[error(transparent)]
    Migration(#[from] MigrationFault),

    /// A file operation failed.
    #[error("cannot {action} {path}", path = shown(path.display()))]
    Io {
        /// Action that failed, such as `create the directory`.
        action: &'static str,
        /// Path of the file or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },

    /// A program that the operation needs is not installed, or failed.
    #[error(transparent)]
    Program(#[from] ProgramFault),

    /// A backup was not taken, not found or not restored. The database is as it was.
    #[error(transparent)]
    Backup(#[from] BackupFault),

    /// The database belongs to the former application and has not been adopted.
    #[error(
        "{database} is a database of the former application; `zenith-db adopt --plan` shows what adopting it would \
         change, and `zenith-db adopt` adopts it; nothing was changed",
        database = shown(database)
    )]
    FormerDatabase {
        /// Configured path.
        database: String,
    },

    /// The database is the target of an interrupted transfer, so it lacks rows.
    #[error(
        "a transfer into this database was interrupted, and it lacks rows; complete it with `zenith-db transfer \
             --to … --resume` from its source, or empty it with `zenith-db create --force`"
    )]
    UnfinishedTransfer,

    /// A password could not be hashed.
    #[error(transparent)]
    Hashing(#[from] HashingFailed),

    /// A password was not accepted.
    #[error("the password was not accepted: {0}")]
    Password(String),

    /// A generated password could not be delivered, so the transaction was rolled back.
    #[error("the generated password could not be delivered; nothing was changed")]
    PasswordNotDelivered(#[source] io::Error),

    /// The administrator's account could not be created.
    #[error("the administrator {name:?} cannot be created: {reason}")]
    Administrator {
        /// Requested user name.
        name: String,
        /// Reason.
        reason: String,
    },
}
