//! [`Database`]: the pool. One writer and many readers, never more than `max_connections` in all.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use r2d2::{ManageConnection, Pool, PooledConnection};
use serde::Serialize;

use crate::connection::{self, Access};
use crate::{Config, DbConnection, Error, Result};

/// An open database. Cloning is cheap and shares the pool.
///
/// ```no_run
/// use zenith_db::{Config, Database, Error};
///
/// let database = Database::open(&Config::from_env()?)?;
/// let answer = database.write(|conn| {
///     // All of it or nothing.
///     Ok::<_, Error>(42)
/// })?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    writer: Pool<Connector>,
    /// `None` with a limit of one connection: reading and writing share it.
    readers: Option<Pool<Connector>>,
    waits: AtomicU64,
}

/// The pool at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PoolStatus {
    /// `DATABASE_MAX_CONNECTIONS`: how many connections there may be.
    pub max_connections: u32,
    /// How many are open.
    pub size: u32,
    /// How many of those are free.
    pub idle: u32,
    /// How many of those are in use.
    pub in_use: u32,
    /// How often a caller has had to wait since the pool was opened.
    pub waits: u64,
}

impl Database {
    /// Opens the database that the configuration names. It must exist; [`DatabaseManager`] makes one.
    ///
    /// [`DatabaseManager`]: crate::manager::DatabaseManager
    ///
    /// # Errors
    /// [`Error::NoDatabase`] if nothing is there, [`Error::Refused`] if it is not a database,
    /// [`Error::Open`], [`Error::Pragma`] or [`Error::Locked`] if it cannot be set up.
    pub fn open(config: &Config) -> Result<Self> {
        // The first connection is opened here, so that what is wrong arrives as a typed error.
        let first = connection::open(config.database_path(), config.sqlite(), Access::Write)?;
        let writer = pool(config, Access::Write, 1, Some(first));
        let readers = match config.max_connections() {
            1 => None,
            limit => Some(pool(config, Access::Read, limit - 1, None)),
        };
        let inner = Inner { config: config.clone(), writer, readers, waits: AtomicU64::new(0) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs `work` on a connection that refuses to write.
    ///
    /// Each statement sees what was committed when it began. Do not call `write` from inside: with
    /// one connection it could never be served.
    ///
    /// # Errors
    /// What `work` returns; [`Error::PoolTimeout`] if no connection was free in time.
    pub fn read<T, E>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        let Some(readers) = &self.inner.readers else { return self.read_on_the_writer(work) };
        work(self.checkout(readers)?.get()?)
    }

    /// Runs `work` in a write transaction: committed on `Ok`, rolled back on `Err` and on panic.
    ///
    /// There is one writer; others wait their turn. Inside, [`DbConnection::write`] nests by
    /// savepoint.
    ///
    /// # Errors
    /// What `work` returns; [`Error::PoolTimeout`] if the writer was not free in time;
    /// [`Error::Query`] if the transaction could not begin or commit, and then nothing has changed.
    pub fn write<T, E>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.checkout(&self.inner.writer)?.get()?.write(work)
    }

    /// How many connections there are and what they do.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        let pools = [Some(&self.inner.writer), self.inner.readers.as_ref()];
        let (size, idle) = pools.into_iter().flatten().fold((0, 0), |(size, idle), pool| {
            let state = pool.state();
            (size + state.connections, idle + state.idle_connections)
        });
        PoolStatus {
            max_connections: self.inner.config.max_connections(),
            size,
            idle,
            in_use: size.saturating_sub(idle),
            waits: self.inner.waits.load(Ordering::Relaxed),
        }
    }

    /// The configuration that it was opened with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    fn read_on_the_writer<T, E>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let mut slot = self.checkout(&self.inner.writer)?;
        let connection = slot.get()?;
        connection::set_query_only(connection.sqlite()?, true)?;
        // After a panic the pool throws the connection away, so this needs no guard.
        let result = work(connection);
        connection::set_query_only(connection.sqlite()?, false)?;
        result
    }

    /// More connections are more readers: they do not help against a busy writer.
    fn advice(&self, pool: &Pool<Connector>) -> &'static str {
        let one_of_several = self.inner.config.max_connections() > 1 && pool.max_size() == 1;
        if one_of_several && std::ptr::eq(pool, &raw const self.inner.writer) {
            "raise DATABASE_POOL_TIMEOUT_MS, or hold the writer for less time: there is one, \
             however many connections there may be"
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
            .field("path", self.inner.config.database_path())
            .field("pool", &self.pool_status())
            .finish()
    }
}

fn pool(
    config: &Config,
    access: Access,
    limit: u32,
    first: Option<DbConnection>,
) -> Pool<Connector> {
    Pool::builder()
        .max_size(limit)
        // One spare: with none, r2d2 does not replace a broken connection that somebody waits for.
        .min_idle(Some(1))
        // A file does not go away as a server does, and closing the last connection of a WAL
        // database is expensive: connections live as long as the pool.
        .test_on_check_out(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connection_timeout(config.pool_timeout())
        .error_handler(Box::new(WarnOnError))
        .build_unchecked(Connector { config: config.clone(), access, first: Mutex::new(first) })
}

/// Opens connections for r2d2.
struct Connector {
    config: Config,
    access: Access,
    /// A connection that is already open, for the first who asks.
    first: Mutex<Option<DbConnection>>,
}

impl ManageConnection for Connector {
    type Connection = Slot;
    type Error = Error;

    fn connect(&self) -> Result<Slot> {
        // The lock cannot be poisoned with the value half taken, so poison means nothing here.
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let connection = match first {
            Some(connection) => connection,
            None => {
                connection::open(self.config.database_path(), self.config.sqlite(), self.access)?
            }
        };
        Ok(Slot(Some(connection)))
    }

    fn is_valid(&self, slot: &mut Slot) -> Result<()> {
        connection::read_pragma(slot.get()?.sqlite()?, "query_only", "query_only")?;
        Ok(())
    }

    /// A connection that comes back with a transaction open, or while its user panics, is closed;
    /// closing rolls back. It is closed here, because r2d2 opens the next one before it drops this
    /// one, and there would be one more than allowed.
    fn has_broken(&self, slot: &mut Slot) -> bool {
        let broken =
            std::thread::panicking() || slot.0.as_mut().is_none_or(DbConnection::in_transaction);
        if broken {
            slot.0 = None;
        }
        broken
    }
}

/// A connection, until it is found to be broken.
struct Slot(Option<DbConnection>);

impl Slot {
    fn get(&mut self) -> Result<&mut DbConnection> {
        self.0.as_mut().ok_or_else(|| Error::State("the connection has been closed".into()))
    }
}

#[derive(Debug)]
struct WarnOnError;

impl r2d2::HandleError<Error> for WarnOnError {
    fn handle_error(&self, error: Error) {
        tracing::warn!(%error, "opening a connection for the pool failed");
    }
}
