//! The permissions that each role holds.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::permission::Permission;
use super::role::Role;
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{Parent, explain_broken_reference};
use crate::schema::{permissions, role_permissions, roles};
use crate::types::{PermissionId, RoleId, RolePermissionId, UserId, UtcTime};

/// Grant of a permission to a role.
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
#[diesel(table_name = role_permissions, belongs_to(Role), belongs_to(Permission))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct RolePermission {
    /// Primary key.
    pub id: RolePermissionId,
    /// Role that holds the permission.
    pub role_id: RoleId,
    /// Permission that the role holds.
    pub permission_id: PermissionId,
    /// Time of the grant.
    pub granted_at: UtcTime,
    /// User who granted the permission; `None` if unknown, or if the user has been deleted.
    pub granted_by: Option<UserId>,
}

/// Permission to grant to a role.
#[derive(Clone, Copy, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = role_permissions)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewRolePermission {
    /// Role that gets the permission.
    pub role_id: RoleId,
    /// Permission to grant.
    pub permission_id: PermissionId,
    /// User who grants the permission.
    #[builder(default, setter(into))]
    pub granted_by: Option<UserId>,
}

/// Role with the permissions that it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleWithPermissions {
    /// The role.
    pub role: Role,
    /// Permissions that were granted to the role, ordered by resource and action. A superuser role needs
    /// none.
    pub permissions: Vec<Permission>,
}

impl NewRolePermission {
    /// Grants the permission to the role. Returns `false` if the role already holds it.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the role, the permission or the granting
    /// user does not exist.
    pub fn grant(&self, connection: &mut Writer<'_>) -> Result<bool> {
        let granted =
            dispatch!(&mut *connection, |connection| diesel::insert_into(role_permissions::table)
                .values(self)
                .on_conflict((role_permissions::role_id, role_permissions::permission_id))
                .do_nothing()
                .execute(connection));
        let references = [
            ("role_permissions_role_id_fkey", Some(Parent::Role(self.role_id))),
            ("role_permissions_permission_id_fkey", Some(Parent::Permission(self.permission_id))),
            ("role_permissions_granted_by_fkey", self.granted_by.map(Parent::User)),
        ];
        Ok(explain_broken_reference(connection, granted, &references)? > 0)
    }
}

impl RolePermission {
    /// Revokes a permission of a role. Returns `false` if the role does not hold it.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn revoke(
        connection: &mut Writer<'_>,
        role: RoleId,
        permission: PermissionId,
    ) -> Result<bool> {
        let held =
            role_permissions::role_id.eq(role).and(role_permissions::permission_id.eq(permission));
        let revoked = dispatch!(connection, |connection| diesel::delete(role_permissions::table)
            .filter(held)
            .execute(connection))?;
        Ok(revoked > 0)
    }
}

impl Role {
    /// Returns every role with its permissions, ordered by name.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_with_permissions(
        connection: &mut DbConnection,
    ) -> Result<Vec<RoleWithPermissions>> {
        let roles: Vec<Self> = dispatch!(&mut *connection, |connection| roles::table
            .select(Self::as_select())
            .order(roles::name)
            .load(connection))?;
        let held: Vec<(RolePermission, Permission)> =
            dispatch!(connection, |connection| permissions::table
                .inner_join(role_permissions::table)
                .select((RolePermission::as_select(), Permission::as_select()))
                .order((permissions::resource, permissions::action))
                .load(connection))?;
        let held = held.grouped_by(&roles);
        let with = |(role, held): (_, Vec<(_, _)>)| RoleWithPermissions {
            role,
            permissions: held.into_iter().map(|(_, permission)| permission).collect(),
        };
        Ok(roles.into_iter().zip(held).map(with).collect())
    }
}
