//! Sessions of signed-in users.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::user::User;
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{
    Cursor, LiteralLimit, Page, PageSize, Parent, Prepare, explain_broken_reference, find_one,
    paged, require_affected, retained,
};
use crate::schema::{user_sessions, users};
use crate::types::{
    JsonText, SessionToken, TokenHash, UserId, UserSessionId, UserSessionPublicId, UtcTime,
};

diesel::alias! {
    // The sessions that retention is about to delete.
    const DOOMED: Alias<Doomed> = user_sessions as doomed;
}

retained!(UserSession, user_sessions, UserSessionId, expires_at, user_sessions::expires_at);

/// Session of a signed-in user, without its token: the database holds only the token's hash.
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
#[diesel(table_name = user_sessions, belongs_to(User))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct UserSession {
    /// Primary key.
    pub id: UserSessionId,
    /// Public id, which is not a secret.
    pub session_id: UserSessionPublicId,
    /// User who is signed in.
    pub user_id: UserId,
    /// IP address at sign-in.
    pub ip_address: Option<String>,
    /// User agent at sign-in.
    pub user_agent: Option<String>,
    /// Time of sign-in.
    pub created_at: UtcTime,
    /// Time of the last recorded use: at most one a minute is recorded.
    pub last_activity: UtcTime,
    /// Time at which the session ends unless it is used.
    pub idle_expires_at: UtcTime,
    /// Time at which the session ends even if it is used.
    pub expires_at: UtcTime,
    /// Whether the session is active: `false` once it is revoked, but not when it expires.
    pub is_active: bool,
    /// Time of revocation, if any.
    pub revoked_at: Option<UtcTime>,
    /// Fingerprint of the device.
    pub device_fingerprint: Option<String>,
    /// Location of the IP address, in the application's form.
    pub location_info: Option<JsonText>,
}

/// Session to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = user_sessions)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewUserSession<'a> {
    /// Public id; a new UUID by default.
    #[builder(default = UserSessionPublicId::new())]
    pub session_id: UserSessionPublicId,
    /// User who signs in.
    pub user_id: UserId,
    /// Hash of the token that the client holds. The builder takes the [`SessionToken`].
    #[builder(setter(transform = |token: &SessionToken| token.hash()))]
    #[diesel(column_name = token_hash)]
    pub token: TokenHash,
    /// IP address of the client, 1 to 45 characters.
    #[builder(default, setter(into))]
    pub ip_address: Option<&'a str>,
    /// User agent of the client.
    #[builder(default, setter(into))]
    pub user_agent: Option<&'a str>,
    /// Time at which the session ends unless it is used; not after `expires_at`.
    pub idle_expires_at: UtcTime,
    /// Time at which the session ends in any case.
    pub expires_at: UtcTime,
    /// Fingerprint of the device, 1 to 255 characters.
    #[builder(default, setter(into))]
    pub device_fingerprint: Option<&'a str>,
    /// Location of the IP address, in the application's form.
    #[builder(default, setter(into))]
    pub location_info: Option<JsonText>,
}

impl NewUserSession<'_> {
    /// Inserts the session and returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the user does not exist, the token is in
    /// use, the times are out of order, or a value breaks a rule.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<UserSession> {
        // The clock that the times of expiry are of, which the schema compares with it.
        let now = UtcTime::now();
        let begun = (user_sessions::created_at.eq(now), user_sessions::last_activity.eq(now));
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(user_sessions::table)
                .values((self, begun))
                .returning(UserSession::as_returning())
                .get_result(connection));
        let user = Some(Parent::User(self.user_id));
        explain_broken_reference(connection, result, &[("user_sessions_user_id_fkey", user)])
    }
}

paged!(UserSession, "user_sessions", (UtcTime, UserSessionId), |session| (
    session.last_activity,
    session.id
));

/// Seconds after a recorded use of a session within which another is not recorded.
const RECORDED_EVERY: u32 = 60;

