//! Record of the result of the last run of migrations.

use serde::Serialize;

use crate::backend::DbConnection;
use crate::catalog;
use crate::error::chain;
use crate::error::{Error, Result};
use crate::models::{HealthObservation, SystemHealth};
use crate::types::{Component, HealthStatus, JsonText, UtcTime};

/// Last run of migrations, if it failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedMigration {
    /// Time of the failure.
    pub at: UtcTime,
    /// Message of the error, with its causes and the path of the backup, if any.
    pub error: String,
    /// Number of consecutive runs that failed.
    pub attempts: i32,
}

/// Records a failed run, after its transaction was rolled back, unless the database is damaged. The caller
/// gets the error of the run, so that a failure to record it is only a warning.
pub(super) fn record_failure(connection: &mut DbConnection, operation: &str, error: &Error) {
    if error.is_damage() {
        return;
    }
    let details = chain(error).replace('\0', "\u{fffd}");
    let observation = HealthObservation::builder()
        .component(Component::MIGRATIONS)
        .status(HealthStatus::Unhealthy)
        .metrics(metrics(operation))
        .error_details(details.as_str())
        .build();
    match has_records(connection) {
        Ok(true) => {
            if let Err(error) = connection.write(|connection| observation.record(connection)) {
                tracing::warn!(error = %chain(&error), "the failure could not be recorded");
            }
        }
        Ok(false) => tracing::warn!("the failure is not recorded: there is no table system_health"),
        Err(error) => tracing::warn!(error = %chain(&error), "the failure could not be recorded"),
    }
}

/// Records that the last run succeeded, if an earlier one failed.
pub(super) fn record_success(connection: &mut DbConnection) {
    let recorded = last_failure(connection).and_then(|failure| {
        if failure.is_none() {
            return Ok(());
        }
        let observation = HealthObservation::builder()
            .component(Component::MIGRATIONS)
            .status(HealthStatus::Healthy)
            .metrics(metrics("done"))
            .build();
        connection.write(|connection| observation.record(connection)).map(drop)
    });
    if let Err(error) = recorded {
        tracing::warn!(error = %chain(&error), "the success could not be recorded");
    }
}

fn metrics(operation: &str) -> JsonText {
    [("operation", operation), ("program", env!("CARGO_PKG_VERSION"))].into_iter().collect()
}

fn has_records(connection: &mut DbConnection) -> Result<bool> {
    catalog::table_exists(connection, "system_health")
}

/// Returns the last run of migrations if it failed.
pub(in crate::manager) fn last_failure(
    connection: &mut DbConnection,
) -> Result<Option<FailedMigration>> {
    if !has_records(connection)? {
        return Ok(None);
    }
    let found = SystemHealth::find_by_component(connection, Component::MIGRATIONS)?;
    let failed = found.filter(|health| health.status == HealthStatus::Unhealthy);
    Ok(failed.map(|health| FailedMigration {
        at: health.last_check,
        error: health.error_details.unwrap_or_default(),
        attempts: health.consecutive_failures,
    }))
}
