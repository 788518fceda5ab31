//! [`Database`]: the connection pool. On SQLite it has one writer and many readers, never more than
//! `max_connections` in all.

#[cfg(feature = "tokio")]
mod asynchronous;
mod calls;
mod checkpoints;
mod connector;
mod file;
mod group;
mod held;
#[cfg(feature = "tokio")]
mod lane;
mod lifecycle;
mod measure;
mod nesting;
mod queue;
#[cfg(feature = "postgres")]
mod replica;
#[cfg(feature = "metrics")]
mod report;
mod seat;
#[cfg(feature = "postgres")]
mod server;
#[cfg(feature = "postgres")]
mod stale;
mod status;
mod usage;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use r2d2::{Pool, PooledConnection};

#[cfg(feature = "tokio")]
pub use self::asynchronous::AsyncDatabase;
use self::checkpoints::Checkpoints;
use self::connector::{ConnectionRole, Connector};
use self::measure::WaitFor;
use self::nesting::Counted;
use self::queue::{NoTurn, Queue, Sharing, Turn};
#[cfg(feature = "postgres")]
use self::replica::Replica;
pub use self::status::PoolStatus;
use self::usage::Usages;
use crate::config::Config;
use crate::config::Location;
use crate::error::{CallRefused, Error, PoolTimeout, Result};
use crate::migrations::Migrations;

/// For the tests of this crate. Not part of the public API: it may change at any time.
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod internal {
    use std::time::Duration;

    use super::{Database, Primary};

    /// Keeps each transaction that writes of an SQLite file share open to others for as long as this, so that a test does
    /// not depend on how fast a machine is.
    pub fn share_for(database: &Database, longest: Duration) {
        match &database.inner.primary {
            Primary::File(queue) => queue.share_for(longest),
            #[cfg(feature = "postgres")]
            Primary::Server(_) => {}
        }
    }
}

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
    /// Migrations that the program knows.
    migrations: Migrations,
    primary: Primary,
    reads: Reads,
    /// Those of SQLite's log, if there is a connection for them beside the writer.
    checkpoints: Option<Checkpoints>,
    waits: AtomicU64,
    /// Number of calls that have been accepted and have not ended.
    running: AtomicUsize,
    is_closed: AtomicBool,
    /// Held by who closes the database.
    closing: Mutex<()>,
}

/// Connections for writing.
enum Primary {
    /// SQLite's writer.
    File(Box<Queue>),
    #[cfg(feature = "postgres")]
    Server(Pool<Connector>),
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

impl Database {
    /// Opens the database that the configuration names as [`Database::open`] does, whatever its migrations. For programs
    /// that migrate it themselves later, or run with an older schema.
    ///
    /// # Errors
    /// Those of [`Database::open`], but never [`Error::Migration`].
    pub fn open_unchecked(config: &Config) -> Result<Self> {
        Self::open_with(config, Migrations::library())
    }

