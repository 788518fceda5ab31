//! The health check, which reads the database and writes nothing.

mod backups;
mod checks;
mod counters;
mod expected_schema;
mod integrity;
mod mount_point;
mod outcome;
#[cfg(unix)]
mod permissions;
#[cfg(feature = "postgres")]
mod postgres;
mod report;
mod sqlite;
#[cfg(not(unix))]
mod unchecked_permissions;

pub use integrity::IntegrityProgress;
pub use report::{HealthCheck, HealthReport};

use checks::{FOREIGN_KEYS, foreign_key_violations_in_rows};
use expected_schema::SchemaDefinitions;
use integrity::{FULL_INTEGRITY, full_integrity};
use outcome::CheckOutcome;

use super::DatabaseManager;
use crate::backend::DbConnection;
use crate::config::Location;
use crate::connection;
use crate::error::chain;
use crate::error::{Error, Result};
use crate::migrations::Migrations;

/// Returns the names of the tables, indexes and triggers that the migrations create.
///
/// # Errors
/// [`Error::Migration`] if the migrations fail in a database in memory.
pub fn expected_names(migrations: Migrations) -> Result<Vec<String>> {
    let expected = SchemaDefinitions::expected(migrations)?;
    let all = [&expected.tables, &expected.indexes, &expected.triggers];
    Ok(all.iter().flat_map(|definitions| definitions.keys().cloned()).collect())
}

impl DatabaseManager {
    /// Checks the schema, the data and the file or server. Opens the database read-only and creates nothing. A database that
    /// is missing or cannot be read is a failed check, not an error.
    ///
    /// The checks that read every row, of the integrity and of foreign keys, skip an SQLite file that is larger than 256 MiB,
    /// and the report says so.
    #[must_use]
    pub fn health_check(&self) -> HealthReport {
        self.run_checks(None, true)
    }

    /// Runs the checks of [`DatabaseManager::health_check`], with SQLite's full `integrity_check`
    /// instead of the quick one, and the check of foreign keys, whatever the size of the file, and on a server with a look
    /// for every row to which one refers; compares
    /// the columns `message_count` and `chunk_count` with the rows that they count; and checks the ages of the
    /// newest backup (at most two days) and of the last drill (at most eight). The duration of these checks grows
    /// with the database. `progress` is called before each step of the integrity check.
    ///
    /// PostgreSQL has no check of integrity built in: on a server it is skipped, and the report names the
    /// program that has one.
    #[must_use]
    pub fn deep_health_check(&self, progress: &mut dyn FnMut(IntegrityProgress)) -> HealthReport {
        self.run_checks(Some(progress), true)
    }

    /// Runs the deep checks on a temporary copy, without those of backups, of which it has none.
    pub(super) fn health_of_copy(&self) -> HealthReport {
        self.run_checks(Some(&mut |_| ()), false)
    }

    fn run_checks(
        &self,
        mut deep: Option<&mut dyn FnMut(IntegrityProgress)>,
        has_backups: bool,
    ) -> HealthReport {
        let location = self.config.location();
        let (exists, all) = match location {
            Location::Sqlite(_) => ("Database File Exists", sqlite::CHECKS),
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => ("Database Exists", postgres::CHECKS),
        };
        let run_all = |connection: &mut DbConnection| {
            self.refuse_former(connection)?;
            let mut checks = vec![HealthCheck {
                name: exists,
                passed: true,
                critical: true,
                details: location.to_string(),
            }];
            let is_file = location.path().is_some();
            let is_replaced = |name| {
                let is_bounded = is_file && sqlite::BOUNDED.contains(&name);
                deep.is_some() && (is_bounded || name == FOREIGN_KEYS)
            };
            for (name, critical, check) in all.iter().filter(|(name, ..)| !is_replaced(*name)) {
                checks.push(result_of(name, *critical, check(connection, self)));
            }
            // Last, because it takes longest.
            if let Some(progress) = deep.as_deref_mut() {
                let found = foreign_key_violations_in_rows(connection, self);
                checks.push(result_of(FOREIGN_KEYS, true, found));
                for (name, critical, check) in counters::CHECKS {
                    checks.push(result_of(name, *critical, check(connection, self)));
                }
                for (name, critical, check) in backups::CHECKS.iter().filter(|_| has_backups) {
                    checks.push(result_of(name, *critical, check(connection, self)));
                }
                checks.push(result_of(FULL_INTEGRITY, true, full_integrity(connection, progress)));
            }
            Ok(checks)
        };
        let checks = connection::inspect(&self.config, run_all).unwrap_or_else(|error: Error| {
            vec![HealthCheck {
                name: exists,
                passed: false,
                critical: true,
                details: {
                    let role = self.refused_role(&error).map(|role| format!("{role}: "));
                    let role = role.unwrap_or_default();
                    format!("{role}{}; the other checks were skipped", chain(&error))
                },
            }]
        });
        HealthReport::of(checks)
    }
}

/// Returns the entry of a check in the report. An error is a failed check with its message.
fn result_of(name: &'static str, critical: bool, outcome: Result<CheckOutcome>) -> HealthCheck {
    let (passed, details) = match outcome {
        Ok(CheckOutcome::Good(details)) => (true, details),
        Ok(CheckOutcome::Bad(details)) => (false, details),
        Err(error) => (false, chain(&error)),
    };
    HealthCheck { name, passed, critical, details }
}
