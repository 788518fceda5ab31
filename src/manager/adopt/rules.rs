//! What becomes of each column of the former application: one line a column, in the order of the new
//! table's columns.

/// How a value of the former application becomes one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The key, kept as it is.
    Id,
    /// Text that must be there.
    Text,
    /// Text that may be missing.
    OptionalText,
    /// Text that may be missing; empty is missing.
    FilledText,
    /// Text that, missing or empty, is this.
    TextOr(&'static str),
    /// A name or an address: lower case, nothing around it.
    Canonical,
    /// A UUID in its one form.
    Uuid,
    /// A password's hash, without the former prefix.
    PasswordHash,
    /// How the password was hashed: what the hash beside it says.
    PasswordAlgorithm,
    /// A SHA-256 hash in lower-case hexadecimal digits.
    Sha256,
    /// A token whose SHA-256 is kept in its place.
    Token,
    /// 0 or 1; missing, it is this.
    Flag(bool),
    /// A whole number that must be there.
    Integer,
    /// A whole number that, missing, is this.
    IntegerOr(i64),
    /// A whole number that may be missing.
    OptionalInteger,
    /// A time; missing, it is the moment of the adoption.
    Time,
    /// A time that may be missing.
    OptionalTime,
    /// A time that must be there.
    RequiredTime,
    /// JSON that may be missing. Text that is no JSON becomes a JSON string.
    OptionalJson,
    /// A list of texts; missing, it is empty.
    JsonTexts,
    /// What the application keeps beside, and under `legacy` what has no column any more.
    Metadata,
    /// A word of the vocabulary; missing, it is the first.
    Word(&'static [&'static str]),
    /// A word of the vocabulary that must be there.
    RequiredWord(&'static [&'static str]),
    /// A reference to a row that must be there.
    Parent(&'static str),
    /// A reference to a row; if that is not there, it is taken away and kept under `legacy`.
    Reference(&'static str),
    /// The public id of the message that this one answers, likewise.
    ParentMessage,
    /// Text that agrees with the row's `value_type`, or is encrypted.
    SettingValue,
    /// Whether the list of permissions holds `*`.
    Superuser,
    /// 0 if the row was revoked, whatever the flag says.
    ActiveUnlessRevoked,
}

impl Rule {
    /// Whether the column holds numbers.
    pub(super) const fn makes_numbers(self) -> bool {
        matches!(
            self,
            Self::Id
                | Self::Flag(_)
                | Self::Integer
                | Self::IntegerOr(_)
                | Self::OptionalInteger
                | Self::Parent(_)
                | Self::Reference(_)
                | Self::Superuser
                | Self::ActiveUnlessRevoked
        )
    }
}

/// A column of the new table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// The former column that it comes from.
    pub(super) source: &'static str,
    pub(super) rule: Rule,
}

impl Column {
    /// Whether it has no counterpart of its own name in the former table.
    pub(super) fn is_derived(&self) -> bool {
        self.name != self.source
    }
}

/// A table of the former application.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
    /// Former columns that have no column any more and must not go to `metadata`, which is shown.
    pub(super) withheld: &'static [&'static str],
}

const fn c(name: &'static str, rule: Rule) -> Column {
    Column { name, source: name, rule }
}

const fn derived(name: &'static str, source: &'static str, rule: Rule) -> Column {
    Column { name, source, rule }
}

const fn table(name: &'static str, columns: &'static [Column]) -> Table {
    Table { name, columns, withheld: &[] }
}

use Rule::{
    ActiveUnlessRevoked, Canonical, FilledText, Flag, Id, Integer, IntegerOr, JsonTexts, Metadata,
    OptionalInteger, OptionalJson, OptionalText, OptionalTime, Parent, ParentMessage,
    PasswordAlgorithm, PasswordHash, Reference, RequiredTime, RequiredWord, SettingValue, Sha256,
    Superuser, Text, TextOr, Time, Token, Uuid, Word,
};

const VALUE_TYPES: &[&str] = &["string", "integer", "float", "boolean", "json"];
const SEVERITIES: &[&str] = &["info", "debug", "warning", "error", "critical"];

/// The former tables in the order in which they are copied: what others need comes first. Its
/// `schema_version` is carried over like a table that is not known: the new one tells of the new
/// migrations.
pub(super) const TABLES: &[Table] = &[
    Table {
        // Taken apart into grants; see `grants`.
        withheld: &["permissions"],
        ..table(
            "roles",
            &[
                c("id", Id),
                c("name", Text),
                c("display_name", FilledText),
                c("description", OptionalText),
                c("is_system_role", Flag(false)),
                derived("is_superuser", "permissions", Superuser),
                c("created_at", Time),
                c("updated_at", Time),
                c("created_by", Reference("users")),
            ],
        )
    },
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
        ..table(
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
                c("two_factor_secret", FilledText),
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
    table(
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
    table(
        "password_history",
        &[
            c("id", Id),
            c("user_id", Parent("users")),
            c("password_hash", PasswordHash),
            c("password_algorithm", PasswordAlgorithm),
            c("created_at", Time),
        ],
    ),
    table(
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
            c("message_type", RequiredWord(&["user", "assistant", "system"])),
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
            c("upload_status", Word(&["uploaded", "uploading", "failed"])),
            c("processing_status", Word(&["pending", "processing", "completed", "failed"])),
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
            c("value_type", Word(VALUE_TYPES)),
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
            c("value_type", Word(VALUE_TYPES)),
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
            c("severity", RequiredWord(SEVERITIES)),
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

/// The one table whose rows are chained, and so are written in their own way.
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
    c("severity", Word(SEVERITIES)),
    c("success", Flag(true)),
    c("error_message", OptionalText),
    c("request_data", OptionalJson),
    c("response_data", OptionalJson),
    c("metadata", Metadata),
];
