//! Users, without what is secret.

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::{Result, Rule, Violation};
use crate::models::Role;
use crate::models::query::{
    LiteralLimit, OptionalFilter, Page, PageSize, Parent, contains_pattern,
    explain_broken_reference, find_one, not_found,
};
use crate::schema::{roles, users};
use crate::types::{Json, PasswordAlgorithm, PasswordHash, PublicId, RoleId, UserId, UtcTime};

/// A user, without what is secret: see [`UserCredentials`](super::UserCredentials).
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
    /// The row's key.
    pub id: UserId,
    /// The public id.
    pub uuid: PublicId,
    /// The name to sign in with, in lower case.
    pub username: String,
    /// The address, in lower case.
    pub email: String,
    /// The role.
    pub role_id: RoleId,
    /// The full name.
    pub full_name: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// Where the picture lies.
    pub avatar_url: Option<String>,
    /// The time zone's IANA name.
    pub timezone: String,
    /// The language and region, such as `en-US`.
    pub locale: String,
    /// When the account was made.
    pub created_at: UtcTime,
    /// When it was last changed.
    pub updated_at: UtcTime,
    /// When the user last signed in.
    pub last_login: Option<UtcTime>,
    /// When the password was last changed.
    pub last_password_change: UtcTime,
    /// When the password must have been changed.
    pub password_expires_at: Option<UtcTime>,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// Whether the address has been verified.
    pub is_verified: bool,
    /// When it was.
    pub email_verified_at: Option<UtcTime>,
    /// How often signing in has failed since it last succeeded.
    pub failed_login_attempts: i32,
    /// Until when the account is locked.
    pub locked_until: Option<UtcTime>,
    /// Whether the password must be changed at the next sign-in.
    pub must_change_password: bool,
    /// Whether a second factor is needed.
    pub two_factor_enabled: bool,
    /// Whether the user wants to hear of each sign-in.
    pub login_notification_enabled: bool,
    /// After how many idle minutes a session ends.
    pub session_timeout_minutes: i32,
    /// Who made the account.
    pub created_by: Option<UserId>,
    /// Who changed it last.
    pub updated_by: Option<UserId>,
    /// What the application keeps beside.
    pub metadata: Json<Value>,
}

/// A user to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = users)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewUser<'a> {
    /// The public id; unless told, a new one.
    #[builder(default = PublicId::new())]
    pub uuid: PublicId,
    /// The name to sign in with: lower case, 1 to 50 characters.
    pub username: &'a str,
    /// The address: lower case, up to 100 characters.
    pub email: &'a str,
    /// The password's hash.
    pub password_hash: PasswordHash,
    /// How it was made; unless told, with Argon2id.
    #[builder(default = PasswordAlgorithm::Argon2id)]
    pub password_algorithm: PasswordAlgorithm,
    /// The role.
    pub role_id: RoleId,
    /// The full name, up to 150 characters.
    #[builder(default, setter(into))]
    pub full_name: Option<&'a str>,
    /// The name to show, up to 100 characters.
    #[builder(default, setter(into))]
    pub display_name: Option<&'a str>,
    /// The time zone's IANA name; unless told, `UTC`.
    #[builder(default = "UTC")]
    pub timezone: &'a str,
    /// The language and region; unless told, `en-US`.
    #[builder(default = "en-US")]
    pub locale: &'a str,
    /// Whether the user may sign in; unless told, yes.
    #[builder(default = true)]
    pub is_active: bool,
    /// Whether the password must be changed at the next sign-in; unless told, no.
    #[builder(default)]
    pub must_change_password: bool,
    /// Who makes the account.
    #[builder(default, setter(into))]
    pub created_by: Option<UserId>,
    /// What the application keeps beside; unless told, an empty object.
    #[builder(default = Json::empty_object())]
    pub metadata: Json<Value>,
}

/// What a user's profile may change to. `None` leaves a column as it is, `Some(None)` empties it.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = users)]
pub struct UserChanges<'a> {
    /// The address: lower case. Another one than before counts as not verified, unless `is_verified`
    /// or `email_verified_at` is given as well.
    pub email: Option<&'a str>,
    /// The full name, up to 150 characters.
    pub full_name: Option<Option<&'a str>>,
    /// The name to show, up to 100 characters.
    pub display_name: Option<Option<&'a str>>,
    /// Where the picture lies, up to 500 characters.
    pub avatar_url: Option<Option<&'a str>>,
    /// The time zone's IANA name, up to 50 characters.
    pub timezone: Option<&'a str>,
    /// The language and region, up to 10 characters.
    pub locale: Option<&'a str>,
    /// Whether the address has been verified.
    pub is_verified: Option<bool>,
    /// When it was.
    pub email_verified_at: Option<Option<UtcTime>>,
    /// Whether the user wants to hear of each sign-in.
    pub login_notification_enabled: Option<bool>,
    /// After how many idle minutes a session ends.
    pub session_timeout_minutes: Option<i32>,
    /// What the application keeps beside.
    pub metadata: Option<Json<Value>>,
    /// Who makes the changes.
    pub updated_by: Option<UserId>,
}

