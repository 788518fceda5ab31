//! The rows that a new database is seeded with.

use crate::models::{NewRole, NewSystemSetting, SystemRole};
use crate::types::ValueType;

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

const fn setting(
    key: &'static str,
    value: &'static str,
    value_type: ValueType,
    category: &'static str,
    is_readonly: bool,
    description: &'static str,
) -> NewSystemSetting<'static> {
    let (value, description) = (Some(value), Some(description));
    NewSystemSetting {
        key,
        value,
        value_type,
        description,
        is_secret: false,
        is_readonly,
        validation_rule: None,
        category,
    }
}

/// Settings with their initial values. The read-only ones are updated by the manager.
#[rustfmt::skip]
pub const SETTINGS: &[NewSystemSetting<'static>] = &[
    setting("FIRST_SETUP", "true", ValueType::Boolean, "system", true, "Whether the first administrator is still missing"),
    setting("SETUP_COMPLETED", "false", ValueType::Boolean, "system", true, "Whether there has been an administrator"),
    setting("SCHEMA_VERSION", "0", ValueType::String, "system", true, "The newest migration that has been applied"),
    setting("BACKUP_ENABLED", "true", ValueType::Boolean, "backup", false, "Whether the application takes backups by itself"),
    setting("AUDIT_LOGGING", "true", ValueType::Boolean, "security", false, "Whether events are written to the audit log"),
    setting("SESSION_TIMEOUT", "1440", ValueType::Integer, "security", false, "Minutes until an idle session ends"),
    setting("PASSWORD_EXPIRY_DAYS", "90", ValueType::Integer, "security", false, "Days until a password must be changed"),
    setting("MAX_LOGIN_ATTEMPTS", "5", ValueType::Integer, "security", false, "Failed logins until an account is locked"),
    setting("LOCKOUT_DURATION", "30", ValueType::Integer, "security", false, "Minutes for which an account is locked"),
    setting("DATABASE_INITIALIZED", "true", ValueType::Boolean, "system", true, "Whether the seeds have been written"),
];
