//! The report of a health check.

use serde::Serialize;

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
    pub(super) fn of(checks: Vec<HealthCheck>) -> Self {
        let healthy = checks.iter().all(|check| check.passed || !check.critical);
        let all_checks_passed = checks.iter().all(|check| check.passed);
        Self { healthy, all_checks_passed, checks }
    }

    /// The checks that did not pass.
    pub fn failures(&self) -> impl Iterator<Item = &HealthCheck> {
        self.checks.iter().filter(|check| !check.passed)
    }
}
