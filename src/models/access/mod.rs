//! Roles, permissions, and the check of what a user may do.

mod permission;
mod right;
mod role;
mod role_permission;
mod seeded;
mod system_role;

pub use permission::{NewPermission, Permission, is_allowed};
pub use right::Right;
pub use role::{NewRole, Role, RoleChanges};
pub use role_permission::{NewRolePermission, RolePermission, RoleWithPermissions};
pub use seeded::SEEDED_PERMISSIONS;
pub use system_role::SystemRole;
