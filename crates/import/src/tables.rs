//! Rule for each column of the known tables: one line per column, in the order of the new table's
//! columns.

use super::rules::{Column, ColumnRule, Table};

const fn c(name: &'static str, rule: ColumnRule) -> Column {
    Column { name, source: name, rule }
}

const fn derived(name: &'static str, source: &'static str, rule: ColumnRule) -> Column {
    Column { name, source, rule }
}

const fn table(name: &'static str, columns: &'static [Column]) -> Table {
    Table { name, columns, withheld: &[], holds_secrets: false }
}

/// Table that holds secrets: no value of an unknown column may go to `metadata`.
const fn secrets(name: &'static str, columns: &'static [Column]) -> Table {
    Table { holds_secrets: true, ..table(name, columns) }
}

use ColumnRule::{
    ActiveUnlessRevoked, Canonical, EncryptedText, FilledText, Flag, Id, Integer, IntegerOr,
    JsonTexts, Metadata, OneOf, OptionalInteger, OptionalJson, OptionalText, OptionalTime, Parent,
    ParentMessage, PasswordAlgorithm, PasswordHash, Reference, RequiredOneOf, RequiredTime,
    SettingValue, Sha256, Superuser, Text, TextOr, Time, Token, Uuid,
};

const VALUE_TYPES: &[&str] = &["string", "integer", "float", "boolean", "json"];
const SEVERITIES: &[&str] = &["info", "debug", "warning", "error", "critical"];

