//! The health check: every promise about a database, looked at without writing anything.

mod checks;
mod expected_schema;
mod outcome;
mod permissions;
#[cfg(feature = "postgres")]
mod postgres;
mod report;
mod sqlite;

pub use report::{HealthCheck, HealthReport};

use expected_schema::SchemaDefinitions;
use outcome::CheckOutcome;

use super::DatabaseManager;
use crate::backend::DbConnection;
use crate::config::Location;
use crate::connection;
use crate::error::chain;
use crate::error::{Error, Result};
use crate::migrations::Migrations;

/// The names of the tables, indexes and triggers that a fresh database has.
///
/// # Errors
/// [`Error::Migration`] if the migrations do not run in memory.
pub fn expected_names(migrations: Migrations) -> Result<Vec<String>> {
    let expected = SchemaDefinitions::expected(migrations)?;
    let all = [&expected.tables, &expected.indexes, &expected.triggers];
    Ok(all.iter().flat_map(|definitions| definitions.keys().cloned()).collect())
}

impl DatabaseManager {
    /// Checks everything. It opens read-only and creates nothing; a missing or unreadable database
    /// is a failed check, not an error.
    #[must_use]
    pub fn health_check(&self) -> HealthReport {
        let location = self.config.location();
        let (exists, all) = match location {
            Location::Sqlite(_) => ("Database File Exists", sqlite::CHECKS),
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => ("Database Exists", postgres::CHECKS),
        };
        let look = |connection: &mut DbConnection| {
            self.refuse_former(connection)?;
            let mut checks = vec![HealthCheck {
                name: exists,
                passed: true,
                critical: true,
                details: location.to_string(),
            }];
            for (name, critical, check) in all {
                // A check that cannot be made has not passed, and says why.
                let finding = check(connection, self)
                    .unwrap_or_else(|error| CheckOutcome::Bad(chain(&error)));
                let (passed, details) = match finding {
                    CheckOutcome::Good(details) => (true, details),
                    CheckOutcome::Bad(details) => (false, details),
                };
                checks.push(HealthCheck { name, passed, critical: *critical, details });
            }
            Ok(checks)
        };
        let checks = connection::inspect(&self.config, look).unwrap_or_else(|error: Error| {
            vec![HealthCheck {
                name: exists,
                passed: false,
                critical: true,
                details: format!("{}; the other checks need it and were not made", chain(&error)),
            }]
        });
        HealthReport::of(checks)
    }
}
