//! Permissions, which role holds which, and the one question that every request asks.

use diesel::dsl::exists;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::schema::{permissions, role_permissions, roles, users};
use crate::types::{PermissionId, UserId, UtcTime};

/// The right to perform an action on a resource.
#[derive(
    Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize, Deserialize,
)]
#[diesel(table_name = permissions)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct Permission {
    /// The row's key.
    pub id: PermissionId,
    /// The unique name, such as `document_upload`.
    pub name: String,
    /// The name for people.
    pub display_name: Option<String>,
    /// What it allows.
    pub description: Option<String>,
    /// What may be acted on.
    pub resource: String,
    /// What may be done; `*` is everything.
    pub action: String,
    /// Whether the seeds made it.
    pub is_system_permission: bool,
    /// When it was made.
    pub created_at: UtcTime,
}

/// A permission to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = permissions)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewPermission<'a> {
    /// The unique name, 1 to 100 characters.
    pub name: &'a str,
    /// The name for people, 1 to 150 characters.
    #[builder(default, setter(into))]
    pub display_name: Option<&'a str>,
    /// What it allows.
    #[builder(default, setter(into))]
    pub description: Option<&'a str>,
    /// What may be acted on, 1 to 100 characters.
    pub resource: &'a str,
    /// What may be done, 1 to 50 characters; unique within the resource. `*` is everything.
    pub action: &'a str,
    /// Whether the seeds make it; unless told, no.
    #[builder(default)]
    pub is_system_permission: bool,
}

impl NewPermission<'_> {
    /// Inserts the permission.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the name, or the action on that resource, is
    /// taken.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<Permission> {
        Ok(dispatch!(connection, |connection| diesel::insert_into(permissions::table)
            .values(self)
            .returning(Permission::as_returning())
            .get_result(connection))?)
    }
}

impl Permission {
    /// Every permission, by resource and action.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list(connection: &mut DbConnection) -> Result<Vec<Self>> {
        Ok(dispatch!(connection, |connection| permissions::table
            .select(Self::as_select())
            .order((permissions::resource, permissions::action))
            .load(connection))?)
    }

    /// What the user may do, by resource and action: everything for a superuser, nothing for a user
    /// who is not active or does not exist.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_for_user(connection: &mut DbConnection, user: UserId) -> Result<Vec<Self>> {
        let role_holds_it = exists(
            role_permissions::table
                .filter(role_permissions::role_id.eq(roles::id))
                .filter(role_permissions::permission_id.eq(permissions::id)),
        );
        let user_has_it = exists(
            users::table
                .inner_join(roles::table.on(roles::id.eq(users::role_id)))
                .filter(users::id.eq(user).and(users::is_active))
                .filter(roles::is_superuser.or(role_holds_it)),
        );
        Ok(dispatch!(connection, |connection| permissions::table
            .select(Self::as_select())
            .filter(user_has_it)
            .order((permissions::resource, permissions::action))
            .load(connection))?)
    }
}

/// Whether the user may perform the action on the resource: the user is active, and the role is a
/// superuser's or holds a permission for that action or for `*` on that resource.
///
/// One query, each step of it a look-up in an index. A user that does not exist may do nothing.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
///
/// ```
/// # use zenith_db::prelude::*;
/// fn upload(conn: &mut DbConnection, user: UserId) -> Result<(), &'static str> {
///     match is_allowed(conn, user, "documents", "upload") {
///         Ok(true) => Ok(()),
///         Ok(false) => Err("you may not upload documents"),
///         Err(_) => Err("try again later"),
///     }
/// }
/// ```
pub fn is_allowed(
    connection: &mut DbConnection,
    user: UserId,
    resource: &str,
    action: &str,
) -> Result<bool> {
    let role_holds_it = exists(
        role_permissions::table
            .inner_join(permissions::table)
            .filter(role_permissions::role_id.eq(roles::id))
            .filter(permissions::resource.eq(resource))
            .filter(permissions::action.eq(action).or(permissions::action.eq("*"))),
    );
    let allowed = users::table
        .inner_join(roles::table.on(roles::id.eq(users::role_id)))
        .filter(users::id.eq(user).and(users::is_active))
        .filter(roles::is_superuser.or(role_holds_it));
    Ok(dispatch!(connection, |connection| diesel::select(exists(allowed)).get_result(connection))?)
}
