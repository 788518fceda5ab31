//! The audit log: appended through one entry point, read by pages.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use typed_builder::TypedBuilder;

use super::encoding::AuditRow;
use crate::backend::DbConnection;
use crate::connection::TransactionLock;
use crate::dispatch;
use crate::error::Result;
use crate::error::{Rule, Violation};
use crate::models::User;
use crate::models::query::{LiteralLimit, OptionalFilter, Page, PageSize, find_one};
use crate::schema::{audit_log, users};
use crate::types::{AuditEntryId, Json, PublicId, Severity, Sha256Hash, UserId, UtcTime};

/// An entry of the audit log.
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
    /// The row's key.
    pub id: AuditEntryId,
    /// Its place in the log, from 1, without a gap.
    pub seq: i64,
    /// The public id.
    pub event_id: PublicId,
    /// Who acted.
    pub user_id: Option<UserId>,
    /// The actor's name as it was then.
    pub actor_name: Option<String>,
    /// The public id of the session that the actor used.
    pub session_id: Option<String>,
    /// What kind of event it is, such as `login`.
    pub event_type: String,
    /// What it belongs to, such as `authentication`.
    pub event_category: String,
    /// What kind of thing was acted on.
    pub resource_type: Option<String>,
    /// Which one.
    pub resource_id: Option<String>,
    /// What was done.
    pub action: String,
    /// The same in words.
    pub description: Option<String>,
    /// From which address.
    pub ip_address: Option<String>,
    /// With which program.
    pub user_agent: Option<String>,
    /// When.
    pub timestamp: UtcTime,
    /// How grave it is.
    pub severity: Severity,
    /// Whether it worked.
    pub success: bool,
    /// Why not.
    pub error_message: Option<String>,
    /// What was asked.
    pub request_data: Option<Json<Value>>,
    /// What was answered.
    pub response_data: Option<Json<Value>>,
    /// What the application keeps beside.
    pub metadata: Json<Value>,
    /// The hash of the entry before it; of the first one, 64 zeros.
    pub prev_hash: Sha256Hash,
    /// The hash of this entry.
    pub entry_hash: Sha256Hash,
}

/// An event to append to the audit log.
#[derive(Clone, Debug, TypedBuilder)]
pub struct NewAuditEvent<'a> {
    /// The public id; unless told, a new one.
    #[builder(default = PublicId::new())]
    pub event_id: PublicId,
    /// Who acts. The name is looked up.
    #[builder(default, setter(into))]
    pub user_id: Option<UserId>,
    /// The actor's name where there is no user, such as of a program or of a failed login: 1 to 50
    /// characters. With a user it is ignored.
    #[builder(default, setter(into))]
    pub actor_name: Option<&'a str>,
    /// The public id of the session that the actor uses, up to 64 characters.
    #[builder(default, setter(into))]
    pub session_id: Option<&'a str>,
    /// What kind of event it is, 1 to 50 characters.
    pub event_type: &'a str,
    /// What it belongs to, 1 to 50 characters.
    pub event_category: &'a str,
    /// What kind of thing is acted on, 1 to 50 characters.
    #[builder(default, setter(into))]
    pub resource_type: Option<&'a str>,
    /// Which one, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub resource_id: Option<&'a str>,
    /// What is done, 1 to 100 characters.
    pub action: &'a str,
    /// The same in words.
    #[builder(default, setter(into))]
    pub description: Option<&'a str>,
    /// From which address, up to 45 characters.
    #[builder(default, setter(into))]
    pub ip_address: Option<&'a str>,
    /// With which program.
    #[builder(default, setter(into))]
    pub user_agent: Option<&'a str>,
    /// OptionalFilter; unless told, now.
    #[builder(default = UtcTime::now())]
    pub timestamp: UtcTime,
    /// How grave it is; unless told, [`Severity::Info`].
    #[builder(default = Severity::Info)]
    pub severity: Severity,
    /// Whether it worked; unless told, yes.
    #[builder(default = true)]
    pub success: bool,
    /// Why not.
    #[builder(default, setter(into))]
    pub error_message: Option<&'a str>,
    /// What was asked. Leave secrets out: what is here stays.
    #[builder(default, setter(into))]
    pub request_data: Option<Json<Value>>,
    /// What was answered. Leave secrets out here too.
    #[builder(default, setter(into))]
    pub response_data: Option<Json<Value>>,
    /// What the application keeps beside; unless told, an empty object.
    #[builder(default = Json::empty_object())]
    pub metadata: Json<Value>,
}

/// Which entries to list; what is `None` does not matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditFilter<'a> {
    /// Those of this user.
    pub user_id: Option<UserId>,
    /// Those of this type.
    pub event_type: Option<&'a str>,
    /// Those of this category.
    pub event_category: Option<&'a str>,
    /// Those about this kind of thing.
    pub resource_type: Option<&'a str>,
    /// Those about this one; useful with `resource_type`.
    pub resource_id: Option<&'a str>,
    /// Those exactly this grave.
    pub severity: Option<Severity>,
    /// Those at or after this time.
    pub from: Option<UtcTime>,
    /// Those before this time.
    pub until: Option<UtcTime>,
}

impl NewAuditEvent<'_> {
    /// Appends the event: the only way to write to the audit log.
    ///
    /// It runs inside the caller's transaction, if there is one: then either what is recorded and
    /// its record are both kept, or neither is. It takes the log's place in line until the transaction
    /// ends, so append last; on PostgreSQL, what waits for another lock after it can deadlock.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if there is no such user or a value breaks a rule.
    pub fn append(&self, connection: &mut DbConnection) -> Result<AuditEntry> {
        let json = |value: &Json<Value>| {
            value.to_text().map_err(diesel::result::Error::SerializationError)
        };
        let request = self.request_data.as_ref().map(json).transpose()?;
        let response = self.response_data.as_ref().map(json).transpose()?;
        let metadata = json(&self.metadata)?;
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
                event_type: self.event_type,
                event_category: self.event_category,
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
                request_data: request.as_deref(),
                response_data: response.as_deref(),
                metadata: &metadata,
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

impl AuditEntry {
    /// The entry with this public id.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_event_id(
        connection: &mut DbConnection,
        event_id: PublicId,
    ) -> Result<Option<Self>> {
        find_one!(connection, audit_log, audit_log::event_id.eq(event_id))
    }

    /// The entries that the filter lets through, the newest first. The cursor is a `seq`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page(
        connection: &mut DbConnection,
        filter: AuditFilter<'_>,
        before: Option<i64>,
        size: PageSize,
    ) -> Result<Page<Self, i64>> {
        let category = filter.event_category.map(|c| audit_log::event_category.eq(c));
        let rows = dispatch!(connection, |connection| audit_log::table
            .select(Self::as_select())
            .filter(audit_log::seq.lt(before.unwrap_or(i64::MAX)))
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
        Ok(Page::of(rows, size, |entry: &Self| entry.seq))
    }
}