    /// Opens the database for a program that knows these migrations.
    pub(crate) fn open_with(config: &Config, migrations: Migrations) -> Result<Self> {
        let limit = config.max_connections();
        // The first connection is opened here, so that what is wrong arrives as a typed error.
        let (config, primary, reads, checkpoints) = match config.location() {
            Location::Sqlite(path) => {
                let queue = Queue::open(config, path.as_path())?;
                let usages: Arc<Usages> = Arc::default();
                let readers = (limit > 1).then(|| {
                    let (file, usages) = (queue.file().clone(), usages.clone());
                    let role = ConnectionRole::Reader { file, usages };
                    Connector::pool(config, role, limit - 1, None)
                });
                let checkpoints = readers
                    .as_ref()
                    .filter(|_| config.sqlite().wal)
                    .map(|readers| Checkpoints::new(readers.clone(), usages, path.clone()));
                let reads = readers.map_or(Reads::Primary, Reads::Readers);
                (config.clone(), Primary::File(Box::new(queue)), reads, checkpoints)
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => {
                let (config, mut first) = server::connect(config)?;
                // The limit is this process's, wherever its connections go.
                let replicas = if config.server().replica.is_some() { limit / 2 } else { 0 };
                let replica = server::replica(&config, url, &mut first, replicas)?;
                let reads = replica.map_or(Reads::Primary, Reads::Replica);
                let limit = limit - replicas;
                let primary = Connector::pool(&config, ConnectionRole::Primary, limit, Some(first));
                (config, Primary::Server(primary), reads, None)
            }
        };
        let inner = Inner {
            migrations,
            config,
            primary,
            reads,
            checkpoints,
            waits: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
            closing: Mutex::new(()),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns the configuration with which the database was opened.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Returns the migrations that the program knows.
    pub(crate) fn migrations(&self) -> Migrations {
        self.inner.migrations
    }

    /// Accepts a call, for which whoever closes the database waits.
    fn accept(&self, call: &'static str) -> Result<Counted<'_>> {
        self.ensure_outermost(call)?;
        let counted = Counted::begin(&self.inner.running);
        // After it has been counted, so that who closes the database either waits for it or is seen by it.
        if self.inner.is_closed.load(Ordering::SeqCst) {
            return Err(CallRefused::Closed.into());
        }
        Ok(counted)
    }

    /// Fails if this thread runs a closure of the database.
    fn ensure_outermost(&self, call: &'static str) -> Result<()> {
        Ok(Counted::ensure_outermost(&self.inner.running, call)?)
    }

    /// Waits for SQLite's writer.
    fn turn<'a>(&self, queue: &'a Queue, sharing: Sharing) -> Result<Turn<'a>> {
        let mut since = None;
        let turn = queue.wait(sharing, || {
            self.count_wait();
            since = Some(Instant::now());
        });
        if let Some(since) = since {
            measure::waited(WaitFor::Writer, since);
        }
        turn.map_err(|reason| self.no_turn(reason))
    }

    /// Begins to count waits: those of whoever opens the database, for its first connection, are no sign of load.
    pub(crate) fn begin_to_count(&self) {
        self.inner.waits.store(0, Ordering::Relaxed);
    }

    fn count_wait(&self) {
        self.inner.waits.fetch_add(1, Ordering::Relaxed);
    }

    fn no_turn(&self, reason: NoTurn) -> Error {
        // More connections are more readers, which do not help against a busy writer.
        let advice = if self.inner.config.max_connections() > 1 {
            "raise DATABASE_POOL_TIMEOUT_MS, or hold the writer for less time: SQLite has one, \
             whatever the number of connections"
        } else {
            ADVICE
        };
        match reason {
            NoTurn::TooLate => self.timeout(1, 1, String::new(), advice).into(),
            NoTurn::Closed => CallRefused::Closed.into(),
        }
    }

    fn checkout(&self, pool: &Pool<Connector>) -> Result<PooledConnection<Connector>> {
        if let Some(free) = pool.try_get() {
            return Ok(free);
        }
        self.count_wait();
        let since = Instant::now();
        let found = pool.get_timeout(self.inner.config.pool_timeout());
        measure::waited(WaitFor::Connection, since);
        Ok(found.map_err(|cause| {
            let state = pool.state();
            // r2d2 appends why the last attempt to open a connection failed, if one did.
            let cause = cause.to_string();
            let reason = cause.split_once(':').map_or("", |(_, reason)| reason);
            let detail = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            let in_use = state.connections.saturating_sub(state.idle_connections);
            self.timeout(in_use, pool.max_size(), detail, ADVICE)
        })?)
    }

    fn timeout(
        &self,
        in_use: u32,
        limit: u32,
        detail: String,
        advice: &'static str,
    ) -> PoolTimeout {
        let timeout_ms = self.inner.config.pool_timeout().as_millis();
        PoolTimeout { timeout_ms, in_use, limit, advice, detail }
    }
}

const ADVICE: &str = "raise DATABASE_MAX_CONNECTIONS or DATABASE_POOL_TIMEOUT_MS, or hold connections for \
                      less time";

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("location", self.inner.config.location())
            .field("pool", &self.pool_status())
            .finish()
    }
}
