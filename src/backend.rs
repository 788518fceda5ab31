//! [`DbConnection`]: a connection to either database, and [`dispatch!`], which runs a query on it.
//!
//! This is the lowest layer: it uses no other layer of the library.
//!
//! [`dispatch!`]: crate::dispatch

use std::fmt;

use serde::Serialize;

pub use connection::{DbConnection, MultiBackend};

/// Kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// SQLite, in a file.
    Sqlite,
    /// PostgreSQL, on a server.
    Postgres,
}

impl Backend {
    /// Both kinds.
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

mod connection {
    //! The derive makes public items without documentation or `Debug`; this keeps the exception to them.
    #![allow(
        missing_docs,
        missing_debug_implementations,
        reason = "made by the derive; `expect` does not see that it is fulfilled"
    )]

    #[cfg(feature = "postgres")]
    use diesel::PgConnection;
    use diesel::SqliteConnection;

    /// Connection to one of the backends.
    ///
    /// It is a Diesel connection, so that any query can run on it, except those that insert several
    /// rows, upsert, or have a `RETURNING` clause: these need [`dispatch!`](crate::dispatch).
    #[derive(diesel::MultiConnection)]
    pub enum DbConnection {
        /// Connection to an SQLite file.
        Sqlite(SqliteConnection),
        /// Connection to a PostgreSQL server.
        #[cfg(feature = "postgres")]
        Postgres(PgConnection),
    }
}

impl DbConnection {
    /// Returns the kind of database that this connects to.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        match self {
            Self::Sqlite(_) => Backend::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Backend::Postgres,
        }
    }
}

/// The connection itself, for [`dispatch!`](crate::dispatch).
impl AsMut<Self> for DbConnection {
    fn as_mut(&mut self) -> &mut Self {
        self
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
/// The expression is compiled for each backend: one that a backend does not support does not compile.
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
        match ::std::convert::AsMut::<$crate::DbConnection>::as_mut($connection) {
            $crate::DbConnection::Sqlite($inner) => $query,
        }
    };
}

/// Runs one Diesel expression on the connection's own backend.
///
/// The expression is compiled for each backend: one that a backend does not support does not compile.
#[cfg(feature = "postgres")]
#[macro_export]
macro_rules! dispatch {
    ($connection:expr, |$inner:ident| $query:expr) => {
        match ::std::convert::AsMut::<$crate::DbConnection>::as_mut($connection) {
            $crate::DbConnection::Sqlite($inner) => $query,
            $crate::DbConnection::Postgres($inner) => $query,
        }
    };
}
