//! The rows that a new database is seeded with.

use crate::models::{NewRole, SystemRole};

const fn role(
    role: SystemRole,
    display_name: &'static str,
    description: &'static str,
    is_superuser: bool,
) -> NewRole<'static> {
    let (display_name, description) = (Some(display_name), Some(description));
    NewRole {
        name: role.name(),
        display_name,
        description,
        is_system_role: true,
        is_superuser,
        created_by: None,
    }
}

pub(super) const ROLES: &[NewRole<'static>] = &[
    role(
        SystemRole::SuperAdmin,
        "Super Administrator",
        "Full system access with all permissions",
        true,
    ),
    role(
        SystemRole::Administrator,
        "Administrator",
        "System administration with user management",
        false,
    ),
    role(SystemRole::Operator, "Operator", "System monitoring and basic configuration", false),
    role(SystemRole::User, "User", "Standard user with chat and document access", false),
    role(SystemRole::ReadOnly, "Read Only", "Read-only access to chat history", false),
];
