//! What the database refuses when columns do not agree with each other, and what it refuses of
//! secrets, hashes and measurements.

use crate::support::SqliteFixture;
use crate::support::rows;
use crate::support::rows::refusal;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

fn filled() -> (SqliteFixture, SqliteConnection) {
    let fixture = SqliteFixture::created();
    let mut connection = fixture.raw();
    rows::fill(&mut connection);
    connection.batch_execute("DROP TRIGGER audit_log_no_update").expect("no guard");
    (fixture, connection)
}

fn refuses(connection: &mut SqliteConnection, check: &str, statement: &str) {
    let refused = refusal(connection, statement);
    assert_eq!(refused, format!("CHECK constraint failed: {check}"), "{statement}");
}

fn takes(connection: &mut SqliteConnection, statement: &str) {
    connection.batch_execute(statement).expect(statement);
}

const EARLY: &str = "'2001-01-01 00:00:00.000000'";
const LATE: &str = "'2001-01-01 00:00:00.000001'";

#[test]
fn an_end_is_not_before_its_start() {
    let (_fixture, mut connection) = filled();
    for (table, start, end, check) in [
        ("api_keys", "created_at", "expires_at", "expiry_order"),
        ("backup_jobs", "started_at", "completed_at", "completion_order"),
        ("documents", "processing_started_at", "processing_completed_at", "processing_order"),
        ("documents", "upload_started_at", "upload_completed_at", "upload_order"),
        ("file_storage", "created_at", "archived_at", "archive_order"),
        ("notifications", "created_at", "expires_at", "expiry_order"),
        ("security_events", "timestamp", "resolved_at", "resolution_order"),
        ("system_health", "last_check", "next_check", "check_order"),
    ] {
        let set = |from: &str, to: &str| {
            format!("UPDATE {table} SET {start} = {from}, {end} = {to} WHERE id = 100")
        };
        refuses(&mut connection, &format!("{table}_{check}"), &set(LATE, EARLY));
        takes(&mut connection, &set(EARLY, EARLY));
        takes(&mut connection, &set(EARLY, LATE));
    }
}

#[test]
fn a_session_ends_after_it_began_and_its_idle_end_is_not_after_its_end() {
    let (_fixture, mut connection) = filled();
    let set = |created: &str, idle: &str, end: &str| {
        format!(
            "UPDATE user_sessions SET created_at = {created}, idle_expires_at = {idle}, \
             expires_at = {end}"
        )
    };
    let order = "user_sessions_expiry_order";
    refuses(&mut connection, order, &set(LATE, EARLY, EARLY));
    refuses(&mut connection, order, &set(EARLY, LATE, EARLY));
    takes(&mut connection, &set(EARLY, EARLY, EARLY));
    takes(&mut connection, &set(EARLY, LATE, LATE));
}

#[test]
fn a_session_is_not_idle_before_it_began() {
    let (_fixture, mut connection) = filled();
    let statement = format!(
        "UPDATE user_sessions SET created_at = {LATE}, idle_expires_at = {EARLY}, expires_at = {LATE}"
    );
    refuses(&mut connection, "user_sessions_expiry_order", &statement);
}

#[test]
fn what_is_revoked_is_not_active_and_what_is_read_says_when() {
    let (_fixture, mut connection) = filled();
    for table in ["user_sessions", "api_keys"] {
        let statement =
            format!("UPDATE {table} SET revoked_at = '2001-01-02 00:00:00.000000', is_active = 1");
        refuses(&mut connection, &format!("{table}_revoked_is_inactive"), &statement);
        takes(&mut connection, &format!("UPDATE {table} SET is_active = 1, revoked_at = NULL"));
    }
    let check = "notifications_read_has_time";
    refuses(&mut connection, check, "UPDATE notifications SET is_read = 1");
    let read = format!("UPDATE notifications SET read_at = {LATE}");
    refuses(&mut connection, check, &read);
    takes(&mut connection, &format!("{read}, is_read = 1"));
    let early = "UPDATE notifications SET is_read = 1, read_at = '2000-01-01 00:00:00.000000'";
    refuses(&mut connection, "notifications_read_order", early);
}

fn setting(table: &str, value: &str, value_type: &str) -> String {
    format!("UPDATE {table} SET value = '{value}', value_type = '{value_type}' WHERE id = 100")
}

#[test]
fn a_setting_agrees_with_its_type() {
    let (_fixture, mut connection) = filled();
    for table in ["system_settings", "user_preferences"] {
        let check = format!("{table}_value_agrees_with_type");
        for (value_type, wrong) in [
            ("integer", ["", "one", "1.5", "007", "+5", " 1", "9223372036854775808"].as_slice()),
            ("float", &["", "one", "1,5", "inf", "NaN", "0x10", " 1.5", ".", "-"]),
            ("boolean", &["", "1", "True", "yes", "maybe"]),
            ("json", &["", "{", "{a: 1}", "nothing"]),
        ] {
            for value in wrong {
                refuses(&mut connection, &check, &setting(table, value, value_type));
            }
        }
        for (value_type, right) in [
            ("string", ["", "anything at all"].as_slice()),
            ("integer", &["0", "-1", "9223372036854775807", "-9223372036854775808"]),
            ("float", &["0", "1.5", "-1.5", "1e9", "2.5E-3"]),
            ("boolean", &["true", "false"]),
            ("json", &["{}", "[1, 2]", "null", "\"text\""]),
        ] {
            for value in right {
                takes(&mut connection, &setting(table, value, value_type));
            }
        }
        takes(&mut connection, &format!("UPDATE {table} SET value = NULL, value_type = 'integer'"));
        // The type cannot be changed under a value either.
        takes(&mut connection, &setting(table, "dark", "string"));
        let statement = format!("UPDATE {table} SET value_type = 'boolean' WHERE id = 100");
        refuses(&mut connection, &check, &statement);
    }
}

