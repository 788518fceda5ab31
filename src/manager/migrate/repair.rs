//! Acceptance of migrations that were edited after they ran.

use serde::Serialize;

use crate::backend::DbConnection;
use crate::connection;
use crate::error::Result;
use crate::manager::DatabaseManager;
use crate::migrations::{self, HistoryFault, Structure};

/// Report of a repair of the recorded checksums, or its plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RepairReport {
    /// Migrations that were edited after they ran, with both checksums.
    pub edited: Vec<HistoryFault>,
    /// Parts of the schema that the program's migrations create and the database lacks, one line each.
    /// If there are any, the edit changed more than comments.
    pub missing: Vec<String>,
}

impl DatabaseManager {
    /// Returns what [`DatabaseManager::repair`] would accept. Writes nothing.
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

    /// Replaces the recorded checksums of edited migrations with those of the program's migrations.
    /// Changes neither the schema nor any other row.
    ///
    /// # Errors
    /// [`Error::NoDatabase`](crate::Error::NoDatabase) or [`Error::Query`](crate::Error::Query).
    pub fn repair(&self) -> Result<RepairReport> {
        let mut connection = self.open_ours()?;
        self.write(&mut connection, |connection| {
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
