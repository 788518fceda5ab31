//! One connection, to whichever backend: opening it safely, and transactions on it.
//!
//! Everything above works on [`DbConnection`]; the crate's own queries go through [`dispatch!`],
//! so that each is checked against every backend and costs what plain Diesel costs.
//!
//! [`dispatch!`]: crate::dispatch

mod file;
mod pragma;
mod sqlite;
mod transaction;

pub use backend::{DbConnection, MultiBackend};
pub(crate) use file::{create_private_dir, read_head, sync_dir};
pub(crate) use pragma::{is_busy, read as read_pragma, set_query_only};
pub(crate) use sqlite::{
    Access, create_file, exists, inspect, inspect_copy, literal_uri, open, open_exclusively,
};
pub(crate) use transaction::TransactionLock;

use diesel::SqliteConnection;

use crate::Result;

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
                Err(crate::Error::State("this operation works on SQLite only, so far".into()))
            }
        }
    }
}

impl std::fmt::Debug for DbConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
