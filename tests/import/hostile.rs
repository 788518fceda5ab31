//! Values that SQLite accepts because it does not check types: each is converted, preserved, or listed
//! with its row, and never lost.

use zenith_db_import::{AdoptionOptions, AdoptionOutcome, AdoptionReport};

use crate::support::SqliteFixture;
use crate::support::legacy::{Shape, former_with, kept_original};

/// Adopts with a quarantine file, and returns its lines.
fn adopt(fixture: &SqliteFixture) -> (AdoptionReport, Vec<serde_json::Value>) {
    let file = fixture.directory.path().join("quarantine.jsonl");
    let options = AdoptionOptions { quarantine: Some(file.clone()), ..AdoptionOptions::default() };
    let report = zenith_db_import::adopt(&fixture.manager(), &options).expect("an adoption");
    assert_eq!(report.outcome, AdoptionOutcome::Adopted);
    assert!(fixture.manager().health_check().healthy);
    kept_original(fixture);
    let lines = std::fs::read_to_string(file).unwrap_or_default();
    let lines = lines.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    (report, lines.collect())
}

/// Reason why a row was skipped.
fn reason(report: &AdoptionReport, table: &str, id: i64) -> String {
    let row = report.rejected.iter().find(|row| row.table == table && row.id == id);
    row.map_or_else(|| format!("{table} {id} is not broken"), |row| row.reason.clone())
}

/// Statement that inserts a message with this expression as its content.
fn message(id: u32, content: &str) -> String {
    format!(
        "INSERT INTO chat_history (id, chat_session_id, user_id, message_id, message_content,
             message_type) VALUES ({id}, 1, 1, printf('90000000-0000-4000-8000-%012x', {id}),
             {content}, 'user');"
    )
}

#[test]
fn text_that_cannot_be_kept_is_named_and_written_out_losslessly() {
    let statements = [
        message(100, "'a' || char(0) || 'b'"),
        message(101, "CAST(x'61ff62' AS TEXT)"),
        message(102, "x'ff00'"),
        message(103, "x'68c3a9'"),
        message(104, "replace(hex(zeroblob(5000000)), '00', 'ä.')"),
        message(105, "'with U+FFFD ' || char(65533)"),
    ];
    let fixture = former_with(Shape::Plain, &statements.concat());
    let (report, lines) = adopt(&fixture);
    assert!(reason(&report, "chat_history", 100).contains("NUL"), "{:?}", report.rejected);
    assert!(reason(&report, "chat_history", 101).contains("not valid UTF-8"));
    assert!(reason(&report, "chat_history", 102).contains("not UTF-8"));
    assert_eq!(report.rejected.len(), 3, "{:?}", report.rejected);
    let content = |id: i64| {
        let line = lines.iter().find(|line| line["id"] == id).expect("a line");
        line["row"]["message_content"].clone()
    };
    assert_eq!(content(100), "a\0b");
    assert_eq!(content(101)["text_hex"], "61ff62");
    assert_eq!(content(102)["blob_hex"], "ff00");
    let kept =
        |id: i64, of: &str| fixture.text(&format!("SELECT {of} FROM chat_history WHERE id = {id}"));
    assert_eq!(kept(103, "typeof(message_content) || message_content"), "texthé");
    assert_eq!(kept(104, "octet_length(message_content)"), "15000000");
    assert_eq!(kept(105, "message_content"), "with U+FFFD \u{FFFD}");
}

