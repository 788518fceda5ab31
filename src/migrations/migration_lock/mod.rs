//! One process at a time: the lock under which migrations run.

#[cfg(feature = "postgres")]
mod lost_connection;
mod run_outcome;
#[cfg(feature = "postgres")]
mod server;

pub use run_outcome::RunOutcome;

use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;

use crate::backend::DbConnection;
use crate::connection::is_busy;
use crate::error::{Error, Result};

const ACTION: &str = "taking the lock for migrations";

/// The session of a connection: on a server it may outlive the connection, and with it the lock.
pub(crate) struct Session {
    #[cfg(feature = "postgres")]
    on_server: Option<lost_connection::ServerSession>,
}

#[cfg_attr(
    not(feature = "postgres"),
    expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        unused_variables,
        reason = "a file has none"
    )
)]
impl Session {
    /// That of this connection.
    pub(crate) fn of(connection: &mut DbConnection) -> Result<Self> {
        Ok(Self {
            #[cfg(feature = "postgres")]
            on_server: match connection {
                DbConnection::Sqlite(_) => None,
                DbConnection::Postgres(_) => Some(lost_connection::ServerSession::of(connection)?),
            },
        })
    }

    /// Ends it over another connection, if it still has the lock.
    pub(crate) fn end(&self, another: &mut DbConnection) -> Result<()> {
        #[cfg(feature = "postgres")]
        if let Some(session) = &self.on_server {
            session.end(another)?;
        }
        Ok(())
    }
}

/// Runs `work` in one write transaction that no other migration shares. Others may read meanwhile,
/// which a backup needs.
pub(super) fn exclusively<T>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<RunOutcome<T>> {
    match connection {
        DbConnection::Sqlite(_) => {
            exclusively_on_sqlite(connection, work).map(RunOutcome::Committed)
        }
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(_) => server::exclusively(connection, work),
    }
}

/// Keeps others from writing until the transaction ends: on SQLite they cannot already; a server's
/// tables are locked, so that what is counted before can be compared with what is there after, and a
/// backup is what is about to be changed. Reading goes on.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "PostgreSQL can refuse")
)]
pub(super) fn keep_writers_out(connection: &mut DbConnection) -> Result<()> {
    #[cfg(feature = "postgres")]
    if let DbConnection::Postgres(_) = connection {
        let names = crate::catalog::table_names(connection)?;
        let tables: Vec<String> = names.iter().map(|name| crate::catalog::quoted(name)).collect();
        if !tables.is_empty() {
            let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", tables.join(", "));
            connection.batch_execute(&lock)?;
        }
    }
    #[cfg(not(feature = "postgres"))]
    let _ = connection;
    Ok(())
}

/// One write transaction without enforcement of references. Others may read meanwhile, which a
/// backup needs; nobody else can write.
///
/// Enforcement goes off *outside* the transaction (inside, SQLite ignores it): with it on, a table
/// that is dropped or rebuilt deletes its children through `ON DELETE CASCADE`.
fn exclusively_on_sqlite<T>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<T> {
    let inner = connection.sqlite()?;
    let enforced = crate::connection::read_pragma(inner, "foreign_keys", "foreign_keys")?;
    inner.batch_execute("PRAGMA foreign_keys = OFF")?;
    let begun = begin(inner);
    let result = match begun {
        Ok(()) => end(connection, work),
        Err(error) => Err(error),
    };
    let restored = connection.sqlite()?.batch_execute(&format!("PRAGMA foreign_keys = {enforced}"));
    let value = result?;
    restored?;
    Ok(value)
}

/// Does the work and ends the transaction that is open.
fn end<T>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<T> {
    let result = work(connection);
    let inner = connection.sqlite()?;
    match result {
        Ok(value) => Ok(AnsiTransactionManager::commit_transaction(inner).map(|()| value)?),
        Err(error) => {
            if let Err(cause) = AnsiTransactionManager::rollback_transaction(inner) {
                tracing::warn!(%cause, "rolling back failed; closing the connection will do it");
            }
            Err(error)
        }
    }
}

/// How long SQLite tries before it is asked again, in milliseconds: what is waited for is said
/// between.
const SLICE: u64 = 500;

/// SQLite's `busy_timeout` does not cover every way in which the lock can be refused.
fn begin(connection: &mut SqliteConnection) -> Result<()> {
    let limit = crate::connection::read_pragma(connection, "busy_timeout", "timeout")?;
    let limit: u64 = limit.parse().unwrap_or(0);
    let mut waiting = LockWait::new(limit);
    connection.batch_execute(&format!("PRAGMA busy_timeout = {}", SLICE.min(limit)))?;
    let begun = loop {
        match AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE") {
            Err(source) if is_busy(&source) => {
                let lock_owner = || Ok(crate::connection::lock_owner(connection));
                if let Err(error) = waiting.go_on(lock_owner, Some(source)) {
                    break Err(error);
                }
            }
            done => break done.map_err(Error::from),
        }
    };
    connection.batch_execute(&format!("PRAGMA busy_timeout = {limit}"))?;
    begun
}

/// A wait for the lock. Whoever waits is told for whom and since when: after a second, then every ten.
struct LockWait {
    since: Instant,
    said: Duration,
    timeout: Duration,
}

impl LockWait {
    /// `limit` is how long one migration may keep others waiting, in milliseconds. Others may be
    /// migrating: each of them is given its turn.
    fn new(limit: u64) -> Self {
        let timeout = Duration::from_millis(limit) * 6;
        Self { since: Instant::now(), said: Duration::ZERO, timeout }
    }

    /// Waits a little, unless that was long enough. Who has the lock is asked only to be said.
    fn go_on(
        &mut self,
        lock_owner: impl FnOnce() -> Result<Option<String>>,
        source: Option<diesel::result::Error>,
    ) -> Result<()> {
        let waited = self.since.elapsed();
        if waited >= self.timeout {
            return Err(Error::Locked {
                action: ACTION,
                waited,
                lock_owner: lock_owner()?,
                source,
            });
        }
        if waited >= self.said + Duration::from_secs(1) {
            let lock_owner = lock_owner()?.unwrap_or_else(|| "another process".into());
            tracing::warn!("waiting for {lock_owner}, for {} s so far", waited.as_secs());
            self.said =
                if self.said.is_zero() { waited } else { self.said + Duration::from_secs(9) };
        }
        std::thread::sleep(Duration::from_millis(20));
        Ok(())
    }
}
