//! [`Database`]: the connection pool. On SQLite it has one writer and many readers, never more than
//! `max_connections` in all.

mod connector;
mod nesting;
#[cfg(feature = "postgres")]
mod replica;
#[cfg(feature = "postgres")]
mod server;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use r2d2::{Pool, PooledConnection};
use serde::Serialize;

use self::connector::{ConnectionRole, Connector};
use self::nesting::Running;
#[cfg(feature = "postgres")]
use self::replica::Replica;
use crate::backend::DbConnection;
use crate::config::Config;
use crate::config::Location;
use crate::connection::{self, Writer};
use crate::error::{Error, Result};

/// Open database: a pool of connections. Clones are cheap and share the pool. On SQLite, the pool has one
/// connection for writing and the others for reading.
///
/// ```no_run
/// use zenith_db::{Config, Database};
///
/// let database = Database::open(&Config::from_env()?)?;
/// let answer = database.write(|conn| {
///     // One transaction: what the closure writes is committed, or on an error rolled back.
///     Ok(42)
/// })?;
/// # Ok::<(), zenith_db::Error>(())
/// ```
///
/// A closure uses the connection that it gets: a call of the same database in it, on the same thread, is refused with
/// [`Error::NestedCall`].
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    /// Connections for writing.
    primary: Pool<Connector>,
    reads: Reads,
    waits: AtomicU64,
}

/// Connections for reading.
enum Reads {
    /// SQLite's readers.
    Readers(Pool<Connector>),
    /// The connections for writing: SQLite's writer, if there is only one connection, or a
    /// server's.
    Primary,
    /// A server's replica, and the primary while the replica is not available.
    #[cfg(feature = "postgres")]
    Replica(Replica),
}

/// Numbers of connections of a pool, and of waits for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PoolStatus {
    /// Maximum number of connections: `DATABASE_MAX_CONNECTIONS`.
    pub max_connections: u32,
    /// Number of open connections.
    pub size: u32,
    /// Number of open connections that are free.
    pub idle: u32,
    /// Number of open connections that are in use.
    pub in_use: u32,
    /// Number of times since the pool was opened that a caller had to wait for a connection.
    pub waits: u64,
    /// Number of reads since the pool was opened that used the primary because the replica was not
    /// available; 0 without a replica.
    pub replica_fallbacks: u64,
}

impl Database {
    /// Opens the database that the configuration names, which must exist. [`DatabaseManager`] creates
    /// a database.
    ///
    /// A replica that is not available is not an error: reads then use the primary.
    ///
    /// [`DatabaseManager`]: crate::manager::DatabaseManager
    ///
    /// # Errors
    /// [`Error::NoDatabase`] if the database does not exist; [`Error::Refused`] if it cannot be
    /// used; [`Error::ReadOnly`] if it cannot be written; [`Error::Open`], [`Error::Pragma`] or
    /// [`Error::Locked`] if it cannot be set up; on a server [`Error::Connect`].
    pub fn open(config: &Config) -> Result<Self> {
        let limit = config.max_connections();
        // The first connection is opened here, so that what is wrong arrives as a typed error.
        let first = |role| Connector::open(config, role).map(Some);
        let (primary, reads) = match config.location() {
            Location::Sqlite(_) => {
                let writer = Connector::pool(
                    config,
                    ConnectionRole::Writer,
                    1,
                    first(ConnectionRole::Writer)?,
                );
                let readers = (limit > 1)
                    .then(|| Connector::pool(config, ConnectionRole::Reader, limit - 1, None));
                (writer, readers.map_or(Reads::Primary, Reads::Readers))
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => {
                let first = first(ConnectionRole::Primary)?;
                // The limit is this process's, wherever its connections go.
                let replicas = if config.server().replica.is_some() { limit / 2 } else { 0 };
                let reads = match replicas {
                    0 => Reads::Primary,
                    limit => Reads::Replica(Replica::new(config, limit)),
                };
                (Connector::pool(config, ConnectionRole::Primary, limit - replicas, first), reads)
            }
        };
        let inner = Inner { config: config.clone(), primary, reads, waits: AtomicU64::new(0) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs `work` on a read-only connection: on SQLite a reader, on a server the replica if there
    /// is one.
    ///
    /// Each statement sees the transactions that were committed when it began; on a replica, those
    /// that have arrived there. Use [`Database::read_primary`] for a read that must see a preceding
    /// write.
    ///
    /// # Errors
    /// The error of `work`; [`Error::PoolTimeout`] if no connection was free in time; [`Error::NestedCall`].
    pub fn read<T>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        self.try_read(work)
    }

    /// As [`Database::read`], for work with an error type of the application.
    ///
    /// # Errors
    /// Those of [`Database::read`].
    pub fn try_read<T, E>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let _running = self.begin("read")?;
        match &self.inner.reads {
            Reads::Readers(readers) => work(self.checkout(readers)?.get()?),
            Reads::Primary => self.read_on_the_primary(work),
            #[cfg(feature = "postgres")]
            Reads::Replica(replica) => match replica.get() {
                Some(mut slot) => server::read(&self.inner.config, &mut slot, work),
                None => self.read_on_the_primary(work),
            },
        }
    }

    /// Runs `work` as [`Database::read`] does, but never on a replica: it sees every committed
    /// transaction.
    ///
    /// # Errors
    /// Those of [`Database::read`].
    pub fn read_primary<T>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        let _running = self.begin("read_primary")?;
        if let Reads::Readers(readers) = &self.inner.reads {
            return work(self.checkout(readers)?.get()?);
        }
        self.read_on_the_primary(work)
    }