/// Which users to list; what is `None` does not matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserFilter<'a> {
    /// Those with this role.
    pub role_id: Option<RoleId>,
    /// Those who may, or may not, sign in.
    pub is_active: Option<bool>,
    /// Those whose username or address contains this text, whatever its case.
    pub text: Option<&'a str>,
}

impl NewUser<'_> {
    /// Inserts the user.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the username or address is taken or not
    /// canonical, or the role does not exist.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<User> {
        check_canonical(self.username, "users_username_canonical")?;
        check_canonical(self.email, "users_email_canonical")?;
        let result = dispatch!(&mut *connection, |connection| diesel::insert_into(users::table)
            .values(self)
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
    /// Makes the changes.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound); [`Error::Violation`](crate::Error::Violation) if
    /// the address is taken or a value breaks a rule.
    pub fn update(&self, connection: &mut DbConnection, id: UserId) -> Result<User> {
        if let Some(email) = self.email {
            check_canonical(email, "users_email_canonical")?;
        }
        // Another address has yet to be verified, unless the caller knows better.
        let unverified = self.is_verified.is_none() && self.email_verified_at.is_none();
        let reset = self.email.filter(|_| unverified).map(|email| {
            let same = || users::email.eq(email);
            let verified =
                case_when(same(), users::is_verified).otherwise(false.into_sql::<Bool>());
            let when = case_when(same(), users::email_verified_at)
                .otherwise(None::<UtcTime>.into_sql::<Nullable<Timestamp>>());
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

/// The form in which a username or address is stored and looked up.
#[must_use]
pub fn canonical(text: &str) -> String {
    text.trim().to_lowercase()
}

/// What SQLite cannot check: its `lower` and `trim` know nothing beyond ASCII.
fn check_canonical(text: &str, constraint: &str) -> Result<()> {
    if text == canonical(text) {
        Ok(())
    } else {
        Err(Violation::new(Rule::Canonical, constraint).into())
    }
}

impl User {
    /// The user with this key.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: UserId) -> Result<Option<Self>> {
        find_one!(connection, users, users::id.eq(id))
    }

    /// The user with this public id.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_uuid(connection: &mut DbConnection, uuid: PublicId) -> Result<Option<Self>> {
        find_one!(connection, users, users::uuid.eq(uuid))
    }

    /// The user of this name, which is compared in lower case.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_username(connection: &mut DbConnection, name: &str) -> Result<Option<Self>> {
        find_one!(connection, users, users::username.eq(canonical(name)))
    }

    /// The user with this address, which is compared in lower case.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_email(connection: &mut DbConnection, email: &str) -> Result<Option<Self>> {
        find_one!(connection, users, users::email.eq(canonical(email)))
    }

    /// The users that the filter lets through, oldest first.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page(
        connection: &mut DbConnection,
        filter: UserFilter<'_>,
        after: Option<UserId>,
        size: PageSize,
    ) -> Result<Page<Self, UserId>> {
        let pattern = filter.text.map(|text| contains_pattern(&text.to_lowercase()));
        let contains = pattern.as_deref().map(|pattern| {
            let in_name = users::username.like(pattern).escape('\\');
            in_name.or(users::email.like(pattern).escape('\\'))
        });
        let rows = dispatch!(connection, |connection| users::table
            .select(Self::as_select())
            .filter(users::id.gt(after.unwrap_or(UserId(0))))
            .filter(OptionalFilter(filter.role_id.map(|role| users::role_id.eq(role))))
            .filter(OptionalFilter(filter.is_active.map(|active| users::is_active.eq(active))))
            .filter(OptionalFilter(contains))
            .order(users::id)
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size, |user: &Self| user.id))
    }

    /// The active users whose role is a superuser's or is called `administrator`, oldest first.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_administrators(connection: &mut DbConnection) -> Result<Vec<Self>> {
        let administrative = roles::is_superuser.or(roles::name.eq("administrator"));
        let roles = roles::table.select(roles::id).filter(administrative);
        let mut users: Vec<Self> = dispatch!(connection, |connection| users::table
            .select(Self::as_select())
            .filter(users::role_id.eq_any(roles))
            .filter(users::is_active)
            .load(connection))?;
        // They are few, and come role by role.
        users.sort_unstable_by_key(|user| user.id);
        Ok(users)
    }

    /// Gives the user another role.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound); [`Error::Violation`](crate::Error::Violation) if
    /// there is no such role or editor.
    pub fn set_role(
        connection: &mut DbConnection,
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

    /// Lets the user sign in, or no longer. Sessions that are open and keys stay so: see
    /// [`UserSession::revoke_all`](super::UserSession::revoke_all) and
    /// [`ApiKey::revoke_all`](super::ApiKey::revoke_all).
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound); [`Error::Violation`](crate::Error::Violation) if
    /// there is no such editor.
    pub fn set_active(
        connection: &mut DbConnection,
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

impl Role {
    /// The users who have the role, oldest first.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn list_users(
        connection: &mut DbConnection,
        id: RoleId,
        after: Option<UserId>,
        size: PageSize,
    ) -> Result<Page<User, UserId>> {
        let rows = dispatch!(connection, |connection| users::table
            .select(User::as_select())
            .filter(users::role_id.eq(id))
            .filter(users::id.gt(after.unwrap_or(UserId(0))))
            .order(users::id)
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size, |user: &User| user.id))
    }
}
