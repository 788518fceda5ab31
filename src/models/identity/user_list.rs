//! Lists of users: by filter, by role, and the administrators.

use diesel::prelude::*;

use super::user::User;
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::models::Role;
use crate::models::query::{
    Cursor, LiteralLimit, OptionalFilter, Page, PageSize, contains_pattern, paged,
};
use crate::schema::{roles, users};
use crate::types::{RoleId, UserId};

/// Conditions on the users to list. `None` sets no condition.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserFilter<'a> {
    /// Users with this role. Without a condition, the list has everybody; it is for administrators.
    pub role_id: Option<RoleId>,
    /// Users who may sign in if `true`, and the others if `false`.
    pub is_active: Option<bool>,
    /// Users whose username or email address contains this text, in any case.
    pub text: Option<&'a str>,
}

paged!(User, "users", UserId, |user| user.id);

impl User {
    /// Returns the users that match the filter, oldest first. The page begins at the cursor `after`, or with
    /// the oldest if it is `None`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page(
        connection: &mut DbConnection,
        filter: UserFilter<'_>,
        after: Option<Cursor<User>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let pattern = filter.text.map(|text| contains_pattern(&text.to_lowercase()));
        let contains = pattern.as_deref().map(|pattern| {
            let in_name = users::username.like(pattern).escape('\\');
            in_name.or(users::email.like(pattern).escape('\\'))
        });
        let rows = dispatch!(connection, |connection| users::table
            .select(Self::as_select())
            .filter(users::id.gt(after.map_or(UserId(0), Cursor::position)))
            .filter(OptionalFilter(filter.role_id.map(|role| users::role_id.eq(role))))
            .filter(OptionalFilter(filter.is_active.map(|active| users::is_active.eq(active))))
            .filter(OptionalFilter(contains))
            .order(users::id)
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }

    /// Returns the active users who have a superuser role or the role `administrator`, oldest
    /// first.
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
}

impl Role {
    /// Returns the users who have the role, oldest first. The page begins at the cursor `after`,
    /// or with the oldest if it is `None`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_users(
        connection: &mut DbConnection,
        id: RoleId,
        after: Option<Cursor<User>>,
        size: PageSize,
    ) -> Result<Page<User>> {
        let rows = dispatch!(connection, |connection| users::table
            .select(User::as_select())
            .filter(users::role_id.eq(id))
            .filter(users::id.gt(after.map_or(UserId(0), Cursor::position)))
            .order(users::id)
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }
}
