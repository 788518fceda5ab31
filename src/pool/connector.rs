//! Opening, testing and returning the connections of a pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use r2d2::{ManageConnection, Pool};

#[cfg(feature = "postgres")]
use super::stale::Stale;
use super::usage::{Place, Sign, Usages};
use crate::backend::DbConnection;
use crate::config::Config;
#[cfg(feature = "postgres")]
use crate::connection::Identity;
use crate::connection::{self, Access, OpenFile};
use crate::error::{Error, Result, chain};

/// Time after its last use (for a replica: its last test) within which a connection is handed out
/// untested: a round trip for each look-up would be half of its cost. HikariCP waits as long.
const FRESH: Duration = Duration::from_millis(500);

/// Least time that r2d2 takes for that of the pool: it tries to open connections up to twice in it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Role of a pool's connections.
#[derive(Debug)]
pub(super) enum ConnectionRole {
    /// SQLite's readers, of the file that the writer has open.
    Reader {
        file: OpenFile,
        /// What they are used for.
        usages: Arc<Usages>,
    },
    /// A server, for reading and, in transactions that say so, for writing.
    #[cfg(feature = "postgres")]
    Primary,
    /// A server's replica.
    #[cfg(feature = "postgres")]
    Replica {
        /// Identity of the server.
        of: Box<Identity>,
    },
}

impl ConnectionRole {
    const fn is_file(&self) -> bool {
        matches!(self, Self::Reader { .. })
    }
}

/// Connection manager for r2d2.
pub(super) struct Connector {
    config: Config,
    role: ConnectionRole,
    /// Open connection, for the first caller.
    first: Mutex<Option<DbConnection>>,
    /// Time at which a connection was last found lost: others not used since may be lost too.
    lost: Arc<Mutex<Option<Instant>>>,
}

impl Connector {
    /// Opens a connection, with a typed error if that fails.
    pub(super) fn open(config: &Config, role: &ConnectionRole) -> Result<DbConnection> {
        match role {
            ConnectionRole::Reader { file, .. } => {
                let connection = connection::open(config, Access::Read)?;
                file.ensure_in_place()?;
                Ok(connection)
            }
            #[cfg(feature = "postgres")]
            ConnectionRole::Primary => {
                // Refuses a server that takes no writes.
                let mut connection = connection::open(config, Access::Write)?;
                connection::default_to_read_only(&mut connection, config)?;
                Ok(connection)
            }
            #[cfg(feature = "postgres")]
            ConnectionRole::Replica { of } => {
                let Some(url) = &config.server().replica else {
                    return Err(Error::Internal("no replica is configured".into()));
                };
                let (mut connection, _) = connection::open_replica(url, config, of)?;
                connection::check_lag(&mut connection, config)?;
                Ok(connection)
            }
        }
    }

    /// Returns a pool of at most `limit` connections.
    pub(super) fn pool(
        config: &Config,
        role: ConnectionRole,
        limit: u32,
        first: Option<DbConnection>,
    ) -> Pool<Self> {
        let builder = Pool::builder()
            .max_size(limit)
            // One spare: with none, r2d2 does not replace a broken connection that somebody waits for.
            .min_idle(Some(1))
            // r2d2 tries again after half of it at the latest. Calls wait for as long as they are to.
            .connection_timeout(config.pool_timeout().max(PATIENCE))
            .error_handler(Box::new(WarnOnError));
        let builder = if role.is_file() {
            // A file does not go away as a server does, and closing the last connection of a WAL
            // database is expensive: connections live as long as the pool.
            builder.test_on_check_out(false).idle_timeout(None).max_lifetime(None)
        } else {
            builder.test_on_check_out(true)
        };
        let (config, first, lost) = (config.clone(), Mutex::new(first), Arc::default());
        builder.build_unchecked(Self { config, role, first, lost })
    }

    /// Returns the first connection, or another that is opened.
    fn connected(&self) -> Result<Slot> {
        // The lock cannot be poisoned with the value half taken, so poison means nothing here.
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        #[cfg_attr(
            not(feature = "postgres"),
            expect(unused_mut, reason = "only a server's is watched")
        )]
        let mut connection = first.map_or_else(|| Self::open(&self.config, &self.role), Ok)?;
        #[cfg(feature = "postgres")]
        let stale = Stale::watch(&mut connection);
        let now = Instant::now();
        let (connection, lost) = (Some(connection), self.lost.clone());
        let sign = match &self.role {
            ConnectionRole::Reader { usages, .. } => usages.sign(),
            #[cfg(feature = "postgres")]
            _ => Sign::default(),
        };
        Ok(Slot {
            connection,
            last_used: now,
            tested: now,
            lost,
            sign,
            #[cfg(feature = "postgres")]
            stale,
        })
    }
}

