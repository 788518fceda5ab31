//! The health check: every promise about a database, looked at without writing anything.

mod catalogue;
mod checks;
mod permissions;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

use serde::Serialize;

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
    let expected = catalogue::Catalogue::expected(migrations)?;
    let all = [&expected.tables, &expected.indexes, &expected.triggers];
    Ok(all.iter().flat_map(|definitions| definitions.keys().cloned()).collect())
}

/// One promise, and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    /// What is checked.
    pub name: &'static str,
    /// Whether it holds. A check that was skipped counts as passed; its details say why.
    pub passed: bool,
    /// Whether the application must not run without it.
    pub critical: bool,
    /// What was found, and what mends it.
    pub details: String,
}

/// Every check, in a fixed order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// Every critical check passed.
    pub healthy: bool,
    /// Every check passed.
    pub all_checks_passed: bool,
    /// The checks. Without a readable database there is only the first.
    pub checks: Vec<HealthCheck>,
}

impl HealthReport {
    fn of(checks: Vec<HealthCheck>) -> Self {
        let healthy = checks.iter().all(|check| check.passed || !check.critical);
        let all_checks_passed = checks.iter().all(|check| check.passed);
        Self { healthy, all_checks_passed, checks }
    }

    /// The checks that did not pass.
    pub fn failures(&self) -> impl Iterator<Item = &HealthCheck> {
        self.checks.iter().filter(|check| !check.passed)
    }
}

/// What a check found.
enum Finding {
    Good(String),
    Bad(String),
}

impl Finding {
    /// Good if there are no faults, with `good` to say so.
    fn from_faults(faults: &[String], good: impl Into<String>, cure: &str) -> Self {
        if faults.is_empty() {
            return Self::Good(good.into());
        }
        let shown: Vec<&str> = faults.iter().take(5).map(String::as_str).collect();
        let rest = faults.len() - shown.len();
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        Self::Bad(format!("{}{more}; {cure}", shown.join("; ")))
    }
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
                let finding =
                    check(connection, self).unwrap_or_else(|error| Finding::Bad(chain(&error)));
                let (passed, details) = match finding {
                    Finding::Good(details) => (true, details),
                    Finding::Bad(details) => (false, details),
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
