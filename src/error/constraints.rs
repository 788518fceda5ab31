//! Names of tables and constraints, by which the databases report a broken rule.

/// Unique indexes with their tables and columns: SQLite's errors name the columns, PostgreSQL's the
/// index.
pub const UNIQUE: &[(&str, &str, &[&str])] = &[
    ("idx_roles_name", "roles", &["name"]),
    ("idx_permissions_name", "permissions", &["name"]),
    ("idx_permissions_resource", "permissions", &["resource", "action"]),
    ("idx_role_permissions_role_id", "role_permissions", &["role_id", "permission_id"]),
    ("idx_users_uuid", "users", &["uuid"]),
    ("idx_users_username", "users", &["username"]),
    ("idx_users_email", "users", &["email"]),
    ("idx_user_sessions_session_id", "user_sessions", &["session_id"]),
    ("idx_user_sessions_token_hash", "user_sessions", &["token_hash"]),
    ("idx_api_keys_key_id", "api_keys", &["key_id"]),
    ("idx_api_keys_key_hash", "api_keys", &["key_hash"]),
    ("idx_chat_sessions_session_id", "chat_sessions", &["session_id"]),
    ("idx_chat_sessions_share_token", "chat_sessions", &["share_token"]),
    ("idx_chat_history_message_id", "chat_history", &["message_id"]),
    ("idx_documents_document_id", "documents", &["document_id"]),
    ("idx_document_chunks_chunk_id", "document_chunks", &["chunk_id"]),
    ("idx_document_chunks_document_id", "document_chunks", &["document_id", "chunk_index"]),
    ("idx_file_storage_file_id", "file_storage", &["file_id"]),
    ("idx_system_settings_key", "system_settings", &["key"]),
    ("idx_user_preferences_user_id", "user_preferences", &["user_id", "key"]),
    ("idx_audit_log_event_id", "audit_log", &["event_id"]),
    ("idx_audit_log_seq", "audit_log", &["seq"]),
    ("idx_audit_log_prev_hash", "audit_log", &["prev_hash"]),
    ("idx_audit_log_entry_hash", "audit_log", &["entry_hash"]),
    ("idx_security_events_event_id", "security_events", &["event_id"]),
    ("idx_notifications_notification_id", "notifications", &["notification_id"]),
    ("idx_system_health_component", "system_health", &["component"]),
    ("idx_backup_jobs_job_id", "backup_jobs", &["job_id"]),
    ("idx_schema_version_version", "schema_version", &["version"]),
];

/// Checks on several columns, or not named after their column, with their columns.
pub const CHECKS: &[(&str, &[&str])] = &[
    ("user_sessions_expiry_order", &["idle_expires_at", "expires_at", "created_at"]),
    ("user_sessions_revoked_is_inactive", &["revoked_at", "is_active"]),
    ("api_keys_expiry_order", &["expires_at", "created_at"]),
    ("api_keys_revoked_is_inactive", &["revoked_at", "is_active"]),
    ("documents_upload_order", &["upload_completed_at", "upload_started_at"]),
    ("documents_processing_order", &["processing_completed_at", "processing_started_at"]),
    ("file_storage_archive_order", &["archived_at", "created_at"]),
    ("system_settings_value_agrees_with_type", &["value", "value_type"]),
    ("system_settings_secret_is_encrypted", &["value", "is_secret"]),
    ("user_preferences_value_agrees_with_type", &["value", "value_type"]),
    ("security_events_resolution_order", &["resolved_at", "timestamp"]),
    ("notifications_read_order", &["read_at", "created_at"]),
    ("notifications_read_has_time", &["is_read", "read_at"]),
    ("notifications_expiry_order", &["expires_at", "created_at"]),
    ("system_health_check_order", &["next_check", "last_check"]),
    ("backup_jobs_completion_order", &["completed_at", "started_at"]),
];

/// Names of the checks and references of the migrations, in order. What is not among them belongs to a table
/// of the application, even if it begins with the name of one of ours.
pub(super) const NAMED: &[&str] = include!(concat!(env!("OUT_DIR"), "/constraints.rs"));

/// Tables. Constraints are named after their table.
pub const TABLES: &[&str] = &[
    "api_keys",
    "audit_log",
    "backup_jobs",
    "chat_history",
    "chat_sessions",
    "document_chunks",
    "documents",
    "file_storage",
    "notifications",
    "password_history",
    "permissions",
    "role_permissions",
    "roles",
    "schema_version",
    "security_events",
    "system_health",
    "system_metrics",
    "system_settings",
    "user_preferences",
    "user_sessions",
    "users",
];
