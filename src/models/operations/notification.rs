//! Notifications of the application to its users.

use diesel::dsl::not;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::models::User;
use crate::models::query::{
    Cursor, LiteralLimit, OptionalFilter, Page, PageSize, Parent, Prepare,
    explain_broken_reference, insert_rows, not_before, paged, retained,
};
use crate::schema::{notifications, users};
use crate::types::{
    JsonText, NotificationId, NotificationPublicId, NotificationType, RoleId, UserId, UtcTime,
};

diesel::alias! {
    // The notifications that retention is about to delete.
    const DOOMED: Alias<Doomed> = notifications as doomed;
}

retained!(
    Notification,
    notifications,
    NotificationId,
    expires_at,
    notifications::expires_at.assume_not_null()
);

/// Notification to a user. Queries omit it after `expires_at`; its row stays until it is purged.
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
    /// Primary key.
    pub id: NotificationId,
    /// Public UUID.
    pub notification_id: NotificationPublicId,
    /// User who receives the notification.
    pub user_id: UserId,
    /// Title.
    pub title: String,
    /// Text of the notification.
    pub message: String,
    /// Type of the notification.
    #[serde(rename = "type")]
    pub type_: NotificationType,
    /// Group in which the notification is shown.
    pub category: String,
    /// Priority from 0 to 10, where 10 is the highest.
    pub priority: i32,
    /// Whether the user has read the notification.
    pub is_read: bool,
    /// Time of reading, if any.
    pub read_at: Option<UtcTime>,
    /// URL that the notification links to.
    pub action_url: Option<String>,
    /// Label of the link.
    pub action_label: Option<String>,
    /// Time of expiry; `None` if the notification does not expire.
    pub expires_at: Option<UtcTime>,
    /// Time of creation.
    pub created_at: UtcTime,
    /// Time of the last change.
    pub updated_at: UtcTime,
    /// Application-defined metadata.
    pub metadata: JsonText,
}

/// Notification to send to one user or to many.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = notifications)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewNotification<'a> {
    /// Title, 1 to 200 characters.
    pub title: &'a str,
    /// Text of the notification.
    pub message: &'a str,
    /// Type of the notification.
    pub type_: NotificationType,
    /// Group in which the notification is shown, 1 to 50 characters; `general` by default.
    #[builder(default = "general")]
    pub category: &'a str,
    /// Priority from 0 to 10, where 10 is the highest; 1 by default.
    #[builder(default = 1)]
    pub priority: i32,
    /// URL that the notification links to, 1 to 500 characters.
    #[builder(default, setter(into))]
    pub action_url: Option<&'a str>,
    /// Label of the link, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub action_label: Option<&'a str>,
    /// Time of expiry; by default the notification does not expire.
    #[builder(default, setter(into))]
    pub expires_at: Option<UtcTime>,
    /// Application-defined metadata; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub metadata: JsonText,
}

impl NewNotification<'_> {
    /// Sends the notification to one user and returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the user does not exist or a value breaks a
    /// rule.
    pub fn send_to(&self, connection: &mut Writer<'_>, user: UserId) -> Result<Notification> {
        let row = (
            notifications::user_id.eq(user),
            notifications::notification_id.eq(NotificationPublicId::new()),
            // The clock that the time of expiry is of, which the schema compares with it.
            notifications::created_at.eq(UtcTime::now()),
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

    /// Sends the notification to every active user with this role, in one transaction. Returns the
    /// number of users.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if a value breaks a rule.
    pub fn send_to_role(&self, connection: &mut Writer<'_>, role: RoleId) -> Result<usize> {
        self.send_to_many(connection, Some(role))
    }

    /// Sends the notification to every active user, in one transaction. Returns the number of
    /// users.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if a value breaks a rule.
    pub fn send_to_all(&self, connection: &mut Writer<'_>) -> Result<usize> {
        self.send_to_many(connection, None)
    }

    fn send_to_many(&self, connection: &mut Writer<'_>, role: Option<RoleId>) -> Result<usize> {
        connection.write(|connection| {
            let receivers: Vec<UserId> = dispatch!(&mut *connection, |connection| users::table
                .select(users::id)
                .filter(OptionalFilter(role.map(|role| users::role_id.eq(role))))
                // Not the bare column, for which SQLite does not use an index.
                .filter(users::is_active.eq(true))
                .order(users::id)
                .load(connection))?;
            let created = notifications::created_at.eq(UtcTime::now());
            Ok(dispatch!(connection, |connection| {
                let row = |user: &UserId| {
                    let id = notifications::notification_id.eq(NotificationPublicId::new());
                    (notifications::user_id.eq(*user), id, created, self).values().values
                };
                insert_rows(connection, notifications::table, &receivers, row)
            })?)
        })
    }
}

paged!(Notification, "notifications", NotificationId, |notification| notification.id);

impl Notification {
    /// Returns the number of the user's unread notifications that have not expired at the time
    /// `now`.
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

    /// Returns the user's notifications that have not expired at the time `now`, all or only the
    /// unread ones, newest first. The page begins at the cursor `before`, or with the
    /// newest if it is `None`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page_for_user(
        connection: &mut DbConnection,
        user: UserId,
        unread_only: bool,
        now: UtcTime,
        before: Option<Cursor<Self>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let there = notifications::expires_at.is_null().or(notifications::expires_at.gt(now));
        let rows = dispatch!(connection, |connection| notifications::table
            .select(Self::as_select())
            .filter(notifications::user_id.eq(user))
            .filter(OptionalFilter(unread_only.then(|| not(notifications::is_read))))
            .filter(there)
            .filter(notifications::id.lt(before.map_or(NotificationId(i64::MAX), Cursor::position)))
            .order(notifications::id.desc())
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }

    /// Marks a notification of the user as read. Returns `false` if it is already read or does not
    /// exist.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn mark_read(
        connection: &mut Writer<'_>,
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

    /// Marks every notification of the user as read. Returns the number that were unread.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn mark_all_read(connection: &mut Writer<'_>, user: UserId) -> Result<usize> {
        let set = (
            notifications::is_read.eq(true),
            notifications::read_at.eq(not_before!(notifications::created_at, UtcTime::now())),
        );
        Ok(dispatch!(connection, |connection| diesel::update(notifications::table)
            .filter(notifications::user_id.eq(user).and(not(notifications::is_read)))
            .set(set)
            .execute(connection))?)
    }

    /// Deletes the notifications that expired before `before`, at most `batch` of them. Returns the number of deleted
    /// notifications; call it until that is 0.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn purge_expired(
        connection: &mut Writer<'_>,
        before: UtcTime,
        batch: PageSize,
    ) -> Result<usize> {
        let expired = DOOMED
            .select(DOOMED.field(notifications::id))
            .filter(DOOMED.field(notifications::expires_at).lt(before))
            .order(DOOMED.field(notifications::expires_at))
            .limit(batch.rows().into());
        Ok(dispatch!(connection, |connection| diesel::delete(notifications::table)
            .filter(notifications::id.eq_any(expired))
            // Again, for one that was changed while this waited for it.
            .filter(notifications::expires_at.lt(before))
            .execute(connection))?)
    }
}
