//! The library's errors: what happened, where, and what to do about it.

mod constraints;
mod help;
mod server;
mod setting;
mod transfer;
mod violation;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use server::ConnectFault;
pub use setting::SettingFault;
pub use transfer::TransferFault;
pub use violation::{Rule, Violation};

use crate::config::ConfigError;
use crate::migrations::RowChange;

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
        holder.as_deref().unwrap_or("another process"),
        seconds = waited.as_secs_f64()
    )]
    Locked {
        /// What was being tried.
        action: &'static str,
        /// How long this process waited.
        waited: Duration,
        /// Who has the lock, if that is known.
        holder: Option<String>,
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
        "the database has migrations that zenith-db {} does not know: {versions}; install the version \
         that applied them, or a later one; nothing was changed",
        env!("CARGO_PKG_VERSION")
    )]
    NewerDatabase {
        /// The unknown versions, each with what was recorded of it: its name in words and the program
        /// that recorded it.
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

    /// A version that is not there.
    #[error("there is no version {wanted} to go to; there are: {known}")]
    UnknownVersion {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },

    /// A migration would lose or change rows without saying so. The database is as it was.
    #[error(
        "{migration} would lose or change rows and does not say so: {}; nothing was changed. If it is \
         meant, the migration's {file} must declare it (migrations/README.md)",
        changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    RowsNotConserved {
        /// The migration's name.
        migration: String,
        /// `up.sql` or `down.sql`.
        file: &'static str,
        /// What was not declared.
        changes: Vec<RowChange>,
    },

    /// The migrations would leave another structure than a fresh database has. The database is as it
    /// was.
    #[error(
        "the migrations would not leave the structure of a fresh database: missing would be {missing}; \
         nothing was changed"
    )]
    StructureDiffers {
        /// What would be missing.
        missing: String,
    },

    /// Migrations were changed after they ran. The database is as it was.
    #[error(
        "migrations were changed after they ran here: {names}; install the version of zenith-db that \
         has them as they were, or, if the difference means nothing, accept it with `zenith-db migrate \
         --repair`"
    )]
    EditedMigrations {
        /// Their names.
        names: String,
    },

    /// The file is damaged.
    #[error("the database is damaged ({faults}); put a backup in its place; nothing was changed")]
    Damaged {
        /// The first faults.
        faults: String,
    },

    /// There is not enough room on the disk for what is to be done.
    #[error(
        "{what} may need {} MB on the disk of {place}, and {} MB are free; make room and try again; \
         nothing was changed",
        needed.div_ceil(1_000_000),
        free / 1_000_000,
        place = place.display()
    )]
    NoRoom {
        /// What for.
        what: &'static str,
        /// Where.
        place: PathBuf,
        /// How many bytes.
        needed: u64,
        /// How many bytes are there.
        free: u64,
    },

    /// Migrations failed after a backup was taken. The database is as it was, and the backup is kept.
    #[error(
        "the {operation} failed and the database is as it was; the backup from just before is {backup}",
        backup = backup.display()
    )]
    RolledBack {
        /// `migrate`, `rollback` or `create`.
        operation: String,
        /// The backup.
        backup: PathBuf,
        /// Why it failed.
        source: Box<Error>,
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

    /// What an adoption wrote is not what it read. Nothing was changed.
    #[error("the adopted database failed its check and was removed; nothing was changed: {reason}")]
    AdoptionUnfaithful {
        /// What the check found.
        reason: String,
    },

    /// A database could not be moved to another.
    #[error(transparent)]
    Transfer(#[from] TransferFault),

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