#[test]
fn numbers_and_flags_that_are_none_are_named() {
    let statements = "
        UPDATE chat_history SET token_count = 9e999 WHERE id = 1;
        UPDATE chat_history SET token_count = 1.5 WHERE id = 2;
        UPDATE chat_history SET token_count = -9e999 - -9e999 WHERE id = 3;
        UPDATE users SET is_active = 'maybe' WHERE id = 7;
        UPDATE documents SET file_size = -1 WHERE id = 1;
        UPDATE documents SET chunk_count = 'many' WHERE id = 2;";
    let fixture = former_with(Shape::Plain, statements);
    let (report, _) = adopt(&fixture);
    assert_eq!(reason(&report, "chat_history", 1), "inf is not a whole number");
    assert_eq!(reason(&report, "chat_history", 2), "1.5 is not a whole number");
    // SQLite has no NaN and stores NULL.
    assert_eq!(fixture.text("SELECT token_count FROM chat_history WHERE id = 3"), "NULL");
    assert_eq!(reason(&report, "users", 7), "\"maybe\" is neither true nor false");
    assert!(reason(&report, "documents", 1).contains("documents_file_size_count"));
    assert_eq!(reason(&report, "documents", 2), "\"many\" is not a whole number");
    // Rows that belong to a skipped row are skipped as well, and the reason says so.
    let parent = "refers to row 1 of documents, which breaks a rule itself";
    assert_eq!(reason(&report, "document_chunks", 1), parent);
    assert_eq!(reason(&report, "document_chunks", 2), parent);
}

#[test]
fn times_of_every_form_are_converted_and_impossible_ones_named() {
    let times = [
        ("'0000-01-01 00:00:00'", Some("0000-01-01 00:00:00.000000")),
        ("'9999-12-31T23:59:59.9999999Z'", Some("9999-12-31 23:59:59.999999")),
        ("'2025-06-30 23:30-02:30'", Some("2025-07-01 02:00:00.000000")),
        ("'2025-06-30 23:30:00 UTC'", Some("2025-06-30 23:30:00.000000")),
        ("'2024-02-29'", Some("2024-02-29 00:00:00.000000")),
        ("1757358810", Some("2025-09-08 19:13:30.000000")),
        ("1757358810.25", Some("2025-09-08 19:13:30.250000")),
        ("'9999-12-31 23:59:59-01:00'", None),
        ("'0000-01-01 00:00:00+01:00'", None),
        ("'2025-02-29 00:00:00'", None),
        ("'2025-01-01 24:00:00'", None),
        ("'2025-01-01 12:60:00'", None),
        ("'2025-13-01 00:00:00'", None),
        ("'10000-01-01 00:00:00'", None),
        ("'2025-1-1 00:00:00'", None),
        ("'2025-01-01 00:00:00.'", None),
        ("'2025-01-01 00:00:00 +2'", None),
        ("'yesterday'", None),
        ("2460000.5", None),
        ("x'ff'", None),
    ];
    let mut statements = String::new();
    for (id, (time, _)) in (200_u32..).zip(times) {
        statements += &message(id, "'x'");
        let update = format!("UPDATE chat_history SET timestamp = {time} WHERE id = {id};");
        statements += &update;
    }
    let fixture = former_with(Shape::Plain, &statements);
    let (report, lines) = adopt(&fixture);
    for (id, (time, expected)) in (200_i64..).zip(times) {
        let query = format!("SELECT timestamp FROM chat_history WHERE id = {id}");
        match expected {
            Some(expected) => {
                let kept =
                    fixture.text(&format!("SELECT count(*) FROM chat_history WHERE id = {id}"));
                assert_eq!(kept, "1", "{time}: {}", reason(&report, "chat_history", id));
                assert_eq!(fixture.text(&query), expected, "{time}");
            }
            None => assert!(
                report.rejected.iter().any(|row| row.id == id && row.column == "timestamp"),
                "{time} became {}",
                fixture.text(&query)
            ),
        }
    }
    assert_eq!(lines.len(), times.iter().filter(|(_, expected)| expected.is_none()).count());
}

