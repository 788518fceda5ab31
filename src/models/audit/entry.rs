//! The audit log, which has one function to append entries and returns them in pages.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::encoding::{AuditRow, JsonStr};
use crate::backend::DbConnection;
use crate::connection::{TransactionLock, Writer};
use crate::dispatch;
use crate::error::Result;
use crate::error::{Rule, Violation};
use crate::models::User;
use crate::models::query::{Cursor, LiteralLimit, OptionalFilter, Page, PageSize, find_one, paged};
use crate::schema::{audit_log, users};
use crate::types::{
    AuditEntryId, AuditEntryPublicId, EventCategory, EventType, JsonText, LossyText,
    OptionalLossyText, Severity, Sha256Hash, UserId, UtcTime,
};

/// Entry of the audit log.
///
/// Bytes that are not UTF-8, which another program may have written to an SQLite file, are read as U+FFFD, so
/// that no entry makes a page unreadable.
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
#[diesel(table_name = audit_log, belongs_to(User))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct AuditEntry {
    /// Primary key.
    pub id: AuditEntryId,
    /// Position in the log, from 1, without gaps.
    pub seq: i64,
    /// Public UUID.
    pub event_id: AuditEntryPublicId,
    /// User who acted, if any.
    pub user_id: Option<UserId>,
    /// Username of the actor at the time of the event, or the name given for an actor without a
    /// user.
    #[diesel(deserialize_as = OptionalLossyText)]
    pub actor_name: Option<String>,
    /// Public id of the actor's session; `None` if there was none, or it is not known.
    #[diesel(deserialize_as = OptionalLossyText)]
    pub session_id: Option<String>,
    /// Type of the event, such as `login`.
    #[diesel(deserialize_as = LossyText)]
    pub event_type: String,
    /// Category of the event, such as `authentication`.
    #[diesel(deserialize_as = LossyText)]
    pub event_category: String,
    /// Type of the resource that was acted on.
    #[diesel(deserialize_as = OptionalLossyText)]
    pub resource_type: Option<String>,
    /// Id of the resource that was acted on.
    #[diesel(deserialize_as = OptionalLossyText)]
    pub resource_id: Option<String>,
    /// Action that was performed.
    #[diesel(deserialize_as = LossyText)]
    pub action: String,
    /// Description of the event for people.
    #[diesel(deserialize_as = OptionalLossyText)]
    pub description: Option<String>,
    /// IP address of the actor.
    #[diesel(deserialize_as = OptionalLossyText)]
    pub ip_address: Option<String>,
    /// User agent of the actor's client.
    #[diesel(deserialize_as = OptionalLossyText)]
    pub user_agent: Option<String>,
    /// Time of the event.
    pub timestamp: UtcTime,
    /// Severity of the event.
    pub severity: Severity,
    /// Whether the action succeeded.
    pub success: bool,
    /// Reason of the failure, if the action failed.
    #[diesel(deserialize_as = OptionalLossyText)]
    pub error_message: Option<String>,
    /// Request that led to the event, in the application's form.
    pub request_data: Option<JsonText>,
    /// Response to the request, in the application's form.
    pub response_data: Option<JsonText>,
    /// Application-defined metadata.
    pub metadata: JsonText,
    /// Hash of the previous entry; 64 zeros in the first entry.
    pub prev_hash: Sha256Hash,
    /// Hash of this entry, which depends on every entry before it.
    pub entry_hash: Sha256Hash,
}

/// Event to append to the audit log.
#[derive(Clone, Debug, TypedBuilder)]
pub struct NewAuditEvent<'a> {
    /// Public UUID; a new one by default.
    #[builder(default = AuditEntryPublicId::new())]
    pub event_id: AuditEntryPublicId,
    /// User who acts. The username is looked up and recorded.
    #[builder(default, setter(into))]
    pub user_id: Option<UserId>,
    /// Name of an actor without a user, such as a program or a failed sign-in: 1 to 50 characters.
    /// Ignored if `user_id` is given.
    #[builder(default, setter(into))]
    pub actor_name: Option<&'a str>,
    /// Public id of the actor's session, 1 to 64 characters.
    #[builder(default, setter(into))]
    pub session_id: Option<&'a str>,
    /// Type of the event.
    pub event_type: EventType<'a>,
    /// Category of the event.
    pub event_category: EventCategory<'a>,
    /// Type of the resource that is acted on, 1 to 50 characters.
    #[builder(default, setter(into))]
    pub resource_type: Option<&'a str>,
    /// Id of the resource that is acted on, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub resource_id: Option<&'a str>,
    /// Action that is performed, 1 to 100 characters.
    pub action: &'a str,
    /// Description of the event for people.
    #[builder(default, setter(into))]
    pub description: Option<&'a str>,
    /// IP address of the actor, 1 to 45 characters.
    #[builder(default, setter(into))]
    pub ip_address: Option<&'a str>,
    /// User agent of the actor's client.
    #[builder(default, setter(into))]
    pub user_agent: Option<&'a str>,
    /// Time of the event; now by default.
    #[builder(default = UtcTime::now())]
    pub timestamp: UtcTime,
    /// Severity of the event; [`Severity::Info`] by default.
    #[builder(default = Severity::Info)]
    pub severity: Severity,
    /// Whether the action succeeded; `true` by default.
    #[builder(default = true)]
    pub success: bool,
    /// Reason of the failure, if the action failed.
    #[builder(default, setter(into))]
    pub error_message: Option<&'a str>,
    /// Request that led to the event. It must hold no secrets: an entry cannot be deleted.
    #[builder(default, setter(into))]
    pub request_data: Option<JsonText>,
    /// Response to the request. It must hold no secrets: an entry cannot be deleted.
    #[builder(default, setter(into))]
    pub response_data: Option<JsonText>,
    /// Application-defined metadata; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub metadata: JsonText,
}

