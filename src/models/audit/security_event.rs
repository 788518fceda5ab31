//! Security events: incidents that stay open until somebody resolves them.

use diesel::dsl::not;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::models::User;
use crate::models::query::{
    Cursor, LiteralLimit, Page, PageSize, Parent, explain_broken_reference, find_one, not_before,
    not_found, paged,
};
use crate::schema::security_events;
use crate::types::{
    EventType, JsonText, SecurityEventId, SecurityEventPublicId, Severity, UserId, UtcTime,
};

/// Incident that stays open until somebody resolves it.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Associations,
    Identifiable,
    Queryable,
    Selectable,
    Serialize,
    Deserialize,
)]
#[diesel(table_name = security_events, belongs_to(User))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct SecurityEvent {
    /// Primary key.
    pub id: SecurityEventId,
    /// Public UUID.
    pub event_id: SecurityEventPublicId,
    /// User whom the incident concerns, if any.
    pub user_id: Option<UserId>,
    /// Type of the incident, such as `brute_force`.
    pub event_type: String,
    /// Subtype of the incident.
    pub event_subtype: Option<String>,
    /// Severity of the incident.
    pub severity: Severity,
    /// IP address that the incident came from.
    pub source_ip: Option<String>,
    /// User agent of the client that caused the incident.
    pub user_agent: Option<String>,
    /// Time of the incident.
    pub timestamp: UtcTime,
    /// Details of the incident, in the application's form.
    pub details: Option<JsonText>,
    /// Whether the incident has been resolved.
    pub resolved: bool,
    /// Time of the resolution, if any.
    pub resolved_at: Option<UtcTime>,
    /// User who resolved the incident.
    pub resolved_by: Option<UserId>,
    /// Notes on the investigation, written on resolution.
    pub investigation_notes: Option<String>,
}

/// Incident to report.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = security_events)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewSecurityEvent<'a> {
    /// Public UUID; a new one by default.
    #[builder(default = SecurityEventPublicId::new())]
    pub event_id: SecurityEventPublicId,
    /// User whom the incident concerns.
    #[builder(default, setter(into))]
    pub user_id: Option<UserId>,
    /// Type of the incident.
    pub event_type: EventType<'a>,
    /// Subtype of the incident, 1 to 50 characters.
    #[builder(default, setter(into))]
    pub event_subtype: Option<&'a str>,
    /// Severity of the incident.
    pub severity: Severity,
    /// IP address that the incident came from, 1 to 45 characters.
    #[builder(default, setter(into))]
    pub source_ip: Option<&'a str>,
    /// User agent of the client that caused the incident.
    #[builder(default, setter(into))]
    pub user_agent: Option<&'a str>,
    /// Time of the incident; now by default.
    #[builder(default = UtcTime::now())]
    pub timestamp: UtcTime,
    /// Details of the incident, in the application's form.
    #[builder(default, setter(into))]
    pub details: Option<JsonText>,
}

impl NewSecurityEvent<'_> {
    /// Inserts the incident and returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`] if the user does not exist or a value breaks a rule.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<SecurityEvent> {
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(security_events::table)
                .values(self)
                .returning(SecurityEvent::as_returning())
                .get_result(connection));
        let user = self.user_id.map(Parent::User);
        explain_broken_reference(connection, result, &[("security_events_user_id_fkey", user)])
    }
}

paged!(SecurityEvent, "security_events", (UtcTime, SecurityEventId), |event| (
    event.timestamp,
    event.id
));

impl SecurityEvent {
    /// Returns the incident with this id, if any.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: SecurityEventId) -> Result<Option<Self>> {
        find_one!(connection, security_events, security_events::id.eq(id))
    }

    /// Returns the unresolved incidents of exactly this severity, newest first. The page begins
    /// at the cursor `before`, or with the newest if it is `None`.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn page_of_open(
        connection: &mut DbConnection,
        severity: Severity,
        before: Option<Cursor<Self>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let (time, id) = before.map_or((UtcTime::MAX, SecurityEventId(i64::MAX)), Cursor::position);
        let rows = dispatch!(connection, |connection| security_events::table
            .select(Self::as_select())
            .filter(not(security_events::resolved))
            .filter(security_events::severity.eq(severity))
            .filter(security_events::timestamp.le(time))
            .filter(security_events::timestamp.lt(time).or(security_events::id.lt(id)))
            .order((security_events::timestamp.desc(), security_events::id.desc()))
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }

    /// Resolves the incident and returns the new row. If two callers resolve it concurrently, one
    /// succeeds.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`] if it is already resolved; [`Error::NotFound`] if no incident
    /// has this id; [`Error::Violation`] if the user does not exist.
    pub fn resolve(
        connection: &mut Writer<'_>,
        id: SecurityEventId,
        by: UserId,
        notes: &str,
    ) -> Result<Self> {
        let resolved_at = not_before!(security_events::timestamp, UtcTime::now());
        let set = (
            security_events::resolved.eq(true),
            security_events::resolved_at.eq(resolved_at),
            security_events::resolved_by.eq(by),
            security_events::investigation_notes.eq(notes),
        );
        let result =
            dispatch!(&mut *connection, |connection| diesel::update(security_events::table)
                .filter(security_events::id.eq(id).and(not(security_events::resolved)))
                .set(set)
                .returning(Self::as_returning())
                .get_result(connection)
                .optional());
        let user = Some(Parent::User(by));
        let resolved = explain_broken_reference(
            connection,
            result,
            &[("security_events_resolved_by_fkey", user)],
        )?;
        if let Some(event) = resolved {
            return Ok(event);
        }
        Self::find(connection, id)?.ok_or_else(not_found("security_events", "id", id))?;
        let (from, to) = ("resolved", "resolved");
        Err(Error::IllegalTransition { what: "security event", from, to })
    }
}