#[test]
fn a_decimal_setting_is_one_number_and_not_only_made_of_its_characters() {
    let (_fixture, mut connection) = filled();
    for table in ["system_settings", "user_preferences"] {
        for value in ["1.2.3", "1e", "e1", "--1", "1-2", "1e5e5", "-+1", "1e+"] {
            let check = format!("{table}_value_agrees_with_type");
            refuses(&mut connection, &check, &setting(table, value, "float"));
        }
    }
}

#[test]
fn a_secret_setting_is_ciphertext_or_absent() {
    let (_fixture, mut connection) = filled();
    let set = |value: &str| {
        format!("UPDATE system_settings SET is_secret = 1, value = {value} WHERE id = 100")
    };
    for value in ["'hunter2'", "''", "'enc:'", "'enc:v1:'", "'enc:vx:abc'", "' enc:v1:abc'"] {
        refuses(&mut connection, "system_settings_secret_is_encrypted", &set(value));
    }
    // A plain value does not become a secret by its flag.
    takes(&mut connection, "UPDATE system_settings SET is_secret = 0, value = 'x' WHERE id = 100");
    refuses(
        &mut connection,
        "system_settings_secret_is_encrypted",
        "UPDATE system_settings SET is_secret = 1 WHERE id = 100",
    );
    takes(&mut connection, &set("NULL"));
    takes(&mut connection, &set("'enc:v1:c2VjcmV0'"));
}

#[test]
fn a_password_hash_is_a_phc_or_bcrypt_string_without_the_old_prefix() {
    let (_fixture, mut connection) = filled();
    for table in ["users", "password_history"] {
        for value in ["hunter2", "argon2id:$argon2id$v=19$x", "bcrypt:$2b$12$x"] {
            let statement = format!("UPDATE {table} SET password_hash = '{value}' WHERE id = 100");
            refuses(&mut connection, &format!("{table}_password_hash_phc"), &statement);
        }
        for value in ["$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA", "$2b$12$abcdefghijklmnopqrstuv"] {
            takes(
                &mut connection,
                &format!("UPDATE {table} SET password_hash = '{value}' WHERE id = 100"),
            );
        }
    }
}

#[test]
fn a_sha_256_is_64_hexadecimal_digits_in_lower_case() {
    let (_fixture, mut connection) = filled();
    for (table, column) in [
        ("user_sessions", "token_hash"),
        ("api_keys", "key_hash"),
        ("documents", "file_hash"),
        ("document_chunks", "content_hash"),
        ("file_storage", "file_hash"),
        ("audit_log", "prev_hash"),
        ("audit_log", "entry_hash"),
        ("schema_version", "checksum"),
    ] {
        let set = |value: &str| {
            format!(
                "UPDATE {table} SET {column} = {value} WHERE id = (SELECT max(id) FROM {table})"
            )
        };
        let check = format!("{table}_{column}_sha256");
        for value in [
            "''",
            "'the secret itself'",
            "printf('%063d', 0)",
            "printf('%065d', 0)",
            "printf('%063dg', 0)",
            "printf('%063dA', 0)",
            "printf('%063d ', 0)",
        ] {
            refuses(&mut connection, &check, &set(value));
        }
        takes(&mut connection, &set("printf('%058dabcdef', 0)"));
    }
}

#[test]
fn two_sessions_and_two_keys_never_have_one_secret() {
    let (_fixture, mut connection) = filled();
    for (table, column, other) in
        [("user_sessions", "token_hash", "session_id"), ("api_keys", "key_hash", "key_id")]
    {
        let columns = rows::lines(
            &mut connection,
            &format!("SELECT name AS line FROM pragma_table_info('{table}') WHERE name <> 'id'"),
        );
        let copied: Vec<String> = columns
            .iter()
            .map(|name| {
                if name == other {
                    "'00000000-0000-7000-8000-000000000007'".into()
                } else {
                    name.clone()
                }
            })
            .collect();
        let (columns, copied) = (columns.join(", "), copied.join(", "));
        let statement = format!("INSERT INTO {table} ({columns}) SELECT {copied} FROM {table}");
        let refused = refusal(&mut connection, &statement);
        assert_eq!(refused, format!("UNIQUE constraint failed: {table}.{column}"));
    }
}

#[test]
fn a_metric_is_a_finite_number() {
    let (_fixture, mut connection) = filled();
    let set = |value: &str| format!("UPDATE system_metrics SET metric_value = {value}");
    // SQLite makes NaN a NULL.
    let refused = refusal(&mut connection, &set("9e999 - 9e999"));
    assert_eq!(refused, "NOT NULL constraint failed: system_metrics.metric_value");
    for value in ["9e999", "-9e999", "'many'", "'NaN'", "''", "x'31'"] {
        refuses(&mut connection, "system_metrics_metric_value_finite", &set(value));
    }
    for value in ["0", "-1.5", "1.7976931348623157e308", "-1.7976931348623157e308", "5e-324"] {
        takes(&mut connection, &set(value));
    }
}

#[test]
fn a_compression_ratio_is_a_finite_positive_number() {
    let (_fixture, mut connection) = filled();
    for value in ["0", "-0.5", "'half'", "9e999"] {
        let statement = format!("UPDATE backup_jobs SET compression_ratio = {value}");
        refuses(&mut connection, "backup_jobs_compression_ratio_positive", &statement);
    }
    takes(&mut connection, "UPDATE backup_jobs SET compression_ratio = 0.25");
    takes(&mut connection, "UPDATE backup_jobs SET compression_ratio = NULL");
}
