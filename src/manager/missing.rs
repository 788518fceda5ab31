//! Parts of a database that are missing.

use super::DatabaseManager;
use super::origin::has_unfinished_transfer;
use super::seed;
use crate::catalog;
use crate::connection;
use crate::error::{Error, Result};
use crate::migrations::{self, HistoryFault};
use crate::models::User;

/// Missing part of a database, which [`DatabaseManager::initialize`] adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingPart {
    /// The database, which does not exist or is empty.
    Database,
    /// Pending migrations. If there are any, seeds and the administrator are not checked.
    Migrations,
    /// Rows of `schema_version`, such as those of migrations that the Diesel CLI ran.
    History,
    /// Roles, permissions or settings that [`DatabaseManager::seed`] inserts.
    Seeds,
    /// An active administrator.
    Administrator,
}

impl DatabaseManager {
    /// Returns the parts that [`DatabaseManager::initialize`] would add, in that order; empty if
    /// the database is complete. Writes nothing.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read or lacks tables;
    /// [`Error::UnfinishedTransfer`] if an interrupted transfer left it incomplete;
    /// [`Error::Migration`] if an application has migrated it whose migrations this program does not know;
    /// [`Error::Refused`] if it is not an SQLite database.
    pub fn missing_parts(&self) -> Result<Vec<MissingPart>> {
        let found = connection::inspect(&self.config, |connection| {
            if catalog::is_empty(connection)? {
                return Ok(vec![MissingPart::Database]);
            }
            if has_unfinished_transfer(connection)? {
                return Err(Error::UnfinishedTransfer);
            }
            let ledger = self.ledger(connection)?;
            ledger.ensure_application_known()?;
            if ledger.pending().next().is_some() {
                return Ok(vec![MissingPart::Migrations]);
            }
            let mut missing = Vec::new();
            let faults = migrations::check_history(connection, &ledger)?;
            if faults.iter().any(is_amended) {
                missing.push(MissingPart::History);
            }
            if !seed::missing(connection)?.is_empty() {
                missing.push(MissingPart::Seeds);
            }
            if User::list_administrators(connection)?.is_empty() {
                missing.push(MissingPart::Administrator);
            }
            Ok(missing)
        });
        match found {
            Err(Error::NoDatabase { .. }) => Ok(vec![MissingPart::Database]),
            found => found,
        }
    }
}

/// Returns whether a run of migrations corrects this fault of the history.
const fn is_amended(fault: &HistoryFault) -> bool {
    matches!(fault, HistoryFault::Unrecorded { .. } | HistoryFault::NotRun { .. })
}
