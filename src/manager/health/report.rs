//! Report of a health check.

use serde::Serialize;

/// Result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    /// Name of the check.
    pub name: &'static str,
    /// Whether the check passed. A skipped check counts as passed; its details say why.
    pub passed: bool,
    /// Whether the database is unhealthy if the check fails.
    pub critical: bool,
    /// Findings and, if the check failed, how to fix them.
    pub details: String,
}

/// Results of all checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// Whether every critical check passed.
    pub healthy: bool,
    /// Whether every check passed.
    pub all_checks_passed: bool,
    /// Results in a fixed order. If the database cannot be read, only the first.
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
