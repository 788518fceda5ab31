//! Options of the connections, by kind of database.

use std::time::Duration;

#[cfg(feature = "postgres")]
use super::server_url::ServerUrl;
use super::value::Synchronous;

/// Options of each SQLite connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// `DATABASE_WAL_MODE`: whether the journal is a write-ahead log, with which readers and one
    /// writer work at the same time (the default), or a rollback journal.
    pub wal: bool,
    /// `DATABASE_SYNCHRONOUS`: when a commit counts as written to the disk.
    pub synchronous: Synchronous,
    /// `DATABASE_CACHE_SIZE`: page cache of each connection, in pages, or in KiB if negative.
    pub cache_size: i32,
    /// `DATABASE_FOREIGN_KEYS`: whether foreign keys are enforced.
    pub foreign_keys: bool,
    /// `DATABASE_BUSY_TIMEOUT_MS`: how long a statement waits for a lock.
    pub busy_timeout: Duration,
}

/// Options of each connection to a PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// `DATABASE_REPLICA_URL`: replica for reads; without one, reads use the primary.
    #[cfg(feature = "postgres")]
    pub replica: Option<ServerUrl>,
    /// `DATABASE_REPLICA_MAX_LAG_MS`: lag of the replica beyond which reads use the primary (30 s
    /// by default).
    pub replica_max_lag: Duration,
    /// `DATABASE_STATEMENT_TIMEOUT_MS`: longest run of a statement of the pool (60 s by default; 0
    /// leaves it to the server). Migrations, backups and transfers are not limited.
    pub statement_timeout: Duration,
    /// `DATABASE_IDLE_TRANSACTION_TIMEOUT_MS`: longest idle time in a transaction of the pool (60 s
    /// by default; 0 leaves it to the server).
    pub idle_transaction_timeout: Duration,
    /// `DATABASE_TRANSACTION_POOLER`: whether a pooler in between assigns a server connection for
    /// each transaction, such as PgBouncer with `pool_mode=transaction` (`false` by default).
    /// Connections then hold neither prepared statements nor settings, and each read is a
    /// transaction.
    pub transaction_pooler: bool,
    /// `DATABASE_BUSY_TIMEOUT_MS`: how long a statement waits for a lock (5 s by default; 0 leaves
    /// it to the server).
    pub lock_timeout: Duration,
    /// `DATABASE_POOL_TIMEOUT_MS`: longest time to connect (10 s by default), rounded up to whole
    /// seconds and at least two, as libpq counts.
    pub connect_timeout: Duration,
}
