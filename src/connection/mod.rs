//! One connection, to whichever backend: opening it safely, and transactions on it.
//!
//! Everything above works on [`DbConnection`]; the crate's own queries go through [`dispatch!`],
//! so that each is checked against every backend and costs what plain Diesel costs.
//!
//! [`dispatch!`]: crate::dispatch

mod file;
mod holder;
#[cfg(feature = "postgres")]
mod postgres;
mod pragma;
pub(crate) mod sqlite;
mod transaction;

pub use backend::{DbConnection, MultiBackend};
pub(crate) use file::{create_private_dir, read_head, sync_dir};
pub(crate) use holder::{holder, locked};
#[cfg(feature = "postgres")]
pub(crate) use postgres::{Server, check_lag, default_to_reading, lag, limit_transaction};
pub(crate) use pragma::{is_busy, read as read_pragma, set_query_only};
pub(crate) use sqlite::{inspect_copy, literal_uri};
#[cfg(feature = "postgres")]
pub(crate) use transaction::Ended;
pub(crate) use transaction::TransactionLock;

use std::fmt;
use std::time::{Duration, Instant};

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use serde::Serialize;

use crate::config::Location;
use crate::{Config, Error, Result};

/// Which kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// SQLite, in a file.
    Sqlite,
    /// PostgreSQL, on a server.
    Postgres,
}

impl Backend {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// What a connection is for. The limits on what a statement may take are the pool's: an operator's
/// work takes the time that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reading, in the pool. On a server, a transaction that says that it writes may.
    Read,
    /// Writing, in the pool.
    Write,
    /// Reading, for an operator.
    Inspect,
    /// Writing, for an operator: migrations and the like.
    Maintain,
}

impl Access {
    const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Maintain)
    }

    #[cfg(feature = "postgres")]
    const fn is_pooled(self) -> bool {
        matches!(self, Self::Read | Self::Write)
    }
}

/// Opens the database. It must exist.
pub(crate) fn open(config: &Config, access: Access) -> Result<DbConnection> {
    match config.location() {
        Location::Sqlite(path) => sqlite::open(path, config.sqlite(), access),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => postgres::open(url, config.server(), access),
    }
}

/// Opens the database again after a connection to it was lost. A server that is starting again, or a
/// replica that takes its place, is waited for as long as a connection may take
/// (`DATABASE_POOL_TIMEOUT_MS`).
pub(crate) fn reopen(config: &Config, access: Access) -> Result<DbConnection> {
    let begun = Instant::now();
    loop {
        let opened = open(config, access);
        let may_pass = match &opened {
            Err(Error::Connect { fault, .. }) => fault.may_pass(),
            Err(Error::ConnectionLost(_) | Error::ReadOnly { .. }) => true,
            _ => false,
        };
        if !may_pass || begun.elapsed() >= config.pool_timeout() {
            return opened;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Opens the replica of a server.
#[cfg(feature = "postgres")]
pub(crate) fn open_replica(
    url: &crate::config::ServerUrl,
    config: &Config,
) -> Result<DbConnection> {
    postgres::open(url, config.server(), Access::Read)
}

/// Runs `look` on a connection that can only read, and leaves nothing behind.
pub(crate) fn inspect<T>(
    config: &Config,
    look: impl FnMut(&mut DbConnection) -> Result<T>,
) -> Result<T> {
    match config.location() {
        Location::Sqlite(path) => sqlite::inspect(path, config.sqlite(), look),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => {
            let mut look = look;
            look(&mut postgres::open(url, config.server(), Access::Inspect)?)
        }
    }
}

/// Whether something is there, a database or not.
///
/// # Errors
/// If a server cannot be asked.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "a server may fail")
)]
pub(crate) fn exists(config: &Config) -> Result<bool> {
    match config.location() {
        Location::Sqlite(path) => Ok(sqlite::exists(path)),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => postgres::exists(url, config.server()),
    }
}

/// Creates an empty database, readable by its owner only. Returns false if there was one already:
/// two processes may both create.
pub(crate) fn create(config: &Config) -> Result<bool> {
    match config.location() {
        Location::Sqlite(path) => sqlite::create_file(path),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => postgres::create(url, config.server()),
    }
}

mod backend {
    //! The derive makes public items without documentation or `Debug`; this keeps the exception to them.
    #![allow(
        missing_docs,
        missing_debug_implementations,
        reason = "made by the derive; `expect` does not see that it is fulfilled"
    )]

    #[cfg(feature = "postgres")]
    use diesel::PgConnection;
    use diesel::SqliteConnection;

    /// A connection to one of the backends.
    ///
    /// It is a Diesel connection of its own, so ad-hoc queries work on it; those that batch, upsert
    /// or return rows need [`dispatch!`](crate::dispatch).
    #[derive(diesel::MultiConnection)]
    pub enum DbConnection {
        /// SQLite.
        Sqlite(SqliteConnection),
        /// PostgreSQL.
        #[cfg(feature = "postgres")]
        Postgres(PgConnection),
    }
}

