//! Names, lengths and kinds that the former application's schema and the plan give to the 21
//! tables: `column`, `column(length)`, `column:json`, `column:flag` or `column:time`.
/// Tables with their columns.
pub const TABLES: &[(&str, &str)] = &[
    ("schema_version", "id version applied_at:time description checksum"),
    (
        "roles",
        "id name(50) display_name(100) description permissions:json is_system_role:flag \
         created_at:time updated_at:time created_by",
    ),
    (
        "permissions",
        "id name(100) display_name(150) description resource(100) action(50) \
         is_system_permission:flag created_at:time",
    ),
    ("role_permissions", "id role_id permission_id granted_at:time granted_by"),
    (
        "users",
        "id uuid(36) username(50) email(100) password_hash(255) password_algorithm(20) salt(32) \
         role_id full_name(150) display_name(100) avatar_url(500) timezone(50) locale(10) \
         created_at:time updated_at:time last_login:time last_password_change:time \
         password_expires_at:time is_active:flag is_verified:flag email_verified_at:time \
         failed_login_attempts locked_until:time must_change_password:flag \
         two_factor_enabled:flag two_factor_secret(32) backup_codes:json \
         login_notification_enabled:flag session_timeout_minutes created_by updated_by \
         metadata:json",
    ),
    (
        "user_sessions",
        "id session_id(64) user_id token_hash(255) ip_address(45) user_agent created_at:time \
         last_activity:time expires_at:time is_active:flag device_fingerprint(255) \
         location_info:json",
    ),
    ("password_history", "id user_id password_hash(255) password_algorithm(20) created_at:time"),
    (
        "chat_sessions",
        "id session_id(36) user_id title(200) description created_at:time updated_at:time \
         last_message_at:time is_archived:flag is_shared:flag share_token(64) \
         share_expires_at:time message_count total_tokens metadata:json",
    ),
    (
        "chat_history",
        "id chat_session_id user_id message_id(36) parent_message_id(36) message_content \
         message_type model_name(100) provider(50) timestamp:time token_count processing_time_ms \
         is_deleted:flag deleted_at:time deleted_by is_edited:flag edit_count last_edited_at:time \
         feedback_rating feedback_comment source_documents:json retrieval_context:json \
         metadata:json",
    ),
    (
        "documents",
        "id document_id(36) user_id filename(255) original_filename(255) file_path(500) file_size \
         file_hash(64) mime_type(100) upload_status(20) processing_status(20) chunk_count \
         total_tokens upload_started_at:time upload_completed_at:time processing_started_at:time \
         processing_completed_at:time last_accessed_at:time access_count is_public:flag \
         is_archived:flag tags:json metadata:json error_message",
    ),
    (
        "document_chunks",
        "id chunk_id(36) document_id chunk_index content content_hash(64) token_count page_number \
         section_title(200) chunk_type(50) vector_id(100) embedding_model(100) created_at:time \
         metadata:json",
    ),
    (
        "system_settings",
        "id key(100) value value_type(20) description is_secret:flag is_readonly:flag \
         validation_rule category(50) created_at:time updated_at:time updated_by",
    ),
    (
        "user_preferences",
        "id user_id key(100) value value_type(20) category(50) created_at:time updated_at:time",
    ),
    (
        "audit_log",
        "id event_id(36) user_id session_id(64) event_type(50) event_category(50) \
         resource_type(50) resource_id(100) action(100) description ip_address(45) user_agent \
         timestamp:time severity(20) success:flag error_message request_data:json \
         response_data:json metadata:json",
    ),
    (
        "security_events",
        "id event_id(36) user_id event_type(50) event_subtype(50) severity(20) source_ip(45) \
         user_agent timestamp:time details:json resolved:flag resolved_at:time resolved_by \
         investigation_notes",
    ),
    (
        "api_keys",
        "id key_id(36) user_id name(100) key_hash(255) key_prefix(10) scopes:json \
         last_used_at:time usage_count is_active:flag expires_at:time created_at:time created_by \
         revoked_at:time revoked_by metadata:json",
    ),
    (
        "notifications",
        "id notification_id(36) user_id title(200) message type(50) category(50) priority \
         is_read:flag read_at:time action_url(500) action_label(100) expires_at:time \
         created_at:time updated_at:time metadata:json",
    ),
    (
        "system_health",
        "id component(100) status(20) last_check:time next_check:time check_interval_seconds \
         metrics:json error_details consecutive_failures max_failures alert_sent:flag \
         created_at:time",
    ),
    (
        "file_storage",
        "id file_id(36) document_id storage_type(50) storage_path(500) original_filename(255) \
         file_size mime_type(100) file_hash(64) encryption_status(20) compression_type(20) \
         access_permissions:json retention_policy(100) created_at:time accessed_at:time \
         access_count is_archived:flag archived_at:time metadata:json",
    ),
    (
        "backup_jobs",
        "id job_id(36) backup_type(50) status(20) started_at:time completed_at:time \
         backup_path(500) backup_size compression_ratio verification_status(20) error_message \
         triggered_by(100) retention_days metadata:json",
    ),
    (
        "system_metrics",
        "id metric_name(100) metric_value metric_unit(20) metric_type(50) component(100) \
         timestamp:time tags:json metadata:json",
    ),
];

/// Indexes that the plan names, with their tables.
pub const PLANNED_INDEXES: &[(&str, &str)] = &[
    ("idx_notifications_user_id", "notifications"),
    ("idx_notifications_is_read", "notifications"),
    ("idx_notifications_created_at", "notifications"),
    ("idx_notifications_type", "notifications"),
    ("idx_notifications_expires_at", "notifications"),
    ("idx_system_health_component", "system_health"),
    ("idx_system_health_status", "system_health"),
    ("idx_system_health_last_check", "system_health"),
    ("idx_file_storage_file_id", "file_storage"),
    ("idx_file_storage_document_id", "file_storage"),
    ("idx_file_storage_file_hash", "file_storage"),
    ("idx_file_storage_storage_type", "file_storage"),
    ("idx_backup_jobs_job_id", "backup_jobs"),
    ("idx_backup_jobs_status", "backup_jobs"),
    ("idx_backup_jobs_started_at", "backup_jobs"),
    ("idx_system_metrics_name", "system_metrics"),
    ("idx_system_metrics_timestamp", "system_metrics"),
    ("idx_system_metrics_component", "system_metrics"),
    ("idx_system_metrics_type", "system_metrics"),
];

/// Column of the former schema.
pub struct Column {
    pub table: &'static str,
    pub name: &'static str,
    pub kind: Kind,
}

/// Kind of a column's declared type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Json,
    Flag,
    Time,
    Length(usize),
    Other,
}

impl Column {
    /// Returns `table.column`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.table, self.name)
    }
}

/// Returns every column of every table.
pub fn columns() -> Vec<Column> {
    let words = |&(table, columns): &(&'static str, &'static str)| {
        columns.split_whitespace().map(move |word| column(table, word))
    };
    TABLES.iter().flat_map(words).collect()
}

fn column(table: &'static str, word: &'static str) -> Column {
    let (name, kind) = match (word.split_once(':'), word.split_once('(')) {
        (Some((name, "json")), _) => (name, Kind::Json),
        (Some((name, "flag")), _) => (name, Kind::Flag),
        (Some((name, "time")), _) => (name, Kind::Time),
        (_, Some((name, length))) => {
            let length = length.trim_end_matches(')').parse().expect("a number");
            (name, Kind::Length(length))
        }
        _ => (word, Kind::Other),
    };
    Column { table, name, kind }
}
