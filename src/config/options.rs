//! Options of the connections, by kind of database.

use std::time::Duration;

#[cfg(feature = "postgres")]
use super::server_url::ServerUrl;
use super::value::Synchronous;

/// Options of each SQLite connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// `DATABASE_WAL_MODE`: whether SQLite uses a write-ahead log, so that readers and the writer do
    /// not block each other (the default), or a rollback journal.
    pub wal: bool,
    /// `DATABASE_SYNCHRONOUS`: how SQLite synchronises the disk ([`Synchronous::Full`] by default).
    pub synchronous: Synchronous,
    /// `DATABASE_CACHE_SIZE`: page cache of each connection, in pages, or in KiB if negative (10,000
    /// by default).
    pub cache_size: i32,
    /// `DATABASE_FOREIGN_KEYS`: whether foreign keys are enforced (`true` by default).
    pub foreign_keys: bool,
    /// `DATABASE_BUSY_TIMEOUT_MS`: longest wait of a statement for a lock (5 s by default; 0 does not
    /// wait).
    pub busy_timeout: Duration,
}

/// Options of each connection to a PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// `DATABASE_SCHEMA`: schema with the tables; without one, the first schema of the `search_path` that exists, unless
    /// migrations were applied in another of them.
    pub schema: Option<String>,
    /// `DATABASE_REPLICA_URL`: replica for reads; without one, reads use the primary.
    #[cfg(feature = "postgres")]
    pub replica: Option<ServerUrl>,
    /// `DATABASE_REPLICA_MAX_LAG_MS`: lag of the replica above which reads use the primary (30 s by
    /// default).
    pub replica_max_lag: Duration,
    /// `DATABASE_STATEMENT_TIMEOUT_MS`: longest duration of a statement of the pool (60 s by default;
    /// 0 uses the server's setting). Migrations, backups and transfers have no limit.
    pub statement_timeout: Duration,
    /// `DATABASE_IDLE_TRANSACTION_TIMEOUT_MS`: longest idle time in a transaction of the pool (60 s
    /// by default; 0 uses the server's setting).
    pub idle_transaction_timeout: Duration,
    /// `DATABASE_TRANSACTION_POOLER`: whether connections go through a pooler that assigns a server
    /// connection to each transaction, such as PgBouncer with `pool_mode=transaction` (`false` by
    /// default).
    /// Connections then hold neither prepared statements nor settings, and each read is a
    /// transaction.
    pub transaction_pooler: bool,
    /// `DATABASE_BUSY_TIMEOUT_MS`: longest wait of a statement for a lock (5 s by default). In the
    /// pool, 0 uses the server's setting; migrations and other work of an operator do not wait then.
    pub lock_timeout: Duration,
    /// `DATABASE_POOL_TIMEOUT_MS`: longest time to connect (10 s by default), rounded up to whole
    /// seconds, and at least 2 s, which is libpq's minimum.
    pub connect_timeout: Duration,
}
