//! Health of the components of the system.

use diesel::prelude::*;
use diesel::upsert::excluded;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{find_one, not_found};
use crate::schema::system_health;
use crate::types::{Component, HealthStatus, JsonText, SystemHealthId, UtcTime};

/// Last known health of a component.
#[derive(
    Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize, Deserialize,
)]
#[diesel(table_name = system_health)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct SystemHealth {
    /// Primary key.
    pub id: SystemHealthId,
    /// Unique name of the component.
    pub component: String,
    /// Health of the component.
    pub status: HealthStatus,
    /// Time of the last check.
    pub last_check: UtcTime,
    /// Time at which the next check is due.
    pub next_check: Option<UtcTime>,
    /// Interval between checks in seconds.
    pub check_interval_seconds: i32,
    /// Measurements of the last check, in the application's form.
    pub metrics: JsonText,
    /// Description of the error, if any.
    pub error_details: Option<String>,
    /// Number of consecutive checks that found the component unhealthy.
    pub consecutive_failures: i32,
    /// Number of consecutive failures from which an alert is due.
    pub max_failures: i32,
    /// Whether the alert of the current failure has been sent.
    pub alert_sent: bool,
    /// Time of the first check.
    pub created_at: UtcTime,
}

/// Result of a check of a component.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = system_health)]
#[diesel(treat_none_as_default_value = false)]
pub struct HealthObservation<'a> {
    /// The component.
    pub component: Component<'a>,
    /// Health of the component.
    pub status: HealthStatus,
    /// Time of the check; now by default.
    #[builder(default = UtcTime::now())]
    pub last_check: UtcTime,
    /// Interval until the next check in seconds, at least 1; 300 by default.
    #[builder(default = 300)]
    pub check_interval_seconds: i32,
    /// Number of consecutive failures from which an alert is due, at least 1; 3 by default.
    #[builder(default = 3)]
    pub max_failures: i32,
    /// Measurements of the check, in the application's form; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub metrics: JsonText,
    /// Description of the error, if any.
    #[builder(default, setter(into))]
    pub error_details: Option<&'a str>,
}

/// Health of a component after a check, and whether an alert is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedHealth {
    /// Health of the component.
    pub health: SystemHealth,
    /// Whether there have been `max_failures` consecutive failures and no alert has been sent. Send
    /// one, then call [`SystemHealth::mark_alert_sent`].
    pub alert_due: bool,
}

impl HealthObservation<'_> {
    /// Records the check and returns the component's health.
    ///
    /// [`HealthStatus::Unhealthy`] increments the number of consecutive failures. `Healthy` and
    /// `Degraded` set it to 0, so that a later failure can cause an alert again. `Unknown` leaves it
    /// unchanged.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if a value breaks a rule.
    pub fn record(&self, connection: &mut Writer<'_>) -> Result<RecordedHealth> {
        // The factor and the addend by which the count becomes count + 1, 0 or count.
        let (keep, add) = match self.status {
            HealthStatus::Unhealthy => (1, 1),
            HealthStatus::Healthy | HealthStatus::Degraded => (0, 0),
            HealthStatus::Unknown => (1, 0),
        };
        let seconds = u32::try_from(self.check_interval_seconds).unwrap_or(0);
        let next_check = self.last_check.plus_seconds(seconds);
        let well = keep == 0;
        let health: SystemHealth =
            dispatch!(connection, |connection| diesel::insert_into(system_health::table)
                .values((
                    self,
                    system_health::next_check.eq(next_check),
                    system_health::consecutive_failures.eq(add),
                ))
                .on_conflict(system_health::component)
                .do_update()
                .set((
                    system_health::status.eq(excluded(system_health::status)),
                    system_health::last_check.eq(excluded(system_health::last_check)),
                    system_health::next_check.eq(excluded(system_health::next_check)),
                    system_health::check_interval_seconds
                        .eq(excluded(system_health::check_interval_seconds)),
                    system_health::max_failures.eq(excluded(system_health::max_failures)),
                    system_health::metrics.eq(excluded(system_health::metrics)),
                    system_health::error_details.eq(excluded(system_health::error_details)),
                    system_health::consecutive_failures
                        .eq(system_health::consecutive_failures * keep + add),
                    system_health::alert_sent.eq(diesel::dsl::case_when(
                        well.into_sql::<diesel::sql_types::Bool>(),
                        false.into_sql::<diesel::sql_types::Bool>(),
                    )
                    .otherwise(system_health::alert_sent)),
                ))
                .returning(SystemHealth::as_returning())
                .get_result(connection))?;
        let alert_due = health.consecutive_failures >= health.max_failures && !health.alert_sent;
        Ok(RecordedHealth { health, alert_due })
    }
}

impl SystemHealth {
    /// Returns the health of the component, if it has been checked.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_component(
        connection: &mut DbConnection,
        component: Component<'_>,
    ) -> Result<Option<Self>> {
        find_one!(connection, system_health, system_health::component.eq(component))
    }

    /// Records that the alert has been sent. Returns `false` if it was already sent or the
    /// component has recovered: if several callers would send the alert, the one that gets `true`
    /// sends it.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if the component has not been checked.
    pub fn mark_alert_sent(connection: &mut Writer<'_>, component: Component<'_>) -> Result<bool> {
        let marked =
            dispatch!(&mut *connection, |connection| diesel::update(system_health::table)
                .filter(system_health::component.eq(component))
                .filter(diesel::dsl::not(system_health::alert_sent))
                // It may have recovered while the alert was sent: what comes next is another.
                .filter(system_health::consecutive_failures.ge(system_health::max_failures))
                .set(system_health::alert_sent.eq(true))
                .execute(connection))?;
        if marked == 0 {
            Self::find_by_component(connection, component)?.ok_or_else(not_found(
                "system_health",
                "component",
                component,
            ))?;
        }
        Ok(marked > 0)
    }

    /// Returns the components whose next check is due at the time `now`, ordered by the time at
    /// which it was due.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_due(connection: &mut DbConnection, now: UtcTime) -> Result<Vec<Self>> {
        Ok(dispatch!(connection, |connection| system_health::table
            .select(Self::as_select())
            .filter(system_health::next_check.le(now))
            .order((system_health::next_check, system_health::id))
            .load(connection))?)
    }

    /// Returns every component, ordered by name.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list(connection: &mut DbConnection) -> Result<Vec<Self>> {
        Ok(dispatch!(connection, |connection| system_health::table
            .select(Self::as_select())
            .order(system_health::component)
            .load(connection))?)
    }
}
