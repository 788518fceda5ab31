//! Report of a health check.

use serde::Serialize;

/// Result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    /// Name of the check.
    pub name: &'static str,
    /// Whether the check passed. A skipped check counts as passed; its details say why.
    pub passed: bool,
    /// Whether a failure of the check means that the database is unhealthy. A failure of any other check is
    /// a warning.
    pub critical: bool,
    /// Finding and, if the check failed, how to correct it.
    pub details: String,
}

/// Results of the checks of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// Whether every critical check passed.
    pub healthy: bool,
    /// Whether every check passed.
    pub all_checks_passed: bool,
    /// Results in a fixed order; only the first if the database cannot be read.
    pub checks: Vec<HealthCheck>,
}

impl HealthReport {
    pub(super) fn of(checks: Vec<HealthCheck>) -> Self {
        let healthy = checks.iter().all(|check| check.passed || !check.critical);
        let all_checks_passed = checks.iter().all(|check| check.passed);
        Self { healthy, all_checks_passed, checks }
    }

    /// Returns the checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &HealthCheck> {
        self.checks.iter().filter(|check| !check.passed)
    }
}
