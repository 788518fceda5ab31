//! The last known state of each component of the system.

use diesel::prelude::*;
use diesel::upsert::excluded;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{find_one, not_found};
use crate::schema::system_health;
use crate::types::{HealthStatus, Json, SystemHealthId, UtcTime};

/// A component's state.
#[derive(
    Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize, Deserialize,
)]
#[diesel(table_name = system_health)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct SystemHealth {
    /// The row's key.
    pub id: SystemHealthId,
    /// The component's unique name.
    pub component: String,
    /// How it is.
    pub status: HealthStatus,
    /// When it was last checked.
    pub last_check: UtcTime,
    /// When the next check is due.
    pub next_check: Option<UtcTime>,
    /// How long after one check the next is due, in seconds.
    pub check_interval_seconds: i32,
    /// What was measured.
    pub metrics: Json<Value>,
    /// What is wrong.
    pub error_details: Option<String>,
    /// How many checks in a row found it unhealthy.
    pub consecutive_failures: i32,
    /// After how many of them somebody should hear of it.
    pub max_failures: i32,
    /// Whether somebody has.
    pub alert_sent: bool,
    /// When it was first checked.
    pub created_at: UtcTime,
}

/// What a check of a component found.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = system_health)]
#[diesel(treat_none_as_default_value = false)]
pub struct HealthObservation<'a> {
    /// The component's unique name, 1 to 100 characters.
    pub component: &'a str,
    /// How it is.
    pub status: HealthStatus,
    /// When it was checked; unless told, now.
    #[builder(default = UtcTime::now())]
    pub last_check: UtcTime,
    /// After how many seconds the next check is due; unless told, 300.
    #[builder(default = 300)]
    pub check_interval_seconds: i32,
    /// After how many unhealthy checks in a row somebody should hear of it; unless told, 3.
    #[builder(default = 3)]
    pub max_failures: i32,
    /// What was measured; unless told, an empty object.
    #[builder(default = Json::empty_object())]
    pub metrics: Json<Value>,
    /// What is wrong.
    #[builder(default, setter(into))]
    pub error_details: Option<&'a str>,
}

/// A component's state after a check, and whether somebody should hear of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedHealth {
    /// The state.
    pub health: SystemHealth,
    /// Whether there have been `max_failures` in a row and nobody has been told yet: tell somebody,
    /// and then call [`SystemHealth::mark_alert_sent`].
    pub alert_due: bool,
}

impl HealthObservation<'_> {
    /// Records the check.
    ///
    /// An unhealthy component counts one more failure; a healthy or degraded one begins again at 0,
    /// and may alert again; one whose state is unknown keeps its count.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if a value breaks a rule.
    pub fn record(&self, connection: &mut DbConnection) -> Result<RecordedHealth> {
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
    /// The component of this name.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_component(
        connection: &mut DbConnection,
        component: &str,
    ) -> Result<Option<Self>> {
        find_one!(connection, system_health, system_health::component.eq(component))
    }

    /// Records that somebody has been told. Returns whether nobody had been: of several that would
    /// send the alert, the one that gets `true` sends it.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound).
    pub fn mark_alert_sent(connection: &mut DbConnection, component: &str) -> Result<bool> {
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

    /// The components whose next check is due at `now`, the one that has waited longest first.
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

    /// Every component, by name.
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