#[test]
fn references_to_nothing_are_taken_away_where_they_may_be_and_named_where_they_must_not() {
    let statements = "
        UPDATE users SET created_by = 99 WHERE id = 2;
        UPDATE roles SET created_by = 98 WHERE id = 4;
        UPDATE chat_history SET parent_message_id = '20000000-0000-4000-8000-0000000000ff' WHERE id = 2;
        UPDATE chat_history SET deleted_by = 'nobody' WHERE id = 1;
        UPDATE audit_log SET user_id = 97 WHERE id = 9;
        UPDATE security_events SET user_id = 96;
        UPDATE chat_sessions SET user_id = 95 WHERE id = 5;
        UPDATE users SET role_id = 94 WHERE id = 7;";
    let fixture = former_with(Shape::Plain, statements);
    let (report, lines) = adopt(&fixture);
    for (query, expected) in [
        ("SELECT created_by FROM users WHERE id = 2", "NULL"),
        ("SELECT metadata ->> '$.legacy.created_by' FROM users WHERE id = 2", "99"),
        ("SELECT created_by FROM roles WHERE id = 4", "NULL"),
        ("SELECT value FROM legacy_values WHERE table_name = 'roles' AND row_id = 4", "98"),
        ("SELECT parent_message_id FROM chat_history WHERE id = 2", "NULL"),
        (
            "SELECT metadata ->> '$.legacy.parent_message_id' FROM chat_history WHERE id = 2",
            "20000000-0000-4000-8000-0000000000ff",
        ),
        ("SELECT metadata ->> '$.cost' FROM chat_history WHERE id = 2", "0.5"),
        ("SELECT metadata ->> '$.legacy.deleted_by' FROM chat_history WHERE id = 1", "nobody"),
        ("SELECT metadata ->> '$.legacy.user_id' FROM audit_log WHERE id = 9", "97"),
        ("SELECT value FROM legacy_values WHERE table_name = 'security_events'", "96"),
        ("SELECT count(*) FROM pragma_foreign_key_check", "0"),
    ] {
        assert_eq!(fixture.text(query), expected, "{query}");
    }
    assert_eq!(
        reason(&report, "chat_sessions", 5),
        "refers to row 95 of users, which does not exist"
    );
    assert_eq!(reason(&report, "users", 7), "refers to row 94 of roles, which does not exist");
    assert_eq!(
        reason(&report, "chat_history", 3),
        "refers to row 5 of chat_sessions, which breaks a rule itself"
    );
    assert_eq!(lines.len(), 3);
}

#[test]
fn names_that_differ_in_case_only_are_named_with_the_row_that_came_first() {
    let statements = format!(
        "INSERT INTO users (id, uuid, username, email, password_hash, role_id)
         SELECT 20, 'd0f1a451-9f5f-459b-827e-cf19d12411ce', 'ADMIN', 'other@example.com',
             password_hash, role_id FROM users WHERE id = 1;
         INSERT INTO users (id, uuid, username, email, password_hash, role_id)
         SELECT 21, 'd0f1a451-9f5f-459b-827e-cf19d12411cf', 'carol', ' ANN@example.com ',
             password_hash, role_id FROM users WHERE id = 1;
         UPDATE chat_sessions SET user_id = 20 WHERE id = 5; {}",
        message(100, "'mine'")
    );
    let fixture = former_with(Shape::Plain, &statements);
    let (report, _) = adopt(&fixture);
    assert!(reason(&report, "users", 20).contains("the same username"), "{:?}", report.rejected);
    assert!(reason(&report, "users", 20).ends_with("row 1"), "{:?}", report.rejected);
    assert!(reason(&report, "users", 21).contains("the same email"));
    assert!(reason(&report, "users", 21).ends_with("row 2"));
    assert!(reason(&report, "chat_sessions", 5).contains("breaks a rule itself"));
    assert_eq!(fixture.text("SELECT group_concat(id ORDER BY id) FROM users"), "1,2,7");
}

