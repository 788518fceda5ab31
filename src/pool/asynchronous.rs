//! [`AsyncDatabase`]: calls of a database that do not block a thread of Tokio's.

use std::panic::Location;
use std::sync::Arc;

use super::Database;
use super::lane::{Lane, in_background};
use super::measure::WaitFor;
use crate::backend::DbConnection;
use crate::connection::Writer;
#[cfg(doc)]
use crate::error::CallRefused;
use crate::error::{Error, Result};

/// Threads that write. They share a connection and its commits on SQLite, so that more of them make larger groups.
const WRITERS: usize = 32;

/// [`Database`] for asynchronous code: its calls wait without blocking the thread, and run their work on threads for
/// blocking work ([`tokio::task::spawn_blocking`]). Clones are cheap and share the pool. Exists with the feature `tokio`.
///
/// ```no_run
/// use zenith_db::{AsyncDatabase, Config, Database};
/// use zenith_db::models::User;
///
/// # async fn handler() -> zenith_db::Result<()> {
/// let database = AsyncDatabase::new(Database::open(&Config::from_env()?)?);
/// let ann = database.read(|conn| User::find_by_username(conn, "ann")).await?;
/// # drop(ann);
/// # Ok(())
/// # }
/// ```
///
/// On SQLite, as many reads run at once as there are connections for reading, or one of them on the only connection.
/// Writes run one after the other and share commits, for which up to 32 hold a thread each. On a server, reads and writes
/// have as many threads each as there are connections, for which they wait together. Other calls wait for a thread, in the
/// order in which they asked: up to 4,096 of each kind, for up to `DATABASE_POOL_TIMEOUT_MS`, and then as long again for a
/// connection. Those beyond are refused at once with [`CallRefused::Overloaded`]. These limits are those of a value and
/// its clones; blocking calls use the same connections. The runtime needs its timer
/// ([`enable_time`](tokio::runtime::Builder::enable_time)).
///
/// Call [`AsyncDatabase::close`] before the last clone is dropped, also of the [`Database`]: dropping it may block the
/// thread, because it waits for a checkpoint that runs, and SQLite's last connection writes the log to the database file.
///
/// If the future is dropped, its work is not begun, or it runs to its end, and a write is committed. The work runs in
/// the [`tracing`] span of the caller. A panic in it panics in the caller.
#[derive(Clone, Debug)]
pub struct AsyncDatabase {
    database: Database,
    reads: Arc<Lane>,
    writes: Arc<Lane>,
}

impl AsyncDatabase {
    /// Returns the asynchronous form of a database, which must be used on Tokio. The pool is shared: blocking and
    /// asynchronous calls wait for the same connections.
    #[must_use]
    pub fn new(database: Database) -> Self {
        let connections =
            usize::try_from(database.config().max_connections()).unwrap_or(usize::MAX);
        let is_file = database.config().location().path().is_some();
        let (readers, writers) = if is_file {
            (connections.saturating_sub(1).max(1), WRITERS)
        } else {
            (connections, connections)
        };
        let lane =
            |threads, wait| Arc::new(Lane::new(threads, wait, database.config().pool_timeout()));
        Self {
            reads: lane(readers, WaitFor::AsyncRead),
            writes: lane(writers, WaitFor::AsyncWrite),
            database,
        }
    }

    /// Returns the database, for calls that may block: not for use in asynchronous code.
    #[must_use]
    pub const fn blocking(&self) -> &Database {
        &self.database
    }

    /// Runs `work` on a thread of the lane, unless this thread runs a closure of the database: one that blocks until it
    /// has the result would keep the connection that it waits for.
    async fn run<T, E>(
        &self,
        lane: &Lane,
        call: &'static str,
        work: impl FnOnce(&Database) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.database.ensure_outermost(call)?;
        let database = self.database.clone();
        lane.run(|| self.database.count_wait(), move || work(&database)).await
    }

    /// Runs `work` as [`Database::read`] does.
    ///
    /// # Errors
    /// Those of [`Database::read`]; [`Error::CallRefused`].
    #[track_caller]
    pub fn read<T, F>(&self, work: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        self.try_read(work)
    }

