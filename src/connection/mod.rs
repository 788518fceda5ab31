//! One connection, to whichever backend: opening it safely, and transactions on it.

mod access;
mod file;
mod lock_owner;
mod open;
#[cfg(feature = "postgres")]
mod postgres;
mod pragma;
mod sqlite;
mod transaction;

pub(crate) use access::Access;
pub(crate) use file::{create_private_dir, read_head, sync_dir};
pub(crate) use lock_owner::{lock_owner, locked};
#[cfg(feature = "postgres")]
pub(crate) use open::open_replica;
pub(crate) use open::{create, exists, inspect, open, reopen};
#[cfg(feature = "postgres")]
pub(crate) use postgres::{Server, check_lag, default_to_reading, lag, limit_transaction};
pub(crate) use pragma::{is_busy, read as read_pragma, set_query_only};
pub(crate) use sqlite::{inspect_copy, literal_uri};
pub(crate) use transaction::TransactionLock;
#[cfg(feature = "postgres")]
pub(crate) use transaction::TransactionOutcome;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;

#[cfg(feature = "postgres")]
use crate::backend::Backend;
use crate::backend::DbConnection;
#[cfg(feature = "postgres")]
use crate::error::Error;
use crate::error::Result;

/// For the crates of this workspace. Not part of the public API: anything here may change in any
/// release.
#[doc(hidden)]
pub mod internal {
    pub use super::access::Access;
    pub use super::file::{create_private_dir, sync_dir};
    pub use super::open::{create, inspect, open, remove_created};
    pub use super::pragma::{is_busy, read as read_pragma, set_query_only};
    pub use super::sqlite::{inspect_copy, literal_uri};

    /// Opening SQLite files other than the configured one.
    pub mod sqlite {
        pub use super::super::sqlite::{create_file, inspect, open, open_exclusively};
    }
}

impl DbConnection {
    /// An error if nothing more can be done on it: if it, or the server's session behind it, is gone.
    pub(crate) fn ping(&mut self) -> Result<()> {
        Ok(self.batch_execute("SELECT 1")?)
    }

    /// The PostgreSQL connection, for what has no meaning elsewhere.
    ///
    /// # Errors
    /// [`Error::WrongBackend`](crate::Error::WrongBackend) on another backend.
    #[cfg(feature = "postgres")]
    pub fn postgres(&mut self) -> Result<&mut diesel::PgConnection> {
        match self {
            Self::Postgres(inner) => Ok(inner),
            Self::Sqlite(_) => {
                Err(Error::WrongBackend { operation: "this operation", needed: Backend::Postgres })
            }
        }
    }

    /// The SQLite connection, for what has no meaning elsewhere: PRAGMAs, files, its catalogue.
    ///
    /// # Errors
    /// [`Error::WrongBackend`](crate::Error::WrongBackend) on another backend.
    pub fn sqlite(&mut self) -> Result<&mut SqliteConnection> {
        match self {
            Self::Sqlite(inner) => Ok(inner),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => {
                Err(Error::WrongBackend { operation: "this operation", needed: Backend::Sqlite })
            }
        }
    }
}