#[test]
fn unknown_words_lengths_and_hashes_are_named_by_their_rule() {
    let statements = "
        PRAGMA ignore_check_constraints = ON;
        UPDATE chat_history SET message_type = 'robot' WHERE id = 2;
        UPDATE chat_history SET feedback_rating = 9 WHERE id = 1;
        UPDATE documents SET upload_status = 'lost' WHERE id = 1;
        UPDATE audit_log SET severity = 'dire' WHERE id = 8;
        UPDATE chat_sessions SET title = printf('%.*c', 201, 'x') WHERE id = 5;
        UPDATE user_sessions SET token_hash = 'a secret that must not be shown' WHERE id = 1;
        UPDATE users SET password_hash = 'pbkdf2:another secret' WHERE id = 7;
        UPDATE system_settings SET value = 'a third secret', is_secret = 1 WHERE id = 4;
        UPDATE system_settings SET value = 'seven' WHERE id = 1;
        UPDATE documents SET document_id = 'no-uuid' WHERE id = 2;";
    let fixture = former_with(Shape::Plain, statements);
    let (report, _) = adopt(&fixture);
    for (table, id, part) in [
        ("chat_history", 2, "\"robot\" is not one of user, assistant, system"),
        ("chat_history", 1, "chat_history_feedback_rating_range"),
        ("documents", 1, "\"lost\" is not one of"),
        ("audit_log", 8, "\"dire\" is not one of"),
        ("chat_sessions", 5, "chat_sessions_title_length"),
        ("user_sessions", 1, "is not a SHA-256 hash"),
        ("users", 7, "neither Argon2id nor bcrypt"),
        ("system_settings", 4, "system_settings_secret_is_encrypted"),
        ("system_settings", 1, "system_settings_value_agrees_with_type"),
        ("documents", 2, "\"no-uuid\" is not a UUID"),
    ] {
        let reason = reason(&report, table, id);
        assert!(reason.contains(part), "{table} {id}: {reason}");
    }
    let shown = serde_json::to_string(&report).expect("JSON");
    assert!(!shown.contains("secret that") && !shown.contains("another secret"), "{shown}");
    assert!(!shown.contains("third secret"), "{shown}");
    // The audit chain has no gap where the row was skipped.
    assert_eq!(
        fixture.text("SELECT group_concat(id || ':' || seq ORDER BY seq) FROM audit_log"),
        "3:1,9:2"
    );
}

