//! Messages of the application to its users.

use diesel::dsl::not;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::models::User;
use crate::models::query::{
    LiteralLimit, OptionalFilter, Page, PageSize, Parent, Prepare, explain_broken_reference,
    not_before,
};
use crate::schema::{notifications, users};
use crate::types::{Json, NotificationId, NotificationType, PublicId, RoleId, UserId, UtcTime};

/// A message to a user. It is gone after `expires_at`, though its row stays until it is purged.
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
#[diesel(table_name = notifications, belongs_to(User))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct Notification {
    /// The row's key.
    pub id: NotificationId,
    /// The public id.
    pub notification_id: PublicId,
    /// To whom.
    pub user_id: UserId,
    /// What it is about.
    pub title: String,
    /// The message.
    pub message: String,
    /// What kind it is.
    #[serde(rename = "type")]
    pub type_: NotificationType,
    /// The group that it is shown in.
    pub category: String,
    /// How urgent it is: 0 to 10, 10 the most.
    pub priority: i32,
    /// Whether it has been read.
    pub is_read: bool,
    /// When.
    pub read_at: Option<UtcTime>,
    /// Where it leads.
    pub action_url: Option<String>,
    /// What the link says.
    pub action_label: Option<String>,
    /// When it is gone.
    pub expires_at: Option<UtcTime>,
    /// When it was sent.
    pub created_at: UtcTime,
    /// When it was last changed.
    pub updated_at: UtcTime,
    /// What the application keeps beside.
    pub metadata: Json<Value>,
}

/// A message to send, to one user or to many.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = notifications)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewNotification<'a> {
    /// What it is about, 1 to 200 characters.
    pub title: &'a str,
    /// The message.
    pub message: &'a str,
    /// What kind it is.
    pub type_: NotificationType,
    /// The group that it is shown in, 1 to 50 characters; unless told, `general`.
    #[builder(default = "general")]
    pub category: &'a str,
    /// How urgent it is: 0 to 10; unless told, 1.
    #[builder(default = 1)]
    pub priority: i32,
    /// Where it leads, 1 to 500 characters.
    #[builder(default, setter(into))]
    pub action_url: Option<&'a str>,
    /// What the link says, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub action_label: Option<&'a str>,
    /// When it is gone; unless told, never.
    #[builder(default, setter(into))]
    pub expires_at: Option<UtcTime>,
    /// What the application keeps beside; unless told, an empty object.
    #[builder(default = Json::empty_object())]
    pub metadata: Json<Value>,
}

/// How many users one statement writes to.
const USERS_PER_STATEMENT: usize = 64;

impl NewNotification<'_> {
    /// Sends the message to one user.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if there is no such user or a value breaks a
    /// rule.
    pub fn send_to(&self, connection: &mut DbConnection, user: UserId) -> Result<Notification> {
        let row = (
            notifications::user_id.eq(user),
            notifications::notification_id.eq(PublicId::new()),
            self,
        );
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(notifications::table)
                .values(row)
                .returning(Notification::as_returning())
                .get_result(connection));
        let user = Some(Parent::User(user));
        explain_broken_reference(connection, result, &[("notifications_user_id_fkey", user)])
    }

    /// Sends the message to every active user with this role, or to none. Returns to how many.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if a value breaks a rule.
    pub fn send_to_role(&self, connection: &mut DbConnection, role: RoleId) -> Result<usize> {
        self.send_to_many(connection, Some(role))
    }

    /// Sends the message to every active user, or to none. Returns to how many.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if a value breaks a rule.
    pub fn send_to_all(&self, connection: &mut DbConnection) -> Result<usize> {
        self.send_to_many(connection, None)
    }

    fn send_to_many(&self, connection: &mut DbConnection, role: Option<RoleId>) -> Result<usize> {
        connection.write(|connection| {
            let receivers: Vec<UserId> = dispatch!(&mut *connection, |connection| users::table
                .select(users::id)
                .filter(OptionalFilter(role.map(|role| users::role_id.eq(role))))
                // Not the bare column, for which SQLite does not use an index.
                .filter(users::is_active.eq(true))
                .order(users::id)
                .load(connection))?;
            for some in receivers.chunks(USERS_PER_STATEMENT) {
                let row = |user: &UserId| {
                    let id = notifications::notification_id.eq(PublicId::new());
                    (notifications::user_id.eq(*user), id, self)
                };
                let rows: Vec<_> = some.iter().map(row).collect();
                dispatch!(&mut *connection, |connection| diesel::insert_into(
                    notifications::table
                )
                .values(rows)
                .execute(connection))?;
            }
            Ok(receivers.len())
        })
    }
}

impl Notification {
    /// How many messages the user has not read, those that are gone at `now` left out.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn count_unread(connection: &mut DbConnection, user: UserId, now: UtcTime) -> Result<i64> {
        let there = notifications::expires_at.is_null().or(notifications::expires_at.gt(now));
        Ok(dispatch!(connection, |connection| notifications::table
            .filter(notifications::user_id.eq(user).and(not(notifications::is_read)))
            .filter(there)
            .count()
            .get_result(connection))?)
    }

    /// The user's messages, all or the unread ones, the newest first, those that are gone at `now`
    /// left out.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page_for_user(
        connection: &mut DbConnection,
        user: UserId,
        unread_only: bool,
        now: UtcTime,
        before: Option<NotificationId>,
        size: PageSize,
    ) -> Result<Page<Self, NotificationId>> {
        let there = notifications::expires_at.is_null().or(notifications::expires_at.gt(now));
        let rows = dispatch!(connection, |connection| notifications::table
            .select(Self::as_select())
            .filter(notifications::user_id.eq(user))
            .filter(OptionalFilter(unread_only.then(|| not(notifications::is_read))))
            .filter(there)
            .filter(notifications::id.lt(before.unwrap_or(NotificationId(i64::MAX))))
            .order(notifications::id.desc())
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size, |notification: &Self| notification.id))
    }

    /// Records that the user has read one of their messages. Returns whether it was unread.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn mark_read(
        connection: &mut DbConnection,
        user: UserId,
        id: NotificationId,
    ) -> Result<bool> {
        let set = (
            notifications::is_read.eq(true),
            notifications::read_at.eq(not_before!(notifications::created_at, UtcTime::now())),
        );
        let marked = dispatch!(connection, |connection| diesel::update(notifications::table)
            .filter(notifications::id.eq(id).and(notifications::user_id.eq(user)))
            .filter(not(notifications::is_read))
            .set(set)
            .returning(notifications::id)
            .prepared()
            .load::<NotificationId>(connection))?
        .len();
        Ok(marked > 0)
    }

    /// Records that the user has read every message. Returns how many were unread.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn mark_all_read(connection: &mut DbConnection, user: UserId) -> Result<usize> {
        let set = (
            notifications::is_read.eq(true),
            notifications::read_at.eq(not_before!(notifications::created_at, UtcTime::now())),
        );
        Ok(dispatch!(connection, |connection| diesel::update(notifications::table)
            .filter(notifications::user_id.eq(user).and(not(notifications::is_read)))
            .set(set)
            .execute(connection))?)
    }

    /// Deletes the messages that were gone before `before`. Returns how many.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn purge_expired(connection: &mut DbConnection, before: UtcTime) -> Result<usize> {
        Ok(dispatch!(connection, |connection| diesel::delete(notifications::table)
            .filter(notifications::expires_at.lt(before))
            .execute(connection))?)
    }
}
