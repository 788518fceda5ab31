//! What an operator's transaction on a server sets for itself, because behind a pooler its session cannot.

use crate::config::Config;

/// Statements that set the schema and the limits of the current transaction. None on SQLite, where they are the
/// connection's.
#[derive(Clone, Debug, Default)]
pub struct TransactionSettings {
    #[cfg(feature = "postgres")]
    sql: String,
}

impl TransactionSettings {
    /// Returns those of this configuration: no limit on statements, and one on the wait for a lock.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(unused_variables, reason = "a file has no such settings")
    )]
    pub(crate) fn of(config: &Config) -> Self {
        #[cfg(feature = "postgres")]
        if config.location().path().is_none() {
            return Self { sql: super::postgres::operator_settings("SET LOCAL", config.server()) };
        }
        Self::default()
    }

    /// Returns the statements.
    #[cfg(feature = "postgres")]
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }
}
