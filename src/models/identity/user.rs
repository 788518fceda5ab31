//! Users, without their credentials.

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable};
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::credentials::algorithm_of;
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::models::Role;
use crate::models::query::{Parent, explain_broken_reference, find_one, not_found};
use crate::schema::users;
use crate::types::account_name::canonical;
use crate::types::{
    EmailAddress, JsonText, PasswordHash, RoleId, UserId, UserPublicId, Username, UtcTime,
};

/// User, without credentials: see [`UserCredentials`](super::UserCredentials).
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
#[diesel(table_name = users, belongs_to(Role))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct User {
    /// Primary key.
    pub id: UserId,
    /// Public UUID.
    pub uuid: UserPublicId,
    /// Name for signing in, in lower case.
    pub username: String,
    /// Email address, in lower case.
    pub email: String,
    /// Role of the user.
    pub role_id: RoleId,
    /// Full name.
    pub full_name: Option<String>,
    /// Name to show to people.
    pub display_name: Option<String>,
    /// URL of the picture.
    pub avatar_url: Option<String>,
    /// IANA name of the time zone.
    pub timezone: String,
    /// Language and region, such as `en-US`.
    pub locale: String,
    /// Time of creation.
    pub created_at: UtcTime,
    /// Time of the last change.
    pub updated_at: UtcTime,
    /// Time of the last sign-in, if any.
    pub last_login: Option<UtcTime>,
    /// Time of the last change of the password.
    pub last_password_change: UtcTime,
    /// Time at which the password expires; `None` if it does not expire.
    pub password_expires_at: Option<UtcTime>,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// Whether the email address is verified.
    pub is_verified: bool,
    /// Time of the verification of the email address, if any.
    pub email_verified_at: Option<UtcTime>,
    /// Number of failed sign-ins since the last successful one.
    pub failed_login_attempts: i32,
    /// End of the account's lock; `None` if the account is not locked.
    pub locked_until: Option<UtcTime>,
    /// Whether the password must be changed at the next sign-in.
    pub must_change_password: bool,
    /// Whether signing in needs a second factor.
    pub two_factor_enabled: bool,
    /// Whether the user wants to be notified of each sign-in.
    pub login_notification_enabled: bool,
    /// Idle time after which a session ends, in minutes.
    pub session_timeout_minutes: i32,
    /// User who created the account; `None` if unknown, or if that user has been deleted.
    pub created_by: Option<UserId>,
    /// User who last changed the account; `None` if unknown, or if that user has been deleted.
    pub updated_by: Option<UserId>,
    /// Application-defined metadata.
    pub metadata: JsonText,
}

/// User to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = users)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewUser<'a> {
    /// Public UUID; a new one by default.
    #[builder(default = UserPublicId::new())]
    pub uuid: UserPublicId,
    /// Name for signing in.
    pub username: Username,
    /// Email address.
    pub email: EmailAddress,
    /// Hash of the password, which names its algorithm.
    pub password_hash: PasswordHash,
    /// Role of the user.
    pub role_id: RoleId,
    /// Full name, up to 150 characters.
    #[builder(default, setter(into))]
    pub full_name: Option<&'a str>,
    /// Name to show to people, up to 100 characters.
    #[builder(default, setter(into))]
    pub display_name: Option<&'a str>,
    /// IANA name of the time zone, 1 to 50 characters; `UTC` by default.
    #[builder(default = "UTC")]
    pub timezone: &'a str,
    /// Language and region, 1 to 10 characters; `en-US` by default.
    #[builder(default = "en-US")]
    pub locale: &'a str,
    /// Whether the user may sign in; `true` by default.
    #[builder(default = true)]
    pub is_active: bool,
    /// Whether the password must be changed at the next sign-in; `false` by default.
    #[builder(default)]
    pub must_change_password: bool,
    /// User who creates the account.
    #[builder(default, setter(into))]
    pub created_by: Option<UserId>,
    /// Application-defined metadata; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub metadata: JsonText,
}

/// Changes to a user's profile. `None` leaves a column unchanged, `Some(None)` sets it to NULL.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = users)]
pub struct UserChanges<'a> {
    /// Email address. A new address counts as not verified, unless `is_verified` or
    /// `email_verified_at` is given as well.
    pub email: Option<EmailAddress>,
    /// Full name, up to 150 characters.
    pub full_name: Option<Option<&'a str>>,
    /// Name to show to people, up to 100 characters.
    pub display_name: Option<Option<&'a str>>,
    /// URL of the picture, up to 500 characters.
    pub avatar_url: Option<Option<&'a str>>,
    /// IANA name of the time zone, 1 to 50 characters.
    pub timezone: Option<&'a str>,
    /// Language and region, 1 to 10 characters.
    pub locale: Option<&'a str>,
    /// Whether the email address is verified.
    pub is_verified: Option<bool>,
    /// Time of the verification of the email address.
    pub email_verified_at: Option<Option<UtcTime>>,
    /// Whether the user wants to be notified of each sign-in.
    pub login_notification_enabled: Option<bool>,
    /// Idle time after which a session ends, in minutes, at least 1.
    pub session_timeout_minutes: Option<i32>,
    /// Application-defined metadata.
    pub metadata: Option<JsonText>,
    /// User who makes the changes.
    pub updated_by: Option<UserId>,
}

