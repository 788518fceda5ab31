//! Roles, permissions, and which role holds which.

use diesel::prelude::*;
use serde::Serialize;

use crate::schema::{permissions, role_permissions, roles};
use crate::types::{PermissionId, RoleId, UserId, UtcTime};
use crate::{DbConnection, Result, dispatch};

/// A named set of rights.
#[derive(Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize)]
#[diesel(table_name = roles)]
#[diesel(check_for_backend(crate::connection::MultiBackend))]
pub struct Role {
    /// The row's key.
    pub id: RoleId,
    /// The unique name, such as `super_admin`.
    pub name: String,
    /// The name for people.
    pub display_name: Option<String>,
    /// What the role is for.
    pub description: Option<String>,
    /// Whether the seeds made it.
    pub is_system_role: bool,
    /// Whether it may do everything, whatever permissions it holds.
    pub is_superuser: bool,
    /// When it was made.
    pub created_at: UtcTime,
    /// When it was last changed.
    pub updated_at: UtcTime,
    /// Who made it.
    pub created_by: Option<UserId>,
}

/// A role to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = roles)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewRole<'a> {
    /// The unique name, 1 to 50 characters.
    pub name: &'a str,
    /// The name for people, up to 100 characters.
    pub display_name: Option<&'a str>,
    /// What the role is for.
    pub description: Option<&'a str>,
    /// Whether the seeds make it.
    pub is_system_role: bool,
    /// Whether it may do everything.
    pub is_superuser: bool,
}

/// The right to perform an action on a resource.
#[derive(Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize)]
#[diesel(table_name = permissions)]
#[diesel(check_for_backend(crate::connection::MultiBackend))]
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
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = permissions)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewPermission<'a> {
    /// The unique name, 1 to 100 characters.
    pub name: &'a str,
    /// The name for people.
    pub display_name: Option<&'a str>,
    /// What it allows.
    pub description: Option<&'a str>,
    /// What may be acted on.
    pub resource: &'a str,
    /// What may be done; unique within the resource.
    pub action: &'a str,
    /// Whether the seeds make it.
    pub is_system_permission: bool,
}

/// A grant to insert.
#[derive(Clone, Copy, Debug, Insertable)]
#[diesel(table_name = role_permissions)]
pub struct NewRolePermission {
    /// Who gets it.
    pub role_id: RoleId,
    /// What.
    pub permission_id: PermissionId,
}

impl Role {
    /// The role of this name.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) with `NotFound` if there is none.
    pub fn find_by_name(connection: &mut DbConnection, name: &str) -> Result<Self> {
        Ok(dispatch!(connection, |connection| roles::table
            .select(Self::as_select())
            .filter(roles::name.eq(name))
            .get_result(connection))?)
    }
}