impl UserSession {
    /// Returns the session with this token, if any, that is neither revoked nor expired at the time
    /// `now`.
    ///
    /// This does not check whether the user is active; [`authenticate`](Self::authenticate) and
    /// [`is_allowed`](crate::models::is_allowed) do.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_live(
        connection: &mut DbConnection,
        token: &SessionToken,
        now: UtcTime,
    ) -> Result<Option<Self>> {
        find_one!(
            connection,
            user_sessions,
            user_sessions::token_hash.eq(token.hash()),
            user_sessions::is_active,
            user_sessions::idle_expires_at.gt(now),
            user_sessions::expires_at.gt(now)
        )
    }

    /// Returns the session with this token, if any, that is neither revoked nor expired at the time
    /// `now`, and its user, if the user is active. This is one query.
    ///
    /// A lock of the account ([`User::locked_until`]) does not matter: it refuses sign-ins, and whoever
    /// guesses passwords must not be able to end the sessions of the owner. Nor does
    /// [`User::must_change_password`], which the application reads in the user.
    ///
    /// A replica may not have a sign-in or a revocation of the last moment yet: in
    /// [`Database::read_primary`](crate::Database::read_primary), both count at once.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn authenticate(
        connection: &mut DbConnection,
        token: &SessionToken,
        now: UtcTime,
    ) -> Result<Option<(Self, User)>> {
        Ok(dispatch!(connection, |connection| user_sessions::table
            .inner_join(users::table)
            .select((Self::as_select(), User::as_select()))
            .filter(user_sessions::token_hash.eq(token.hash()))
            .filter(user_sessions::is_active)
            .filter(user_sessions::idle_expires_at.gt(now))
            .filter(user_sessions::expires_at.gt(now))
            .filter(users::is_active)
            .get_result(connection)
            .optional())?)
    }

    /// Whether [`UserSession::touch`] would record a use at the time `now`, as far as this row says: if not, nobody has to
    /// wait for the connection for writing.
    #[must_use]
    pub fn is_touch_due(&self, now: UtcTime) -> bool {
        self.is_active
            && self.idle_expires_at > now
            && (self.last_activity <= now.minus_seconds(RECORDED_EVERY)
                || self.idle_expires_at <= now.plus_seconds(RECORDED_EVERY))
    }

    /// Records a use of the session at the time `now`, and sets `idle_expires_at`, but not to a time
    /// after `expires_at`.
    ///
    /// Returns whether the use was recorded, which [`UserSession::is_touch_due`] tells in advance. It is not within a
    /// minute of the last recorded use, unless the session would expire within the next minute, and never for a session
    /// that is revoked or has expired.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn touch(
        connection: &mut Writer<'_>,
        id: UserSessionId,
        now: UtcTime,
        idle_expires_at: UtcTime,
    ) -> Result<bool> {
        let capped = diesel::dsl::case_when(
            user_sessions::expires_at.lt(idle_expires_at),
            user_sessions::expires_at,
        )
        .otherwise(idle_expires_at.into_sql::<UtcTime>());
        let touched = dispatch!(connection, |connection| diesel::update(user_sessions::table)
            .filter(user_sessions::id.eq(id).and(user_sessions::is_active))
            .filter(user_sessions::idle_expires_at.gt(now))
            .filter(
                // Whoever would be idle within the minute cannot wait it out.
                user_sessions::last_activity
                    .le(now.minus_seconds(RECORDED_EVERY))
                    .or(user_sessions::idle_expires_at.le(now.plus_seconds(RECORDED_EVERY))),
            )
            .set((user_sessions::last_activity.eq(now), user_sessions::idle_expires_at.eq(capped),))
            .returning(user_sessions::id)
            .prepared()
            .load::<UserSessionId>(connection))?
        .len();
        Ok(touched > 0)
    }

    /// Revokes the session. Revoking it again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no session has this id.
    pub fn revoke(connection: &mut Writer<'_>, id: UserSessionId) -> Result<()> {
        let revoked_at = diesel::dsl::case_when(
            user_sessions::revoked_at.is_null(),
            UtcTime::now().into_sql::<diesel::sql_types::Nullable<UtcTime>>(),
        )
        .otherwise(user_sessions::revoked_at);
        require_affected(
            dispatch!(connection, |connection| diesel::update(user_sessions::table.find(id))
                .set(
                    (user_sessions::is_active.eq(false), user_sessions::revoked_at.eq(revoked_at),)
                )
                .execute(connection))?,
            "user_sessions",
            id,
        )
    }

    /// Revokes every active session of the user, except the session `but` if it is given. Returns the
    /// number of sessions revoked.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn revoke_all(
        connection: &mut Writer<'_>,
        user: UserId,
        but: Option<UserSessionId>,
    ) -> Result<usize> {
        Ok(dispatch!(connection, |connection| diesel::update(user_sessions::table)
            .filter(user_sessions::user_id.eq(user).and(user_sessions::is_active))
            .filter(user_sessions::id.ne(but.unwrap_or(UserSessionId(0))))
            .set(
                (user_sessions::is_active.eq(false), user_sessions::revoked_at.eq(UtcTime::now()),)
            )
            .execute(connection))?)
    }

    /// Returns the user's sessions, including revoked and expired ones, ordered by last use, newest
    /// first. The page begins at the cursor `before`, or with the newest if it is
    /// `None`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page_for_user(
        connection: &mut DbConnection,
        user: UserId,
        before: Option<Cursor<Self>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let (time, id) = before.map_or((UtcTime::MAX, UserSessionId(i64::MAX)), Cursor::position);
        let rows = dispatch!(connection, |connection| user_sessions::table
            .select(Self::as_select())
            .filter(user_sessions::user_id.eq(user))
            .filter(user_sessions::last_activity.le(time))
            .filter(user_sessions::last_activity.lt(time).or(user_sessions::id.lt(id)))
            .order((user_sessions::last_activity.desc(), user_sessions::id.desc()))
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }

    /// Deletes the sessions that expired before `before`, at most `batch` of them. Returns the number of deleted
    /// sessions; call it until that is 0.
    ///
    /// Revoked sessions are kept until they expire, so that the time of revocation can be seen.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn purge_expired(
        connection: &mut Writer<'_>,
        before: UtcTime,
        batch: PageSize,
    ) -> Result<usize> {
        let expired = DOOMED
            .select(DOOMED.field(user_sessions::id))
            .filter(DOOMED.field(user_sessions::expires_at).lt(before))
            .order(DOOMED.field(user_sessions::expires_at))
            .limit(batch.rows().into());
        Ok(dispatch!(connection, |connection| diesel::delete(user_sessions::table)
            .filter(user_sessions::id.eq_any(expired))
            // Again, for one that was extended while this waited for it.
            .filter(user_sessions::expires_at.lt(before))
            .execute(connection))?)
    }
}