/// The known tables in the order in which they are copied: parents first. `schema_version` is preserved
/// like an unknown table, because the new table of that name lists the new migrations.
pub(super) const TABLES: &[Table] = &[
    table(
        "roles",
        &[
            c("id", Id),
            c("name", Text),
            c("display_name", FilledText),
            c("description", OptionalText),
            c("is_system_role", Flag(false)),
            // The rest of the list becomes grants; see `grants`.
            derived("is_superuser", "permissions", Superuser),
            c("created_at", Time),
            c("updated_at", Time),
            c("created_by", Reference("users")),
        ],
    ),
    table(
        "permissions",
        &[
            c("id", Id),
            c("name", Text),
            c("display_name", FilledText),
            c("description", OptionalText),
            c("resource", Text),
            c("action", Text),
            c("is_system_permission", Flag(false)),
            c("created_at", Time),
        ],
    ),
    Table {
        withheld: &["salt"],
        ..secrets(
            "users",
            &[
                c("id", Id),
                c("uuid", Uuid),
                c("username", Canonical),
                c("email", Canonical),
                c("password_hash", PasswordHash),
                c("password_algorithm", PasswordAlgorithm),
                c("role_id", Parent("roles")),
                c("full_name", OptionalText),
                c("display_name", OptionalText),
                c("avatar_url", OptionalText),
                c("timezone", TextOr("UTC")),
                c("locale", TextOr("en-US")),
                c("created_at", Time),
                c("updated_at", Time),
                c("last_login", OptionalTime),
                c("last_password_change", Time),
                c("password_expires_at", OptionalTime),
                c("is_active", Flag(true)),
                c("is_verified", Flag(false)),
                c("email_verified_at", OptionalTime),
                c("failed_login_attempts", IntegerOr(0)),
                c("locked_until", OptionalTime),
                c("must_change_password", Flag(false)),
                c("two_factor_enabled", Flag(false)),
                c("two_factor_secret", EncryptedText),
                c("backup_codes", OptionalJson),
                c("login_notification_enabled", Flag(true)),
                c("session_timeout_minutes", IntegerOr(1440)),
                c("created_by", Reference("users")),
                c("updated_by", Reference("users")),
                c("metadata", Metadata),
            ],
        )
    },
    table(
        "role_permissions",
        &[
            c("id", Id),
            c("role_id", Parent("roles")),
            c("permission_id", Parent("permissions")),
            c("granted_at", Time),
            c("granted_by", Reference("users")),
        ],
    ),
    secrets(
        "user_sessions",
        &[
            c("id", Id),
            c("session_id", Text),
            c("user_id", Parent("users")),
            c("token_hash", Sha256),
            c("ip_address", FilledText),
            c("user_agent", OptionalText),
            c("created_at", Time),
            c("last_activity", Time),
            // The former application knew no idle expiry of its own.
            derived("idle_expires_at", "expires_at", RequiredTime),
            c("expires_at", RequiredTime),
            c("is_active", Flag(true)),
            c("device_fingerprint", FilledText),
            c("location_info", OptionalJson),
        ],
    ),
    secrets(
        "password_history",
        &[
            c("id", Id),
            c("user_id", Parent("users")),
            c("password_hash", PasswordHash),
            c("password_algorithm", PasswordAlgorithm),
            c("created_at", Time),
        ],
    ),
    secrets(
        "api_keys",
        &[
            c("id", Id),
            c("key_id", Uuid),
            c("user_id", Parent("users")),
            c("name", Text),
            c("key_hash", Sha256),
            c("key_prefix", Text),
            c("scopes", JsonTexts),
            c("last_used_at", OptionalTime),
            c("usage_count", IntegerOr(0)),
            c("is_active", ActiveUnlessRevoked),
            c("expires_at", OptionalTime),
            c("created_at", Time),
            c("created_by", Reference("users")),
            c("revoked_at", OptionalTime),
            c("revoked_by", Reference("users")),
            c("metadata", Metadata),
        ],
    ),
    table(
        "chat_sessions",
        &[
            c("id", Id),
            c("session_id", Uuid),
            c("user_id", Parent("users")),
            c("title", OptionalText),
            c("description", OptionalText),
            c("created_at", Time),
            c("updated_at", Time),
            c("last_message_at", OptionalTime),
            c("is_archived", Flag(false)),
            c("is_shared", Flag(false)),
            c("share_token", Token),
            c("share_expires_at", OptionalTime),
            c("message_count", IntegerOr(0)),
            c("total_tokens", IntegerOr(0)),
            c("metadata", Metadata),
        ],
    ),
    table(
        "chat_history",
        &[
            c("id", Id),
            c("chat_session_id", Parent("chat_sessions")),
            c("user_id", Parent("users")),
            c("message_id", Uuid),
            c("parent_message_id", ParentMessage),
            c("message_content", Text),
            c("message_type", RequiredOneOf(&["user", "assistant", "system"])),
            c("model_name", FilledText),
            c("provider", FilledText),
            c("timestamp", Time),
            c("token_count", OptionalInteger),
            c("processing_time_ms", OptionalInteger),
            c("is_deleted", Flag(false)),
            c("deleted_at", OptionalTime),
            c("deleted_by", Reference("users")),
            c("is_edited", Flag(false)),
            c("edit_count", IntegerOr(0)),
            c("last_edited_at", OptionalTime),
            c("feedback_rating", OptionalInteger),
            c("feedback_comment", OptionalText),
            c("source_documents", OptionalJson),
            c("retrieval_context", OptionalJson),
            c("metadata", Metadata),
        ],
    ),
    table(
        "documents",
        &[
            c("id", Id),
            c("document_id", Uuid),
            c("user_id", Parent("users")),
            c("filename", Text),
            c("original_filename", Text),
            c("file_path", Text),
            c("file_size", Integer),
            c("file_hash", Sha256),
            c("mime_type", Text),
            c("upload_status", OneOf(&["uploaded", "uploading", "failed"])),
            c("processing_status", OneOf(&["pending", "processing", "completed", "failed"])),
            c("chunk_count", IntegerOr(0)),
            c("total_tokens", IntegerOr(0)),
            c("upload_started_at", Time),
            c("upload_completed_at", OptionalTime),
            c("processing_started_at", OptionalTime),
            c("processing_completed_at", OptionalTime),
            c("last_accessed_at", OptionalTime),
            c("access_count", IntegerOr(0)),
            c("is_public", Flag(false)),
            c("is_archived", Flag(false)),
            c("tags", JsonTexts),
            c("metadata", Metadata),
            c("error_message", OptionalText),
        ],
    ),
    table(
        "document_chunks",
        &[
            c("id", Id),
            c("chunk_id", Uuid),
            c("document_id", Parent("documents")),
            c("chunk_index", Integer),
            c("content", Text),
            c("content_hash", Sha256),
            c("token_count", Integer),
            c("page_number", OptionalInteger),
            c("section_title", OptionalText),
            c("chunk_type", TextOr("text")),
            c("vector_id", FilledText),
            c("embedding_model", FilledText),
            c("created_at", Time),
            c("metadata", Metadata),
        ],
    ),
    table(
        "system_settings",
        &[
            c("id", Id),
            c("key", Text),
            c("value", SettingValue),
            c("value_type", OneOf(VALUE_TYPES)),
            c("description", OptionalText),
            c("is_secret", Flag(false)),
            c("is_readonly", Flag(false)),
            c("validation_rule", FilledText),
            c("category", TextOr("general")),
            c("created_at", Time),
            c("updated_at", Time),
            c("updated_by", Reference("users")),
        ],
    ),
    table(
        "user_preferences",
        &[
            c("id", Id),
            c("user_id", Parent("users")),
            c("key", Text),
            c("value", SettingValue),
            c("value_type", OneOf(VALUE_TYPES)),
            c("category", TextOr("general")),
            c("created_at", Time),
            c("updated_at", Time),
        ],
    ),
    table(
        "security_events",
        &[
            c("id", Id),
            c("event_id", Uuid),
            c("user_id", Reference("users")),
            c("event_type", Text),
            c("event_subtype", FilledText),
            c("severity", RequiredOneOf(SEVERITIES)),
            c("source_ip", FilledText),
            c("user_agent", OptionalText),
            c("timestamp", Time),
            c("details", OptionalJson),
            c("resolved", Flag(false)),
            c("resolved_at", OptionalTime),
            c("resolved_by", Reference("users")),
            c("investigation_notes", OptionalText),
        ],
    ),
    table(AUDIT_LOG, AUDIT_COLUMNS),
];

