//! Incidents, open until somebody resolves them.

use diesel::dsl::not;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::models::User;
use crate::models::query::{
    LiteralLimit, Page, PageSize, Parent, explain_broken_reference, find_one, not_before, not_found,
};
use crate::schema::security_events;
use crate::types::{Json, PublicId, SecurityEventId, Severity, UserId, UtcTime};

/// An incident.
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
    /// The row's key.
    pub id: SecurityEventId,
    /// The public id.
    pub event_id: PublicId,
    /// Whom it is about.
    pub user_id: Option<UserId>,
    /// What kind of event it is, such as `brute_force`.
    pub event_type: String,
    /// What kind of that kind.
    pub event_subtype: Option<String>,
    /// How grave it is.
    pub severity: Severity,
    /// From which address.
    pub source_ip: Option<String>,
    /// With which program.
    pub user_agent: Option<String>,
    /// When.
    pub timestamp: UtcTime,
    /// What is known.
    pub details: Option<Json<Value>>,
    /// Whether somebody has dealt with it.
    pub resolved: bool,
    /// When.
    pub resolved_at: Option<UtcTime>,
    /// Who.
    pub resolved_by: Option<UserId>,
    /// What was found.
    pub investigation_notes: Option<String>,
}

/// An incident to report.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = security_events)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewSecurityEvent<'a> {
    /// The public id; unless told, a new one.
    #[builder(default = PublicId::new())]
    pub event_id: PublicId,
    /// Whom it is about.
    #[builder(default, setter(into))]
    pub user_id: Option<UserId>,
    /// What kind of event it is, 1 to 50 characters.
    pub event_type: &'a str,
    /// What kind of that kind, 1 to 50 characters.
    #[builder(default, setter(into))]
    pub event_subtype: Option<&'a str>,
    /// How grave it is.
    pub severity: Severity,
    /// From which address, up to 45 characters.
    #[builder(default, setter(into))]
    pub source_ip: Option<&'a str>,
    /// With which program.
    #[builder(default, setter(into))]
    pub user_agent: Option<&'a str>,
    /// OptionalFilter; unless told, now.
    #[builder(default = UtcTime::now())]
    pub timestamp: UtcTime,
    /// What is known.
    #[builder(default, setter(into))]
    pub details: Option<Json<Value>>,
}

impl NewSecurityEvent<'_> {
    /// Reports the incident.
    ///
    /// # Errors
    /// [`Error::Violation`] if there is no such user or a value breaks a rule.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<SecurityEvent> {
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(security_events::table)
                .values(self)
                .returning(SecurityEvent::as_returning())
                .get_result(connection));
        let user = self.user_id.map(Parent::User);
        explain_broken_reference(connection, result, &[("security_events_user_id_fkey", user)])
    }
}

impl SecurityEvent {
    /// The incident with this key.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: SecurityEventId) -> Result<Option<Self>> {
        find_one!(connection, security_events, security_events::id.eq(id))
    }

    /// The incidents of this severity that nobody has resolved, the newest first.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn page_of_open(
        connection: &mut DbConnection,
        severity: Severity,
        before: Option<(UtcTime, SecurityEventId)>,
        size: PageSize,
    ) -> Result<Page<Self, (UtcTime, SecurityEventId)>> {
        let (time, id) = before.unwrap_or((UtcTime::MAX, SecurityEventId(i64::MAX)));
        let rows = dispatch!(connection, |connection| security_events::table
            .select(Self::as_select())
            .filter(not(security_events::resolved))
            .filter(security_events::severity.eq(severity))
            .filter(security_events::timestamp.le(time))
            .filter(security_events::timestamp.lt(time).or(security_events::id.lt(id)))
            .order((security_events::timestamp.desc(), security_events::id.desc()))
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size, |event: &Self| (event.timestamp, event.id)))
    }

    /// Closes the incident. Of two people who do so at once, one succeeds.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`] if it is resolved already; [`Error::NotFound`];
    /// [`Error::Violation`] if there is no such user.
    pub fn resolve(
        connection: &mut DbConnection,
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
