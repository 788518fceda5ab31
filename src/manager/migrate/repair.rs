//! Accepting that a migration's text is not the one that ran.

use serde::Serialize;

use crate::backend::DbConnection;
use crate::connection;
use crate::error::Result;
use crate::manager::DatabaseManager;
use crate::migrations::{self, HistoryFault, Structure};

/// What a repair of the checksums would accept, or has accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RepairReport {
    /// The migrations whose text is not the one that ran, with both checksums.
    pub edited: Vec<HistoryFault>,
    /// What the database lacks of what the program's text makes, one line each: if there is anything,
    /// the edit was more than a comment, and the text that ran made something else.
    pub missing: Vec<String>,
}

impl DatabaseManager {
    /// What [`DatabaseManager::repair`] would accept. Nothing is written.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase) or [`Error::Query`](crate::Error::Query).
    pub fn plan_repair(&self) -> Result<RepairReport> {
        self.ensure_ours()?;
        connection::inspect(&self.config, |connection| {
            let ledger = self.ledger(connection)?;
            let edited = migrations::edited(connection, &ledger)?;
            self.repair_report(connection, edited)
        })
    }

    /// Records the checksums of the program's migrations in place of those of the text that ran.
    /// Neither the structure nor any other row is touched.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase) or [`Error::Query`](crate::Error::Query).
    pub fn repair(&self) -> Result<RepairReport> {
        let mut connection = self.open_ours()?;
        connection.write(|connection| {
            let ledger = self.ledger(connection)?;
            let edited = migrations::repair(connection, &ledger)?;
            self.repair_report(connection, edited)
        })
    }

    fn repair_report(
        &self,
        connection: &mut DbConnection,
        edited: Vec<HistoryFault>,
    ) -> Result<RepairReport> {
        let ledger = self.ledger(connection)?;
        let expected = Structure::made_by(ledger.ran(), connection.backend())?;
        Ok(RepairReport { edited, missing: expected.missing_from(&Structure::of(connection)?) })
    }
}