impl ManageConnection for Connector {
    type Connection = Slot;
    type Error = Error;

    fn connect(&self) -> Result<Slot> {
        caught(|| self.connected())
    }

    /// Tests a server's connection before it is handed out.
    fn is_valid(&self, slot: &mut Slot) -> Result<()> {
        // A replica that is busy falls behind all the same.
        #[cfg(feature = "postgres")]
        let since = if matches!(self.role, ConnectionRole::Replica { .. }) {
            slot.tested
        } else {
            slot.last_used
        };
        #[cfg(not(feature = "postgres"))]
        let since = slot.last_used;
        if slot.is_fresh(since) {
            return Ok(());
        }
        let test = |connection: &mut DbConnection| match &self.role {
            #[cfg(feature = "postgres")]
            ConnectionRole::Replica { .. } => connection::check_lag(connection, &self.config),
            #[cfg(feature = "postgres")]
            ConnectionRole::Primary => connection.ping(),
            ConnectionRole::Reader { .. } => connection.ping(),
        };
        let tested = caught(|| slot.get().and_then(test));
        if let Err(error) = tested {
            // Closed here, because r2d2 opens the next one before it drops this one, and there would
            // be one more than allowed.
            slot.close();
            return Err(error);
        }
        slot.tested = Instant::now();
        Ok(())
    }

    /// Closes a connection that is returned with an open transaction, or while its user panics;
    /// closing rolls back. It is closed here for the same reason as in `is_valid`.
    fn has_broken(&self, slot: &mut Slot) -> bool {
        slot.sign.end();
        let panicking = std::thread::panicking();
        let in_use = slot.connection.as_mut().is_none_or(DbConnection::in_transaction);
        if panicking || in_use {
            slot.connection = None;
        }
        if !self.role.is_file() {
            #[cfg(feature = "postgres")]
            if let Some(connection) = &mut slot.connection {
                slot.stale.renew(connection);
            }
            slot.last_used = Instant::now();
        }
        panicking || in_use
    }
}

/// Connection of the pool, until it is found broken.
pub(super) struct Slot {
    connection: Option<DbConnection>,
    last_used: Instant,
    tested: Instant,
    lost: Arc<Mutex<Option<Instant>>>,
    sign: Sign,
    #[cfg(feature = "postgres")]
    stale: Stale,
}

impl Slot {
    /// Notes where the connection is used, until it is returned.
    pub(super) fn sign(&self, place: Place) {
        self.sign.begin(place);
    }

    pub(super) fn get(&mut self) -> Result<&mut DbConnection> {
        self.connection.as_mut().ok_or(Error::ConnectionClosed)
    }

    /// Closes the connection if it is lost, or has statements that cannot be run any more, after work on a server failed.
    #[cfg(feature = "postgres")]
    pub(super) fn close_if_lost(&mut self) {
        if self.stale.may_be_seen() {
            // Others may be as good as ever.
            self.connection = None;
        } else if self.get().and_then(DbConnection::ping).is_err() {
            self.close();
        }
    }

    /// Closes the connection. The server may be down, and the other connections lost: they are
    /// tested before they are used again.
    fn close(&mut self) {
        self.connection = None;
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_fresh(&self, since: Instant) -> bool {
        let lost = *self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        since.elapsed() < FRESH && lost.is_none_or(|lost| self.last_used > lost)
    }
}

#[derive(Debug)]
struct WarnOnError;

impl r2d2::HandleError<Error> for WarnOnError {
    fn handle_error(&self, error: Error) {
        let warn = || {
            tracing::warn!(error = %chain(&error), "opening or testing a connection of the pool failed");
            Ok(())
        };
        drop(caught(warn));
    }
}

/// Runs `work`, and makes an error of a panic, such as one in the application's instrumentation of connections: r2d2
/// would count a connection that is not there for ever.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let panicked = || Error::Internal("a panic ended the work on a connection of the pool".into());
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()))
}
