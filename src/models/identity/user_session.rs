//! Sessions: who is signed in, and until when.

use diesel::prelude::*;
use serde::Serialize;
use serde_json::Value;
use typed_builder::TypedBuilder;

use super::user::User;
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{
    LiteralLimit, Page, PageSize, Parent, Prepare, explain_broken_reference, find_one,
    require_affected,
};
use crate::schema::user_sessions;
use crate::types::{Json, PublicId, TokenHash, UserId, UserSessionId, UtcTime};

/// A session, without its token: only the token's hash is stored, and that is only compared.
#[derive(
    Clone, Debug, PartialEq, Eq, Associations, Identifiable, Queryable, Selectable, Serialize,
)]
#[diesel(table_name = user_sessions, belongs_to(User))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct UserSession {
    /// The row's key.
    pub id: UserSessionId,
    /// The public id, which is no secret. An adopted database may hold other forms than UUIDs.
    pub session_id: String,
    /// Who is signed in.
    pub user_id: UserId,
    /// From which address.
    pub ip_address: Option<String>,
    /// With which program.
    pub user_agent: Option<String>,
    /// Since when.
    pub created_at: UtcTime,
    /// When the session was last used; written at most once a minute.
    pub last_activity: UtcTime,
    /// When it ends unless it is used.
    pub idle_expires_at: UtcTime,
    /// When it ends in any case.
    pub expires_at: UtcTime,
    /// False once it is revoked.
    pub is_active: bool,
    /// When it was revoked.
    pub revoked_at: Option<UtcTime>,
    /// What the device is known by.
    pub device_fingerprint: Option<String>,
    /// Where the address is.
    pub location_info: Option<Json<Value>>,
}

/// A session to open.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = user_sessions)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewUserSession<'a> {
    /// The public id; unless told, a new one.
    #[builder(default = PublicId::new())]
    pub session_id: PublicId,
    /// Who signs in.
    pub user_id: UserId,
    /// The hash of the token that the client holds.
    pub token_hash: TokenHash,
    /// From which address, up to 45 characters.
    #[builder(default, setter(into))]
    pub ip_address: Option<&'a str>,
    /// With which program.
    #[builder(default, setter(into))]
    pub user_agent: Option<&'a str>,
    /// When the session ends unless it is used: not after `expires_at`.
    pub idle_expires_at: UtcTime,
    /// When it ends in any case.
    pub expires_at: UtcTime,
    /// What the device is known by, up to 255 characters.
    #[builder(default, setter(into))]
    pub device_fingerprint: Option<&'a str>,
    /// Where the address is.
    #[builder(default, setter(into))]
    pub location_info: Option<Json<Value>>,
}

impl NewUserSession<'_> {
    /// Opens the session.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if there is no such user, the token is in use
    /// already, or the times are not in order.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<UserSession> {
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(user_sessions::table)
                .values(self)
                .returning(UserSession::as_returning())
                .get_result(connection));
        let user = Some(Parent::User(self.user_id));
        explain_broken_reference(connection, result, &[("user_sessions_user_id_fkey", user)])
    }
}

impl UserSession {
    /// The session with this token, if it is alive at `now`: not revoked, not idle for too long, not
    /// expired. Whether its user is still active is the user's row to say.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_live(
        connection: &mut DbConnection,
        token: TokenHash,
        now: UtcTime,
    ) -> Result<Option<Self>> {
        find_one!(
            connection,
            user_sessions,
            user_sessions::token_hash.eq(token),
            user_sessions::is_active,
            user_sessions::idle_expires_at.gt(now),
            user_sessions::expires_at.gt(now)
        )
    }

    /// Records that the session was used, and lets it idle until `idle_expires_at` (but not beyond
    /// `expires_at`). Returns whether anything was written: within a minute of the last time nothing
    /// is, and nothing for a session that has been revoked or has ended.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn touch(
        connection: &mut DbConnection,
        id: UserSessionId,
        now: UtcTime,
        idle_expires_at: UtcTime,
    ) -> Result<bool> {
        let capped = diesel::dsl::case_when(
            user_sessions::expires_at.lt(idle_expires_at),
            user_sessions::expires_at,
        )
        .otherwise(idle_expires_at.into_sql::<diesel::sql_types::Timestamp>());
        let touched = dispatch!(connection, |connection| diesel::update(user_sessions::table)
            .filter(user_sessions::id.eq(id).and(user_sessions::is_active))
            .filter(user_sessions::idle_expires_at.gt(now))
            .filter(
                // Whoever would be idle within the minute cannot wait it out.
                user_sessions::last_activity
                    .le(now.minus_seconds(60))
                    .or(user_sessions::idle_expires_at.le(now.plus_seconds(60))),
            )
            .set((user_sessions::last_activity.eq(now), user_sessions::idle_expires_at.eq(capped),))
            .returning(user_sessions::id)
            .prepared()
            .load::<UserSessionId>(connection))?
        .len();
        Ok(touched > 0)
    }

    /// Ends the session. Ending it again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound).
    pub fn revoke(connection: &mut DbConnection, id: UserSessionId) -> Result<()> {
        let revoked_at = diesel::dsl::case_when(
            user_sessions::revoked_at.is_null(),
            UtcTime::now().into_sql::<diesel::sql_types::Nullable<diesel::sql_types::Timestamp>>(),
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

    /// Ends every session of the user but, perhaps, the one that asks. Returns how many.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn revoke_all(
        connection: &mut DbConnection,
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

    /// The user's sessions, ended ones too, the last used first.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page_for_user(
        connection: &mut DbConnection,
        user: UserId,
        before: Option<(UtcTime, UserSessionId)>,
        size: PageSize,
    ) -> Result<Page<Self, (UtcTime, UserSessionId)>> {
        let (time, id) = before.unwrap_or((UtcTime::MAX, UserSessionId(i64::MAX)));
        let rows = dispatch!(connection, |connection| user_sessions::table
            .select(Self::as_select())
            .filter(user_sessions::user_id.eq(user))
            .filter(user_sessions::last_activity.le(time))
            .filter(user_sessions::last_activity.lt(time).or(user_sessions::id.lt(id)))
            .order((user_sessions::last_activity.desc(), user_sessions::id.desc()))
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size, |session: &Self| (session.last_activity, session.id)))
    }

    /// Deletes the sessions that ended by time before `before`. Returns how many.
    ///
    /// Revoked ones go when their time comes, so that it can be seen until then when they ended.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn purge_expired(connection: &mut DbConnection, before: UtcTime) -> Result<usize> {
        Ok(dispatch!(connection, |connection| diesel::delete(user_sessions::table)
            .filter(user_sessions::expires_at.lt(before))
            .execute(connection))?)
    }
}
