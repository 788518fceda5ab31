//! The rows that a new database is seeded with.

use crate::models::{NewPermission, NewRole, NewSystemSetting};
use crate::types::ValueType;

const fn role(
    name: &'static str,
    display_name: &'static str,
    description: &'static str,
    is_superuser: bool,
) -> NewRole<'static> {
    let (display_name, description) = (Some(display_name), Some(description));
    NewRole {
        name,
        display_name,
        description,
        is_system_role: true,
        is_superuser,
        created_by: None,
    }
}

pub(super) const ROLES: &[NewRole<'static>] = &[
    role("super_admin", "Super Administrator", "Full system access with all permissions", true),
    role("administrator", "Administrator", "System administration with user management", false),
    role("operator", "Operator", "System monitoring and basic configuration", false),
    role("user", "User", "Standard user with chat and document access", false),
    role("read_only", "Read Only", "Read-only access to chat history", false),
];

const fn permission(
    name: &'static str,
    display_name: &'static str,
    description: &'static str,
    resource: &'static str,
    action: &'static str,
) -> NewPermission<'static> {
    let (display_name, description) = (Some(display_name), Some(description));
    NewPermission { name, display_name, description, resource, action, is_system_permission: true }
}

#[rustfmt::skip]
pub(super) const PERMISSIONS: &[NewPermission<'static>] = &[
    permission("user_create", "Create Users", "Create new user accounts", "users", "create"),
    permission("user_read", "Read Users", "View user information", "users", "read"),
    permission("user_update", "Update Users", "Modify user accounts", "users", "update"),
    permission("user_delete", "Delete Users", "Remove user accounts", "users", "delete"),
    permission("user_management", "User Management", "Full user management access", "users", "*"),
    permission("system_configuration", "System Configuration", "Modify system settings", "system", "configure"),
    permission("basic_configuration", "Basic Configuration", "Basic system settings", "system", "basic_config"),
    permission("system_monitoring", "System Monitoring", "View system status and metrics", "system", "monitor"),
    permission("chat_access", "Chat Access", "Access to chat functionality", "chat", "access"),
    permission("chat_read_only", "Chat Read Only", "Read-only access to chat history", "chat", "read"),
    permission("chat_delete", "Delete Chat", "Delete chat messages and sessions", "chat", "delete"),
    permission("document_upload", "Document Upload", "Upload and process documents", "documents", "upload"),
    permission("document_read", "Read Documents", "View document content", "documents", "read"),
    permission("document_delete", "Delete Documents", "Remove documents", "documents", "delete"),
    permission("profile_management", "Profile Management", "Manage own profile", "profile", "manage"),
    permission("deployment_management", "Deployment Management", "System deployment controls", "deployment", "manage"),
    permission("audit_access", "Audit Access", "Access to audit logs", "audit", "read"),
    permission("security_management", "Security Management", "Security configuration", "security", "manage"),
];

/// Default permissions of each role. `super_admin` needs none: its flag `is_superuser` allows
/// everything.
pub(super) const GRANTS: &[(&str, &[&str])] = &[
    (
        "administrator",
        &["user_management", "system_configuration", "deployment_management", "audit_access"],
    ),
    ("operator", &["system_monitoring", "basic_configuration", "chat_access", "document_upload"]),
    ("user", &["chat_access", "document_upload", "profile_management"]),
    ("read_only", &["chat_read_only"]),
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