#[test]
fn json_that_is_none_is_kept_as_a_string_or_under_legacy() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let statements = format!(
        "UPDATE users SET metadata = 'not json', backup_codes = 'a,b' WHERE id = 1;
         UPDATE users SET metadata = '[1]' WHERE id = 2;
         UPDATE chat_history SET metadata = '{{\"a\": NaN}}', retrieval_context = '{deep}' WHERE id = 1;
         UPDATE chat_history SET metadata = x'ff' WHERE id = 2;
         UPDATE chat_sessions SET metadata = '{{\"legacy\": 1}}' WHERE id = 1;
         ALTER TABLE chat_sessions ADD COLUMN colour TEXT DEFAULT 'red';
         UPDATE documents SET tags = '{{}}' WHERE id = 1;
         UPDATE roles SET permissions = 'everything' WHERE id = 4;"
    );
    let fixture = former_with(Shape::Plain, &statements);
    let (report, _) = adopt(&fixture);
    for (query, expected) in [
        ("SELECT metadata FROM users WHERE id = 1", r#"{"legacy":{"metadata":"not json"}}"#),
        ("SELECT backup_codes FROM users WHERE id = 1", r#""a,b""#),
        ("SELECT metadata FROM users WHERE id = 2", r#"{"legacy":{"metadata":[1]}}"#),
        (
            "SELECT metadata FROM chat_history WHERE id = 1",
            r#"{"legacy":{"metadata":"{\"a\": NaN}"}}"#,
        ),
        ("SELECT json_type(retrieval_context) FROM chat_history WHERE id = 1", "text"),
        (
            "SELECT metadata FROM chat_history WHERE id = 2",
            r#"{"legacy":{"metadata":{"blob_hex":"ff"}}}"#,
        ),
        (
            "SELECT metadata FROM chat_sessions WHERE id = 1",
            r#"{"legacy":{"colour":"red","legacy":1}}"#,
        ),
        ("SELECT value FROM legacy_values WHERE table_name = 'roles' AND row_id = 4", "everything"),
        ("SELECT count(*) FROM role_permissions WHERE role_id = 4", "0"),
    ] {
        assert_eq!(fixture.text(query), expected, "{query}");
    }
    assert_eq!(reason(&report, "documents", 1), "is not a JSON list of texts");
    assert_eq!(report.grants.unreadable, [4]);
}

#[test]
fn metadata_keeps_its_own_text_whatever_is_put_beside_it() {
    let deep = format!("{}{}", "[".repeat(126), "]".repeat(126));
    let precise = r#"{"z": 123456789012345678901234567890, "a": 1.10, "\u0061": 2, "a":"x y"}"#;
    let statements = format!(
        "ALTER TABLE documents ADD COLUMN legacy TEXT; UPDATE documents SET legacy = 'PRECIOUS';
         UPDATE documents SET metadata = '{{\"legacy\":{{\"old\":1.0}},\"legacy\":[ 2]}}' WHERE id = 1;
         UPDATE documents SET metadata = '[1.10,  1e400]' WHERE id = 2;
         ALTER TABLE document_chunks ADD COLUMN colour TEXT DEFAULT 'red';
         UPDATE document_chunks SET metadata = '{precise}' WHERE id = 1;
         UPDATE document_chunks SET metadata = '{{\"legacy\":{deep}}}' WHERE id = 2;
         UPDATE chat_sessions SET metadata = '[{deep}]' WHERE id = 1;
         UPDATE users SET metadata = '{precise}';"
    );
    let fixture = former_with(Shape::Plain, &statements);
    let _ = adopt(&fixture);
    for (query, expected) in [
        (
            "SELECT metadata FROM documents WHERE id = 1",
            r#"{"legacy":{"legacy":"PRECIOUS","legacy_legacy":{"old":1.0},"legacy_legacy":[ 2]}}"#,
        ),
        (
            "SELECT metadata FROM documents WHERE id = 2",
            r#"{"legacy":{"legacy":"PRECIOUS","metadata":"[1.10,  1e400]"}}"#,
        ),
        (
            "SELECT metadata FROM document_chunks WHERE id = 1",
            concat!(
                r#"{"z":123456789012345678901234567890,"a":1.10,"\u0061":2,"a":"x y","#,
                r#""legacy":{"colour":"red"}}"#
            ),
        ),
        (
            "SELECT metadata FROM document_chunks WHERE id = 2",
            &format!(r#"{{"legacy":{{"colour":"red","legacy":"{deep}"}}}}"#),
        ),
        (
            "SELECT metadata FROM chat_sessions WHERE id = 1",
            &format!(r#"{{"legacy":{{"metadata":"[{deep}]"}}}}"#),
        ),
        ("SELECT metadata FROM users WHERE id = 1", precise),
    ] {
        assert_eq!(fixture.text(query), expected, "{query}");
    }
}

#[test]
fn rows_of_unknown_tables_that_refer_to_nothing_are_left_out_as_well() {
    let statements = "
        CREATE TABLE notes (id INTEGER PRIMARY KEY, user_id REFERENCES users (id), after REFERENCES notes);
        INSERT INTO notes VALUES (1, 1, NULL), (2, 99, NULL), (3, 1, 2);";
    let fixture = former_with(Shape::Plain, statements);
    let (report, lines) = adopt(&fixture);
    assert_eq!(fixture.text("SELECT group_concat(id) FROM notes"), "1");
    assert_eq!(reason(&report, "notes", 2), "refers to a row of users that does not exist");
    assert_eq!(reason(&report, "notes", 3), "refers to a row of notes that does not exist");
    assert_eq!(lines.len(), 2);
    assert_eq!(report.rows_quarantined, 2);
}

#[test]
fn missing_tables_and_columns_are_no_obstacle() {
    let fixture = former_with(
        Shape::Plain,
        "DROP TABLE api_keys; DROP TABLE audit_log;
         ALTER TABLE chat_history DROP COLUMN feedback_comment;
         ALTER TABLE users DROP COLUMN salt;",
    );
    let (report, lines) = adopt(&fixture);
    assert_eq!(lines.len(), 0);
    let present = |name: &str| report.tables.iter().any(|t| t.table == name && t.present);
    assert!(present("users") && !present("api_keys") && !present("audit_log"));
    assert_eq!(fixture.text("SELECT count(*) FROM audit_log"), "0");
}
