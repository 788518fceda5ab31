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
pub(crate) use sqlite::{Access, create_file, exists, inspect, inspect_copy, literal_uri, open};

mod backend {
    //! The derive makes public items without documentation or `Debug`; this keeps the exception to them.
    #![allow(
        missing_docs,
        missing_debug_implementations,
        reason = "made by the derive; `expect` does not see that it is fulfilled"
    )]

    use diesel::SqliteConnection;

    /// A connection to one of the backends.
    ///
    /// It is a Diesel connection of its own, so ad-hoc queries work on it; those that batch, upsert
    /// or return rows need [`dispatch!`](crate::dispatch).
    #[derive(diesel::MultiConnection)]
    pub enum DbConnection {
        /// SQLite.
        Sqlite(SqliteConnection),
    }
}

impl std::fmt::Debug for DbConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(_) => f.write_str("DbConnection::Sqlite"),
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
#[macro_export]
macro_rules! dispatch {
    ($connection:expr, |$inner:ident| $query:expr) => {
        match $connection {
            $crate::DbConnection::Sqlite($inner) => $query,
        }
    };
}
