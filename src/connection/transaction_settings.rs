//! What an operator's transaction on a server sets for itself, because behind a pooler its session cannot.

use diesel::connection::SimpleConnection;

use crate::backend::DbConnection;
use crate::config::Config;
use crate::error::Result;

/// Statements that set the schema and the limits of the current transaction. None on SQLite, where they are the
/// connection's.
#[derive(Clone, Debug, Default)]
pub struct TransactionSettings {
    sql: String,
}

impl TransactionSettings {
    /// Returns those of this configuration: no limit on statements, and one on the wait for a lock. Behind a pooler, they
    /// set the schema that `connection` finds, too: each transaction may be on another connection of the pooler, with what
    /// another client has set.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) if there is no one schema, on a server.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(
            unused_variables,
            clippy::unnecessary_wraps,
            reason = "a file has no such settings"
        )
    )]
    pub(crate) fn of(config: &Config, connection: &mut DbConnection) -> Result<Self> {
        #[cfg(feature = "postgres")]
        if let DbConnection::Postgres(connection) = connection {
            let schema = if config.server().transaction_pooler {
                super::postgres::schema_of(connection, config)?
            } else {
                None
            };
            let config = config.clone().in_schema(schema);
            let is_limited = super::postgres::limits_transactions(connection)?;
            let sql = super::postgres::operator_settings("SET LOCAL", config.server(), is_limited);
            return Ok(Self { sql });
        }
        Ok(Self::default())
    }

    /// Runs the statements in the open transaction.
    pub(crate) fn apply(&self, connection: &mut DbConnection) -> Result<()> {
        if !self.sql.is_empty() {
            connection.batch_execute(&self.sql)?;
        }
        Ok(())
    }

    /// Returns the statements.
    #[cfg(feature = "postgres")]
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }
}
