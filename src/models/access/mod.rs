//! Roles, permissions, and who may do what.

mod permission;
mod role;

pub use permission::{NewPermission, NewRolePermission, Permission, RolePermission, is_allowed};
pub use role::{NewRole, Role, RoleChanges, RoleWithPermissions};