    /// Runs `work` in a write transaction: committed on `Ok`, rolled back on `Err` and on panic.
    ///
    /// On SQLite there is one connection for writing, for which callers wait. [`Writer::write`] on
    /// what `work` gets begins a savepoint.
    ///
    /// # Errors
    /// The error of `work`; [`Error::PoolTimeout`] if no connection was free in time;
    /// [`Error::NestedCall`]; [`Error::Locked`] if another process holds the lock for longer than
    /// `DATABASE_BUSY_TIMEOUT_MS`; [`Error::Query`] if the transaction could not begin or commit,
    /// or `work` has left a transaction open in it, and then nothing has changed unless `work` itself
    /// has ended the transaction, by a `COMMIT` of its own; on a server also [`Error::Conflict`],
    /// [`Error::ConnectionLost`] and [`Error::CommitUnknown`].
    pub fn write<T>(&self, work: impl FnOnce(&mut Writer<'_>) -> Result<T>) -> Result<T> {
        self.try_write(work)
    }

    /// As [`Database::write`], for work with an error type of the application.
    ///
    /// # Errors
    /// Those of [`Database::write`].
    pub fn try_write<T, E>(
        &self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let _running = self.begin("write")?;
        let mut slot = self.checkout(&self.inner.primary)?;
        #[cfg(feature = "postgres")]
        if !self.is_file() {
            return server::write(&self.inner.config, &mut slot, work);
        }
        slot.get()?.try_write(work)
    }

    /// Runs `work` as [`Database::write`] does, and repeats it on [`Error::Conflict`]: up to six
    /// attempts, with a random wait of 10 to 320 milliseconds before each repetition.
    ///
    /// `work` must be repeatable: after a conflict, its writes to the database are rolled back, but its
    /// other effects are not. SQLite has no conflicts.
    ///
    /// # Errors
    /// The errors of [`Database::write`]; [`Error::Conflict`] if the last attempt conflicted too.
    pub fn write_with_retry<T>(
        &self,
        mut work: impl FnMut(&mut Writer<'_>) -> Result<T>,
    ) -> Result<T> {
        for retry in 0..5_u32 {
            match self.write(&mut work) {
                Err(error) if error.is_conflict() => {
                    tracing::debug!(%error, retry, "trying again");
                    // Those that met must not meet again, so each waits for a time of its own.
                    let longest = (20_u64 << retry).min(500);
                    let random = uuid::Uuid::new_v4().as_u64_pair().0;
                    std::thread::sleep(Duration::from_millis(longest / 2 + random % (longest / 2)));
                }
                done => return done,
            }
        }
        self.write(work)
    }

    /// Returns the numbers of the pool's connections.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        let (reads, replica_fallbacks) = match &self.inner.reads {
            Reads::Readers(readers) => (Some(readers), 0),
            Reads::Primary => (None, 0),
            #[cfg(feature = "postgres")]
            Reads::Replica(replica) => (Some(replica.pool()), replica.fallbacks()),
        };
        let pools = [Some(&self.inner.primary), reads].into_iter().flatten();
        let (size, idle) = pools.fold((0, 0), |(size, idle), pool| {
            let state = pool.state();
            (size + state.connections, idle + state.idle_connections)
        });
        PoolStatus {
            max_connections: self.inner.config.max_connections(),
            size,
            idle,
            in_use: size.saturating_sub(idle),
            waits: self.inner.waits.load(Ordering::Relaxed),
            replica_fallbacks,
        }
    }

    /// Returns the configuration with which the database was opened.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    fn begin(&self, call: &'static str) -> Result<Running> {
        Ok(Running::begin(Arc::as_ptr(&self.inner), call)?)
    }

    fn is_file(&self) -> bool {
        self.inner.config.location().path().is_some()
    }

    fn read_on_the_primary<T, E>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let mut slot = self.checkout(&self.inner.primary)?;
        #[cfg(feature = "postgres")]
        if !self.is_file() {
            return server::read(&self.inner.config, &mut slot, work);
        }
        let connection = slot.get()?;
        connection::set_query_only(connection.sqlite()?, true)?;
        // After a panic the pool throws the connection away, so this needs no guard.
        let result = work(connection);
        connection::set_query_only(connection.sqlite()?, false)?;
        result
    }

    /// Returns the advice for a timeout. More connections are more readers: on SQLite they do not
    /// help against a busy writer.
    fn advice(&self, pool: &Pool<Connector>) -> &'static str {
        let one_of_several = self.inner.config.max_connections() > 1 && pool.max_size() == 1;
        if self.is_file() && one_of_several && std::ptr::eq(pool, &raw const self.inner.primary) {
            "raise DATABASE_POOL_TIMEOUT_MS, or hold the writer for less time: SQLite has one, \
             whatever the number of connections"
        } else {
            "raise DATABASE_MAX_CONNECTIONS or DATABASE_POOL_TIMEOUT_MS, or hold connections for \
             less time"
        }
    }

    fn checkout(&self, pool: &Pool<Connector>) -> Result<PooledConnection<Connector>> {
        let state = pool.state();
        if state.idle_connections == 0 && state.connections >= pool.max_size() {
            self.inner.waits.fetch_add(1, Ordering::Relaxed);
        }
        pool.get().map_err(|cause| {
            let state = pool.state();
            // r2d2 appends why the last attempt to open a connection failed, if one did.
            let cause = cause.to_string();
            let detail = cause.split_once(':').map_or("", |(_, reason)| reason);
            Error::PoolTimeout {
                timeout_ms: self.inner.config.pool_timeout().as_millis(),
                in_use: state.connections.saturating_sub(state.idle_connections),
                limit: pool.max_size(),
                detail: if detail.is_empty() { String::new() } else { format!(" ({detail})") },
                advice: self.advice(pool),
            }
        })
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("location", self.inner.config.location())
            .field("pool", &self.pool_status())
            .finish()
    }
}
