//! The connection behind a [`DbConnection`], by backend.

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;

#[cfg(feature = "postgres")]
use crate::backend::Backend;
use crate::backend::DbConnection;
#[cfg(feature = "postgres")]
use crate::error::Error;
use crate::error::Result;

impl DbConnection {
    /// Returns an error if the connection, or the server's session behind it, is lost.
    pub(crate) fn ping(&mut self) -> Result<()> {
        Ok(self.batch_execute("SELECT 1")?)
    }

    /// Returns the PostgreSQL connection, for operations that only PostgreSQL has.
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

    /// Returns the SQLite connection, for operations that only SQLite has, such as PRAGMAs.
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
