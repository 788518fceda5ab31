//! Embeds the migrations, lists their constraints, gives the columns of `src/schema.rs` the types of what they hold, and
//! tells dependants where `schema.rs` is: `crates/transfer` makes its rows from it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use zenith_db_embed::ColumnType;

/// Types of [`crate::types`] with the columns that hold them. `*.name` is a column of that name of any table.
type Held = &'static [(&'static str, &'static [&'static str])];

/// Primary keys, and references to them.
const KEYS: Held = &[
    ("ApiKeyId", &["api_keys.id"]),
    ("AuditEntryId", &["audit_log.id"]),
    ("BackupJobId", &["backup_jobs.id"]),
    ("ChatMessageId", &["chat_history.id"]),
    ("ChatSessionId", &["chat_sessions.id", "*.chat_session_id"]),
    ("DocumentChunkId", &["document_chunks.id"]),
    ("DocumentId", &["documents.id", "*.document_id"]),
    ("StoredFileId", &["file_storage.id"]),
    ("NotificationId", &["notifications.id"]),
    ("PasswordRecordId", &["password_history.id"]),
    ("PermissionId", &["permissions.id", "*.permission_id"]),
    ("RolePermissionId", &["role_permissions.id"]),
    ("RoleId", &["roles.id", "*.role_id"]),
    ("SchemaVersionId", &["schema_version.id"]),
    ("SecurityEventId", &["security_events.id"]),
    ("SystemHealthId", &["system_health.id"]),
    ("SystemMetricId", &["system_metrics.id"]),
    ("SystemSettingId", &["system_settings.id"]),
    ("UserPreferenceId", &["user_preferences.id"]),
    ("UserSessionId", &["user_sessions.id"]),
    (
        "UserId",
        &[
            "users.id",
            "*.user_id",
            "*.created_by",
            "*.updated_by",
            "*.deleted_by",
            "*.granted_by",
            "*.resolved_by",
            "*.revoked_by",
        ],
    ),
];

/// Numbers, with which SQL calculates.
const NUMBERS: &[&str] = &[
    "*.access_count",
    "*.backup_size",
    "*.file_size",
    "*.message_count",
    "*.seq",
    "*.total_tokens",
    "*.usage_count",
    "*.version",
];

/// Public ids, vocabularies, hashes, secrets and JSON. `session_id` of the audit log is a text, because it may be that
/// of a session of another program.
const TEXTS: Held = &[
    ("ApiKeyPublicId", &["api_keys.key_id"]),
    ("AuditEntryPublicId", &["audit_log.event_id"]),
    ("BackupJobPublicId", &["backup_jobs.job_id"]),
    ("ChatMessagePublicId", &["chat_history.message_id", "chat_history.parent_message_id"]),
    ("ChatSessionPublicId", &["chat_sessions.session_id"]),
    ("DocumentChunkPublicId", &["document_chunks.chunk_id"]),
    ("DocumentPublicId", &["documents.document_id"]),
    ("StoredFilePublicId", &["file_storage.file_id"]),
    ("NotificationPublicId", &["notifications.notification_id"]),
    ("SecurityEventPublicId", &["security_events.event_id"]),
    ("UserSessionPublicId", &["user_sessions.session_id"]),
    ("UserPublicId", &["users.uuid"]),
    ("BackupStatus", &["backup_jobs.status"]),
    ("NotificationType", &["notifications.type_"]),
    ("HealthStatus", &["system_health.status"]),
    ("BackupType", &["*.backup_type"]),
    ("CompressionType", &["*.compression_type"]),
    ("EncryptionStatus", &["*.encryption_status"]),
    ("MessageType", &["*.message_type"]),
    ("MetricType", &["*.metric_type"]),
    ("MigrationOwner", &["schema_version.owner"]),
    ("PasswordAlgorithm", &["*.password_algorithm"]),
    ("ProcessingStatus", &["*.processing_status"]),
    ("Severity", &["*.severity"]),
    ("UploadStatus", &["*.upload_status"]),
    ("ValueType", &["*.value_type"]),
    ("VerificationStatus", &["*.verification_status"]),
    ("Sha256Hash", &["*.content_hash", "*.entry_hash", "*.file_hash", "*.prev_hash"]),
    ("TokenHash", &["*.key_hash", "*.share_token", "*.token_hash"]),
    ("PasswordHash", &["*.password_hash"]),
    ("TwoFactorSecret", &["*.two_factor_secret"]),
    ("BackupCodes", &["*.backup_codes"]),
    (
        "JsonColumn",
        &[
            "*.access_permissions",
            "*.details",
            "*.location_info",
            "*.metadata",
            "*.metrics",
            "*.request_data",
            "*.response_data",
            "*.retrieval_context",
            "*.scopes",
            "*.source_documents",
            "*.tags",
        ],
    ),
];

fn main() -> std::io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    println!("cargo::metadata=schema={}", manifest.join("src/schema.rs").display());
    if env::var_os("CARGO_FEATURE_POSTGRES").is_some() {
        println!("cargo::metadata=postgres=1");
    }
    let ours = |held: Held, stored| {
        held.iter()
            .map(move |(holds, columns)| (format!("crate::types::{holds}"), stored, *columns))
    };
    let mut types: Vec<_> = ours(KEYS, "BigInt").chain(ours(TEXTS, "Text")).collect();
    types.extend(ours(&[("UtcTime", &["*"])], "Timestamp"));
    types.push(("BigInt".to_owned(), "BigInt", NUMBERS));
    let types: Vec<_> = types
        .iter()
        .map(|(holds, stored, columns)| ColumnType { holds, stored, columns })
        .collect();
    zenith_db_embed::write_schema("src/schema.rs", &types)?;
    zenith_db_embed::write("migrations")?;
    write_constraints(&manifest.join("migrations/sqlite"))
}

/// Writes the names of the constraints in a directory of migrations, in order, into `constraints.rs`.
fn write_constraints(migrations: &Path) -> std::io::Result<()> {
    let mut found = BTreeSet::new();
    for migration in fs::read_dir(migrations)? {
        // What is no migration has been reported, or is ignored.
        let script = fs::read_to_string(migration?.path().join("up.sql")).unwrap_or_default();
        let named = script.split("CONSTRAINT ").skip(1).filter_map(|rest| rest.split(' ').next());
        found.extend(named.map(str::to_owned));
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("constraints.rs"), format!("&{:?}", Vec::from_iter(found)))
}