/// Conditions on the entries to list. `None` sets no condition.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditFilter<'a> {
    /// Entries of this user.
    pub user_id: Option<UserId>,
    /// Entries of this event type.
    pub event_type: Option<EventType<'a>>,
    /// Entries of this event category.
    pub event_category: Option<EventCategory<'a>>,
    /// Entries about resources of this type.
    pub resource_type: Option<&'a str>,
    /// Entries about the resource with this id; useful together with `resource_type`.
    pub resource_id: Option<&'a str>,
    /// Entries of exactly this severity.
    pub severity: Option<Severity>,
    /// Entries at or after this time.
    pub from: Option<UtcTime>,
    /// Entries before this time.
    pub until: Option<UtcTime>,
}

impl NewAuditEvent<'_> {
    /// Appends the event to the audit log and returns its entry. No other function of this crate writes
    /// to the log.
    ///
    /// The entry is part of the transaction, so that an action and its entry are committed together or not
    /// at all. The log is locked until the transaction ends, so append last: on PostgreSQL, waiting for
    /// another lock afterwards can cause a deadlock.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the user does not exist or a value breaks a
    /// rule.
    pub fn append(&self, connection: &mut Writer<'_>) -> Result<AuditEntry> {
        // A savepoint: an event that is refused leaves the rest of the transaction as it is, on a server too.
        connection.write(|connection| {
            connection.hold(TransactionLock::AuditLog)?;
            let last: Option<(AuditEntryId, i64, Sha256Hash)> =
                dispatch!(&mut *connection, |connection| audit_log::table
                    .select((audit_log::id, audit_log::seq, audit_log::entry_hash))
                    .filter(audit_log::seq.gt(0))
                    .order(audit_log::seq.desc())
                    .literal_limit(1)
                    .get_result(connection)
                    .optional())?;
            let (id, seq, prev_hash) = last.unwrap_or((AuditEntryId(0), 0, Sha256Hash::ZERO));
            // Not left to the database: what it gives out can be used up without an entry.
            let id = AuditEntryId(id.0 + 1);
            let username = self.user_id.map(|user| username(connection, user)).transpose()?;
            let row = AuditRow {
                seq: seq + 1,
                event_id: self.event_id,
                user_id: self.user_id,
                actor_name: username.as_deref().or(self.actor_name),
                session_id: self.session_id,
                event_type: self.event_type.as_str(),
                event_category: self.event_category.as_str(),
                resource_type: self.resource_type,
                resource_id: self.resource_id,
                action: self.action,
                description: self.description,
                ip_address: self.ip_address,
                user_agent: self.user_agent,
                timestamp: self.timestamp,
                severity: self.severity,
                success: self.success,
                error_message: self.error_message,
                request_data: self.request_data.as_ref().map(JsonStr::from),
                response_data: self.response_data.as_ref().map(JsonStr::from),
                metadata: JsonStr::from(&self.metadata),
                prev_hash,
            };
            let entry_hash = row.hash();
            Ok(dispatch!(connection, |connection| diesel::insert_into(audit_log::table)
                .values((audit_log::id.eq(id), &row, audit_log::entry_hash.eq(entry_hash)))
                .returning(AuditEntry::as_returning())
                .get_result(connection))?)
        })
    }
}

fn username(connection: &mut DbConnection, user: UserId) -> Result<String> {
    let found: QueryResult<String> = dispatch!(&mut *connection, |connection| users::table
        .select(users::username)
        .filter(users::id.eq(user))
        .get_result(connection));
    match found {
        Err(diesel::NotFound) => {
            Err(Violation::new(Rule::UnknownReference, "audit_log_user_id_fkey").into())
        }
        found => Ok(found?),
    }
}

paged!(AuditEntry, "audit_log", i64, |entry| entry.seq);

impl AuditEntry {
    /// Returns the entry with this public UUID, if any.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_event_id(
        connection: &mut DbConnection,
        event_id: AuditEntryPublicId,
    ) -> Result<Option<Self>> {
        find_one!(connection, audit_log, audit_log::event_id.eq(event_id))
    }

    /// Returns the entries that match the filter, newest first. The page begins at the
    /// cursor `before`, or with the newest if it is `None`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page(
        connection: &mut DbConnection,
        filter: AuditFilter<'_>,
        before: Option<Cursor<Self>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let category = filter.event_category.map(|c| audit_log::event_category.eq(c));
        let rows = dispatch!(connection, |connection| audit_log::table
            .select(Self::as_select())
            .filter(audit_log::seq.lt(before.map_or(i64::MAX, Cursor::position)))
            .filter(OptionalFilter(filter.user_id.map(|user| audit_log::user_id.eq(user))))
            .filter(OptionalFilter(filter.event_type.map(|kind| audit_log::event_type.eq(kind))))
            .filter(OptionalFilter(category))
            .filter(OptionalFilter(
                filter.resource_type.map(|kind| audit_log::resource_type.eq(kind))
            ))
            .filter(OptionalFilter(filter.resource_id.map(|id| audit_log::resource_id.eq(id))))
            .filter(OptionalFilter(
                filter.severity.map(|severity| audit_log::severity.eq(severity))
            ))
            .filter(OptionalFilter(filter.from.map(|from| audit_log::timestamp.ge(from))))
            .filter(OptionalFilter(filter.until.map(|until| audit_log::timestamp.lt(until))))
            .order(audit_log::seq.desc())
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }
}
