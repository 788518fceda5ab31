//! An expression of the library's tables that says something else than its migration is reported, however the server
//! prints it.
#![cfg(feature = "postgres")]

use crate::support::{Fixture, Raw, failed};

const COLUMNS: &str = "Required Columns and Indexes";
const NONE: [&str; 0] = [];

/// The table and the name of a check, and a condition with the same names and as many values as its own.
const CHECKS: &[(&str, &str, &str)] = &[
    ("users", "users_failed_login_attempts_count", "failed_login_attempts > 0"),
    ("users", "users_failed_login_attempts_count", "failed_login_attempts >= -1"),
    ("users", "users_username_length", "length(username) BETWEEN 1 AND 5000"),
    ("users", "users_username_length", "length(username) NOT BETWEEN 1 AND 50"),
    ("users", "users_username_length", "length(username) >= 1 OR length(username) <= 50"),
    ("users", "users_email_canonical", "email = lower(trim(email)) OR email LIKE '_%@_%'"),
    ("users", "users_email_canonical", "email = lower(trim(email)) AND email NOT LIKE '_%@_%'"),
    ("users", "users_password_algorithm_known", "password_algorithm IN ('argon2id', 'md5')"),
    ("users", "users_password_algorithm_known", "password_algorithm NOT IN ('argon2id', 'bcrypt')"),
    ("users", "users_metadata_json", "metadata::json IS NULL"),
    ("users", "users_metadata_json", "metadata IS NOT NULL"),
    (
        "users",
        "users_last_login_utc",
        "last_login >= '0001-01-01 BC' AND last_login <= '10000-01-01'",
    ),
    (
        "users",
        "users_last_login_utc",
        "last_login >= '0001-01-02 BC' AND last_login < '10000-01-01'",
    ),
    ("users", "users_uuid_uuid", "uuid !~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'"),
    ("notifications", "notifications_read_has_time", "is_read <> (read_at IS NOT NULL)"),
    (
        "backup_jobs",
        "backup_jobs_compression_ratio_positive",
        "compression_ratio > 0 AND compression_ratio <= 1.7e308",
    ),
    ("audit_log", "audit_log_entry_hash_nonzero", "ltrim(entry_hash, '0') = ''"),
    (
        "system_settings",
        "system_settings_secret_is_encrypted",
        "is_secret OR value IS NULL OR value ~ '^enc:v[0-9]:.'",
    ),
    (
        "user_preferences",
        "user_preferences_value_agrees_with_type",
        r"value IS NULL OR CASE value_type
            WHEN 'float' THEN value ~ '^(0|-?[1-9][0-9]{0,18})$'
                AND value::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
            WHEN 'integer' THEN value ~ '^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$'
            WHEN 'boolean' THEN value IN ('true', 'false')
            WHEN 'json' THEN is_json(value)
            ELSE TRUE END",
    ),
];

/// An index, and another one of that name with the same columns.
const INDEXES: &[(&str, &str)] = &[
    ("idx_security_events_severity", "ON security_events (severity, timestamp) WHERE resolved"),
    ("idx_users_last_login", "ON users (last_login) WHERE last_login IS NULL"),
    (
        "idx_documents_upload_status",
        "ON documents (upload_status, id) WHERE upload_status = 'uploaded'",
    ),
    (
        "idx_documents_upload_status",
        "ON documents (upload_status, id) WHERE upload_status <> 'failed'",
    ),
    ("idx_backup_jobs_started_at", "ON backup_jobs (started_at, lower(status))"),
    ("idx_backup_jobs_status", "ON backup_jobs (status text_pattern_ops, started_at)"),
];

/// A column, and another value by default.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("users", "created_at", "CURRENT_TIMESTAMP AT TIME ZONE 'Asia/Tokyo'"),
    ("users", "created_at", "CURRENT_TIMESTAMP"),
    ("users", "created_at", "CURRENT_TIMESTAMP AT TIME ZONE 'UTC' - interval '1 day'"),
    ("users", "locale", "'de-DE'"),
];

#[test]
fn an_expression_with_another_operator_or_value_is_reported() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let manager = fixture.manager();
    let mut connection = fixture.raw();
    let mut one = |query: &str| connection.lines(query).concat();
    let mut changes = Vec::new();
    for (table, name, condition) in CHECKS {
        let before = format!(
            "SELECT pg_get_constraintdef(oid) AS line FROM pg_constraint
             WHERE conname = '{name}' AND conrelid = '{table}'::regclass"
        );
        // The rows may satisfy the other condition or not.
        let replace = |check: &str| {
            format!(
                "ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {check} NOT VALID;
                 UPDATE pg_constraint SET convalidated = true WHERE conname = '{name}'"
            )
        };
        changes.push((replace(&format!("CHECK ({condition})")), replace(&one(&before))));
    }
    for (name, other) in INDEXES {
        let before = one(&format!("SELECT pg_get_indexdef('{name}'::regclass) AS line"));
        let other = format!("DROP INDEX {name}; CREATE INDEX {name} {other}");
        changes.push((other, format!("DROP INDEX {name}; {before}")));
    }
    for (table, column, other) in DEFAULTS {
        let before = format!(
            "SELECT pg_get_expr(adbin, adrelid) AS line
             FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
             WHERE adrelid = '{table}'::regclass AND attname = '{column}'"
        );
        let set = |value: &str| format!("ALTER TABLE {table} ALTER {column} SET DEFAULT ({value})");
        changes.push((set(other), set(&one(&before))));
    }
    let mut unseen = Vec::new();
    for (change, undo) in changes {
        fixture.sql(&change);
        if failed(&manager.health_check()) != [COLUMNS] {
            unseen.push(change);
        }
        // As the server has printed it, and as a backup restores it.
        fixture.sql(&undo);
        assert_eq!(failed(&manager.health_check()), NONE, "{undo}");
    }
    assert!(unseen.is_empty(), "{unseen:#?}");
}

#[test]
fn what_an_operator_sets_of_indexes_and_the_form_of_times_is_not_reported() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql(
        "ALTER INDEX idx_users_last_login SET (fillfactor = 70);
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET DateStyle = German', current_database()); END $$",
    );
    assert_eq!(failed(&fixture.manager().health_check()), NONE);
}
