//! The permissions that the seeds create, and their rights.

use super::permission::NewPermission;
use super::right::Right;

macro_rules! seeded {
    ($($constant:ident = $resource:literal $action:literal, $name:literal $display_name:literal $description:literal;)+) => {
        /// The rights of the permissions that the seeds create.
        impl Right<'static> {
            $(
                #[doc = concat!($description, ": `", $action, "` on `", $resource, "`, by the permission `", $name, "`.")]
                pub const $constant: Self = Self::new($resource, $action);
            )+
        }

        /// The permissions that the seeds create.
        pub const SEEDED_PERMISSIONS: &[NewPermission<'static>] = &[$(NewPermission {
            display_name: Some($display_name),
            description: Some($description),
            is_system_permission: true,
            ..NewPermission::of(Right::$constant, $name)
        },)+];
    };
}

seeded! {
    CREATE_USERS = "users" "create", "user_create" "Create Users" "Create new user accounts";
    READ_USERS = "users" "read", "user_read" "Read Users" "View user information";
    UPDATE_USERS = "users" "update", "user_update" "Update Users" "Modify user accounts";
    DELETE_USERS = "users" "delete", "user_delete" "Delete Users" "Remove user accounts";
    MANAGE_USERS = "users" "*", "user_management" "User Management" "Full user management access";
    CONFIGURE_SYSTEM = "system" "configure", "system_configuration" "System Configuration" "Modify system settings";
    CONFIGURE_BASICS = "system" "basic_config", "basic_configuration" "Basic Configuration" "Basic system settings";
    MONITOR_SYSTEM = "system" "monitor", "system_monitoring" "System Monitoring" "View system status and metrics";
    ACCESS_CHAT = "chat" "access", "chat_access" "Chat Access" "Access to chat functionality";
    READ_CHAT = "chat" "read", "chat_read_only" "Chat Read Only" "Read-only access to chat history";
    DELETE_CHAT = "chat" "delete", "chat_delete" "Delete Chat" "Delete chat messages and sessions";
    UPLOAD_DOCUMENTS = "documents" "upload", "document_upload" "Document Upload" "Upload and process documents";
    READ_DOCUMENTS = "documents" "read", "document_read" "Read Documents" "View document content";
    DELETE_DOCUMENTS = "documents" "delete", "document_delete" "Delete Documents" "Remove documents";
    MANAGE_PROFILE = "profile" "manage", "profile_management" "Profile Management" "Manage own profile";
    MANAGE_DEPLOYMENT = "deployment" "manage", "deployment_management" "Deployment Management" "System deployment controls";
    READ_AUDIT_LOG = "audit" "read", "audit_access" "Audit Access" "Access to audit logs";
    MANAGE_SECURITY = "security" "manage", "security_management" "Security Management" "Security configuration";
}
