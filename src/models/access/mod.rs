//! Roles, permissions, and the check of what a user may do.

mod permission;
mod role;
mod role_permission;

pub use permission::{NewPermission, Permission, is_allowed};
pub use role::{NewRole, Role, RoleChanges};
pub use role_permission::{NewRolePermission, RolePermission, RoleWithPermissions};