    /// Runs `work` as [`Database::try_read`] does.
    ///
    /// # Errors
    /// Those of [`AsyncDatabase::read`].
    #[track_caller]
    pub fn try_read<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
    {
        let place = Location::caller();
        self.run(&self.reads, "read", move |database| database.read_at("read", place, work))
    }

    /// Runs `work` as [`Database::read_primary`] does.
    ///
    /// # Errors
    /// Those of [`AsyncDatabase::read`].
    #[track_caller]
    pub fn read_primary<T, F>(&self, work: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        self.try_read_primary(work)
    }

    /// Runs `work` as [`Database::try_read_primary`] does.
    ///
    /// # Errors
    /// Those of [`AsyncDatabase::read`].
    #[track_caller]
    pub fn try_read_primary<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
    {
        let place = Location::caller();
        let read = move |database: &Database| database.read_primary_at(place, work);
        self.run(&self.reads, "read_primary", read)
    }

    /// Runs `work` as [`Database::write`] does.
    ///
    /// # Errors
    /// Those of [`Database::write`]; [`Error::CallRefused`].
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writer<'_>) -> Result<T> + Send + 'static,
    {
        self.try_write(work).await
    }

    /// Runs `work` as [`Database::try_write`] does.
    ///
    /// # Errors
    /// Those of [`AsyncDatabase::write`].
    pub async fn try_write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
    {
        self.run(&self.writes, "write", move |database| database.try_write(work)).await
    }

    /// Runs `work` as [`Database::write_alone`] does.
    ///
    /// # Errors
    /// Those of [`AsyncDatabase::write`].
    pub async fn write_alone<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writer<'_>) -> Result<T> + Send + 'static,
    {
        self.try_write_alone(work).await
    }

    /// Runs `work` as [`Database::try_write_alone`] does.
    ///
    /// # Errors
    /// Those of [`AsyncDatabase::write`].
    pub async fn try_write_alone<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
    {
        self.run(&self.writes, "write_alone", move |database| database.try_write_alone(work)).await
    }

    /// Runs `work` as [`Database::write_with_retry`] does.
    ///
    /// # Errors
    /// Those of [`AsyncDatabase::write`].
    pub async fn write_with_retry<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Writer<'_>) -> Result<T> + Send + 'static,
    {
        self.try_write_with_retry(Error::is_retryable, work).await
    }

    /// Runs `work` as [`Database::try_write_with_retry`] does.
    ///
    /// # Errors
    /// Those of [`AsyncDatabase::write`].
    pub async fn try_write_with_retry<T, E, F>(
        &self,
        is_retryable: impl Fn(&E) -> bool + Send + 'static,
        work: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
    {
        let write = move |database: &Database| database.try_write_with_retry(is_retryable, work);
        self.run(&self.writes, "write_with_retry", write).await
    }

    /// Succeeds if the database can serve, as [`Database::ready`] does.
    ///
    /// # Errors
    /// Those of [`Database::ready`]; [`Error::CallRefused`].
    #[track_caller]
    pub fn ready(&self) -> impl Future<Output = Result<()>> + Send {
        let place = Location::caller();
        async move {
            self.run(&self.reads, "ready", move |database| database.ready_to_read(place)).await?;
            // Not on a thread for reads, which would wait for the writer and keep reads from it.
            self.run(&self.writes, "ready", Database::ready_to_write).await
        }
    }

    /// Refuses calls of all clones from now on with [`CallRefused::Closed`], waits for those that were accepted, and closes
    /// the database as [`Database::close`] does, which also refuses those that still wait for their turn after
    /// `DATABASE_POOL_TIMEOUT_MS`. If the future is dropped, calls stay refused, and this can be called again.
    ///
    /// # Errors
    /// Those of [`Database::close`].
    pub async fn close(&self) -> Result<()> {
        self.database.ensure_outermost("close")?;
        for lane in [&self.reads, &self.writes] {
            lane.refuse();
        }
        let drained = self.reads.drain().await.and(self.writes.drain().await);
        let database = self.database.clone();
        in_background(move || database.close()).await??;
        drained
    }
}
