//! What closures may leave on a connection of SQLite that others use after them.

use diesel::QueryResult;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sqlite::Sqlite;
use diesel::{RunQueryDsl, SqliteConnection};

use super::access::Access;
use super::pragma;
use crate::backend::DbConnection;
use crate::config::Config;
use crate::error::Result;

/// The statement `ROLLBACK`, which is prepared once for each connection: to prepare it takes longer than to run it.
#[derive(Clone, Copy, QueryId)]
struct Rollback;

impl RunQueryDsl<SqliteConnection> for Rollback {}

impl QueryFragment<Sqlite> for Rollback {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("ROLLBACK");
        Ok(())
    }
}

impl DbConnection {
    /// Rolls back what a closure has begun by SQL and not ended, of which Diesel knows nothing: the connection would see
    /// an old state from then on, and keep the log from being emptied.
    pub(crate) fn end_what_was_begun(&mut self) {
        if let Self::Sqlite(connection) = self
            && let Err(nothing_is_open) = Rollback.execute(connection)
        {
            tracing::trace!(%nothing_is_open);
        }
    }

    /// Fails if a closure has changed how the connection was configured. A server's is not looked at.
    ///
    /// # Errors
    /// [`Error::Pragma`](crate::Error::Pragma)
    pub(crate) fn ensure_configured(&mut self, config: &Config, access: Access) -> Result<()> {
        match self {
            Self::Sqlite(connection) => {
                pragma::ensure_configured(connection, config.sqlite(), access)
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Fails if a closure has changed how a connection for reading was configured, which is closed after this then.
    ///
    /// # Errors
    /// [`Error::Pragma`](crate::Error::Pragma)
    pub(crate) fn ensure_fit_to_read(&mut self, config: &Config) -> Result<()> {
        let configured = self.ensure_configured(config, Access::Read);
        if configured.is_err() {
            self.give_up();
        }
        configured
    }
}