/// Whether a table is one of `TABLES`.
pub(super) fn is_known(table: &str) -> bool {
    TABLES.iter().any(|known| known.name.eq_ignore_ascii_case(table))
}

/// Indexes of the former application that the new schema does not have.
pub(super) const DROPPED_INDEXES: &[&str] = &[
    "idx_chat_history_message_type",
    "idx_chat_history_timestamp",
    "idx_chat_sessions_created_at",
    "idx_user_preferences_key",
];

/// Tables whose copied keys are tracked: those that others refer to, and those that get seeds as well.
pub(super) const TRACKED: &[&str] = &[
    "roles",
    "permissions",
    "users",
    "chat_sessions",
    "documents",
    "role_permissions",
    "system_settings",
];

/// Name of the audit log. Its rows form a hash chain, so `Chain` writes them.
pub(super) const AUDIT_LOG: &str = "audit_log";

const AUDIT_COLUMNS: &[Column] = &[
    c("id", Id),
    c("event_id", Uuid),
    c("user_id", Reference("users")),
    c("session_id", FilledText),
    c("event_type", Text),
    c("event_category", Text),
    c("resource_type", FilledText),
    c("resource_id", FilledText),
    c("action", Text),
    c("description", OptionalText),
    c("ip_address", FilledText),
    c("user_agent", OptionalText),
    c("timestamp", Time),
    c("severity", OneOf(SEVERITIES)),
    c("success", Flag(true)),
    c("error_message", OptionalText),
    c("request_data", OptionalJson),
    c("response_data", OptionalJson),
    c("metadata", Metadata),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use zenith_db::internal::manager::FORMER_TABLES;

    use super::*;

    #[test]
    fn the_library_recognizes_a_former_database_by_the_same_tables() {
        let converted: BTreeSet<&str> = TABLES.iter().map(|table| table.name).collect();
        let recognized: BTreeSet<&str> = FORMER_TABLES.iter().copied().collect();
        assert_eq!(converted, recognized);
        assert_eq!((converted.len(), recognized.len()), (TABLES.len(), FORMER_TABLES.len()));
    }
}
