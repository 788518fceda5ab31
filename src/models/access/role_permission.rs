//! The permissions that each role holds.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::permission::Permission;
use super::role::Role;
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{Parent, explain_broken_reference};
use crate::schema::{permissions, role_permissions, roles};
use crate::types::{PermissionId, RoleId, RolePermissionId, UserId, UtcTime};

/// That a role holds a permission.
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
    /// The row's key.
    pub id: RolePermissionId,
    /// Who holds it.
    pub role_id: RoleId,
    /// What.
    pub permission_id: PermissionId,
    /// Since when.
    pub granted_at: UtcTime,
    /// Who granted it.
    pub granted_by: Option<UserId>,
}

/// A permission to grant to a role.
#[derive(Clone, Copy, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = role_permissions)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewRolePermission {
    /// Who gets it.
    pub role_id: RoleId,
    /// What.
    pub permission_id: PermissionId,
    /// Who grants it.
    #[builder(default, setter(into))]
    pub granted_by: Option<UserId>,
}

/// A role and the permissions that it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleWithPermissions {
    /// The role.
    pub role: Role,
    /// Its permissions, by resource and action. A superuser role needs none.
    pub permissions: Vec<Permission>,
}

impl NewRolePermission {
    /// Grants the permission. Returns whether the role did not hold it already.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if there is no such role, permission or user.
    pub fn grant(&self, connection: &mut DbConnection) -> Result<bool> {
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
    /// Takes the permission back. Returns whether the role held it.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn revoke(
        connection: &mut DbConnection,
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
    /// Every role with its permissions, by name.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
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