impl NewUser<'_> {
    /// Inserts the user and returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the username or the address is taken, the
    /// role or the creator does not exist, or another value breaks a rule.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<User> {
        let algorithm = algorithm_of(&self.password_hash, "users_password_algorithm_known")?;
        let algorithm = users::password_algorithm.eq(algorithm);
        let result = dispatch!(&mut *connection, |connection| diesel::insert_into(users::table)
            .values((self, algorithm))
            .returning(User::as_returning())
            .get_result(connection));
        let references = [
            ("users_role_id_fkey", Some(Parent::Role(self.role_id))),
            ("users_created_by_fkey", self.created_by.map(Parent::User)),
        ];
        explain_broken_reference(connection, result, &references)
    }
}

impl UserChanges<'_> {
    /// Applies the changes and returns the new row.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no user has this id;
    /// [`Error::Violation`](crate::Error::Violation) if the address is taken or a value breaks a
    /// rule.
    pub fn update(&self, connection: &mut Writer<'_>, id: UserId) -> Result<User> {
        // Another address has yet to be verified, unless the caller knows better.
        let unverified = self.is_verified.is_none() && self.email_verified_at.is_none();
        let reset = self.email.as_ref().filter(|_| unverified).map(|email| {
            let same = || users::email.eq(email);
            let verified =
                case_when(same(), users::is_verified).otherwise(false.into_sql::<Bool>());
            let when = case_when(same(), users::email_verified_at)
                .otherwise(None::<UtcTime>.into_sql::<Nullable<UtcTime>>());
            (users::is_verified.eq(verified), users::email_verified_at.eq(when))
        });
        let result =
            dispatch!(&mut *connection, |connection| diesel::update(users::table.find(id))
                .set((self, reset, users::updated_at.eq(UtcTime::now())))
                .returning(User::as_returning())
                .get_result(connection)
                .optional());
        let editor = self.updated_by.map(Parent::User);
        explain_broken_reference(connection, result, &[("users_updated_by_fkey", editor)])?
            .ok_or_else(not_found("users", "id", id))
    }
}

impl User {
    /// Returns the user with this id, if any.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: UserId) -> Result<Option<Self>> {
        find_one!(connection, users, users::id.eq(id))
    }

    /// Returns the user with this public UUID, if any.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_uuid(connection: &mut DbConnection, uuid: UserPublicId) -> Result<Option<Self>> {
        find_one!(connection, users, users::uuid.eq(uuid))
    }

    /// Returns the user with this username, if any. The text is composed, trimmed and lowered as a
    /// [`Username`] is; a text with a NUL finds nobody.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_username(connection: &mut DbConnection, name: &str) -> Result<Option<Self>> {
        let Some(name) = storable(name) else { return Ok(None) };
        find_one!(connection, users, users::username.eq(name))
    }

    /// Returns the user with this email address, if any. The text is composed, trimmed and lowered
    /// as an [`EmailAddress`] is; a text with a NUL finds nobody.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_email(connection: &mut DbConnection, email: &str) -> Result<Option<Self>> {
        let Some(email) = storable(email) else { return Ok(None) };
        find_one!(connection, users, users::email.eq(email))
    }

    /// Changes the user's role and returns the new row.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no user has this id;
    /// [`Error::Violation`](crate::Error::Violation) if the role or the user `by` does not exist.
    pub fn set_role(
        connection: &mut Writer<'_>,
        id: UserId,
        role: RoleId,
        by: Option<UserId>,
    ) -> Result<Self> {
        let set = (
            users::role_id.eq(role),
            users::updated_by.eq(by),
            users::updated_at.eq(UtcTime::now()),
        );
        let result =
            dispatch!(&mut *connection, |connection| diesel::update(users::table.find(id))
                .set(set)
                .returning(Self::as_returning())
                .get_result(connection)
                .optional());
        let references = [
            ("users_role_id_fkey", Some(Parent::Role(role))),
            ("users_updated_by_fkey", by.map(Parent::User)),
        ];
        explain_broken_reference(connection, result, &references)?
            .ok_or_else(not_found("users", "id", id))
    }

    /// Sets whether the user may sign in, and returns the new row.
    ///
    /// Open sessions and API keys stay as they are: see
    /// [`UserSession::revoke_all`](super::UserSession::revoke_all) and
    /// [`ApiKey::revoke_all`](super::ApiKey::revoke_all).
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no user has this id;
    /// [`Error::Violation`](crate::Error::Violation) if the user `by` does not exist.
    pub fn set_active(
        connection: &mut Writer<'_>,
        id: UserId,
        active: bool,
        by: Option<UserId>,
    ) -> Result<Self> {
        let set = (
            users::is_active.eq(active),
            users::updated_by.eq(by),
            users::updated_at.eq(UtcTime::now()),
        );
        let result =
            dispatch!(&mut *connection, |connection| diesel::update(users::table.find(id))
                .set(set)
                .returning(Self::as_returning())
                .get_result(connection)
                .optional());
        explain_broken_reference(
            connection,
            result,
            &[("users_updated_by_fkey", by.map(Parent::User))],
        )?
        .ok_or_else(not_found("users", "id", id))
    }
}

/// Returns the canonical form of a name to look up, unless it contains a NUL, which PostgreSQL would refuse.
///
/// It is not parsed: another program may have stored a name that breaks the rules of this crate but not those of the
/// database, and its owner wants to sign in.
fn storable(name: &str) -> Option<String> {
    Some(canonical(name)).filter(|name| !name.contains('\0'))
}