impl DbConnection {
    /// Which kind of database it is to.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        match self {
            Self::Sqlite(_) => Backend::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Backend::Postgres,
        }
    }

    /// An error if nothing more can be done on it: if it, or the server's session behind it, is gone.
    pub(crate) fn ping(&mut self) -> Result<()> {
        Ok(self.batch_execute("SELECT 1")?)
    }

    /// The PostgreSQL connection, for what has no meaning elsewhere.
    #[cfg(feature = "postgres")]
    pub(crate) fn postgres(&mut self) -> Result<&mut diesel::PgConnection> {
        match self {
            Self::Postgres(inner) => Ok(inner),
            Self::Sqlite(_) => {
                Err(crate::Error::State("this operation has a meaning on PostgreSQL only".into()))
            }
        }
    }

    /// The SQLite connection, for what has no meaning elsewhere: PRAGMAs, files, its catalogue.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(
            clippy::unnecessary_wraps,
            reason = "with the feature `postgres` it may be another"
        )
    )]
    pub(crate) fn sqlite(&mut self) -> Result<&mut SqliteConnection> {
        match self {
            Self::Sqlite(inner) => Ok(inner),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => {
                Err(crate::Error::State("this operation has a meaning on SQLite only".into()))
            }
        }
    }
}

impl fmt::Debug for DbConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(_) => f.write_str("DbConnection::Sqlite"),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => f.write_str("DbConnection::Postgres"),
        }
    }
}

/// Runs one Diesel expression on the connection's own backend.
///
/// The expression is compiled once for each backend: one that is wrong for any does not compile.
///
/// ```
/// use diesel::prelude::*;
/// use zenith_db::schema::roles;
/// use zenith_db::{DbConnection, dispatch};
///
/// fn count_roles(conn: &mut DbConnection) -> diesel::QueryResult<i64> {
///     dispatch!(conn, |conn| roles::table.count().get_result(conn))
/// }
/// ```
// Two definitions: a `cfg` inside the macro would be evaluated in the crate that calls it.
#[cfg(not(feature = "postgres"))]
#[macro_export]
macro_rules! dispatch {
    ($connection:expr, |$inner:ident| $query:expr) => {
        match $connection {
            $crate::DbConnection::Sqlite($inner) => $query,
        }
    };
}

/// Runs one Diesel expression on the connection's own backend.
///
/// The expression is compiled once for each backend: one that is wrong for any does not compile.
#[cfg(feature = "postgres")]
#[macro_export]
macro_rules! dispatch {
    ($connection:expr, |$inner:ident| $query:expr) => {
        match $connection {
            $crate::DbConnection::Sqlite($inner) => $query,
            $crate::DbConnection::Postgres($inner) => $query,
        }
    };
}
