//! Users.

use diesel::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::schema::{roles, users};
use crate::types::{Json, PasswordAlgorithm, PasswordHash, PublicId, RoleId, UserId, UtcTime};
use crate::{DbConnection, Result, dispatch};

/// A user, without what is secret: see [`UserCredentials`].
#[derive(Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize)]
#[diesel(table_name = users)]
#[diesel(check_for_backend(crate::connection::MultiBackend))]
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
    /// Whether the user may sign in.
    pub is_active: bool,
    /// Whether the address has been verified.
    pub is_verified: bool,
    /// Whether the password must be changed at the next sign-in.
    pub must_change_password: bool,
    /// When the account was made.
    pub created_at: UtcTime,
    /// When it was last changed.
    pub updated_at: UtcTime,
    /// When the user last signed in.
    pub last_login: Option<UtcTime>,
    /// What the application keeps beside.
    pub metadata: Json<Value>,
}

/// What is needed to check a password. It does not leave the process.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
#[diesel(check_for_backend(crate::connection::MultiBackend))]
pub struct UserCredentials {
    /// Whose they are.
    pub id: UserId,
    /// The hash.
    pub password_hash: PasswordHash,
    /// How it was made.
    pub password_algorithm: PasswordAlgorithm,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// Until when the account is locked.
    pub locked_until: Option<UtcTime>,
}

/// A user to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = users)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewUser<'a> {
    /// The public id.
    pub uuid: PublicId,
    /// The name to sign in with: lower case, 1 to 50 characters.
    pub username: &'a str,
    /// The address: lower case, up to 100 characters.
    pub email: &'a str,
    /// The password's hash.
    pub password_hash: PasswordHash,
    /// How it was made.
    pub password_algorithm: PasswordAlgorithm,
    /// The role.
    pub role_id: RoleId,
    /// Whether the password must be changed at the next sign-in.
    pub must_change_password: bool,
}

impl NewUser<'_> {
    /// Inserts the user.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if a name is taken or the database refuses a value.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<User> {
        Ok(dispatch!(connection, |connection| diesel::insert_into(users::table)
            .values(self)
            .returning(User::as_returning())
            .get_result(connection))?)
    }
}

impl User {
    /// The user of this name, which is compared in lower case.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) with `NotFound` if there is none.
    pub fn find_by_username(connection: &mut DbConnection, username: &str) -> Result<Self> {
        Ok(dispatch!(connection, |connection| users::table
            .select(Self::as_select())
            .filter(users::username.eq(username.trim().to_lowercase()))
            .get_result(connection))?)
    }

    /// The active users whose role is a superuser's or is called `administrator`, oldest first.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_administrators(connection: &mut DbConnection) -> Result<Vec<Self>> {
        let administrative = roles::is_superuser.or(roles::name.eq("administrator"));
        Ok(dispatch!(connection, |connection| users::table
            .inner_join(roles::table.on(roles::id.eq(users::role_id)))
            .select(Self::as_select())
            .filter(administrative)
            .filter(users::is_active)
            .order(users::id)
            .load(connection))?)
    }
}

impl UserCredentials {
    /// What is needed to check this user's password.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) with `NotFound` if there is no such user.
    pub fn find(connection: &mut DbConnection, user: UserId) -> Result<Self> {
        Ok(dispatch!(connection, |connection| users::table
            .select(Self::as_select())
            .filter(users::id.eq(user))
            .get_result(connection))?)
    }
}
