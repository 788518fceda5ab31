//! Options of the connections, by kind of database.

use std::time::Duration;

#[cfg(feature = "postgres")]
use super::server_url::ServerUrl;
use super::value::Synchronous;

/// How each SQLite connection is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// `DATABASE_WAL_MODE`: readers and one writer at once (default), or a rollback journal.
    pub wal: bool,
    /// `DATABASE_SYNCHRONOUS`: when a commit counts as on disk.
    pub synchronous: Synchronous,
    /// `DATABASE_CACHE_SIZE`: the page cache of one connection, in pages, or in KiB if negative.
    pub cache_size: i32,
    /// `DATABASE_FOREIGN_KEYS`: whether references are enforced.
    pub foreign_keys: bool,
    /// `DATABASE_BUSY_TIMEOUT_MS`: how long a statement waits for another process's lock.
    pub busy_timeout: Duration,
}

/// How each connection to a server is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// `DATABASE_REPLICA_URL`: where reads go; without one, to the primary.
    #[cfg(feature = "postgres")]
    pub replica: Option<ServerUrl>,
    /// `DATABASE_REPLICA_MAX_LAG_MS`: how far the replica may lie behind before reads go to the
    /// primary (default 30 s).
    pub replica_max_lag: Duration,
    /// `DATABASE_STATEMENT_TIMEOUT_MS`: how long a statement of the pool may run (default 60 s; 0
    /// leaves it to the server). Migrations, backups and transfers take the time they need.
    pub statement_timeout: Duration,
    /// `DATABASE_IDLE_TRANSACTION_TIMEOUT_MS`: how long a transaction of the pool may do nothing
    /// (default 60 s; 0 leaves it to the server).
    pub idle_transaction_timeout: Duration,
    /// `DATABASE_TRANSACTION_POOLER`: whether a pooler that hands a server's connection to another
    /// client after each transaction stands between, such as PgBouncer's `pool_mode=transaction`
    /// (default no). Then nothing is left behind in a connection: no prepared statement and no
    /// setting, so that a read is a transaction of its own.
    pub transaction_pooler: bool,
    /// `DATABASE_BUSY_TIMEOUT_MS`: how long a statement waits for another's lock (default 5 s; 0
    /// leaves it to the server).
    pub lock_timeout: Duration,
    /// `DATABASE_POOL_TIMEOUT_MS`: how long connecting may take (default 10 s), in whole seconds and
    /// at least two, as libpq counts.
    pub connect_timeout: Duration,
}
