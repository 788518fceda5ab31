//! A database of the former application is converted with every row, in every shape that was found.

use argon2::password_hash::PasswordVerifier;
use argon2::{Argon2, PasswordHash};
use diesel::prelude::*;
use zenith_db::prelude::*;
use zenith_db_import::{AdoptionOptions, AdoptionOutcome, AdoptionReport};

use crate::support::command::json;
use crate::support::legacy::{PASSWORD, SHAPES, Shape, former, kept_original};
use crate::support::{SqliteFixture, run, text};

fn adopt(fixture: &SqliteFixture) -> AdoptionReport {
    let report = zenith_db_import::adopt(&fixture.manager(), &AdoptionOptions::default())
        .expect("an adoption");
    assert_eq!(report.outcome, AdoptionOutcome::Adopted, "{:?}", report.rejected);
    report
}

#[test]
fn every_shape_is_adopted_with_every_row_and_is_healthy() {
    for shape in SHAPES {
        let fixture = former(shape);
        let tables: Vec<String> = names(&mut fixture.raw());
        let counts: Vec<i64> = tables.iter().map(|table| count(&fixture, table)).collect();
        let report = adopt(&fixture);
        assert_eq!(report.rows_read, report.rows_copied, "{shape:?}");
        assert_eq!(report.rows_read, u64::try_from(counts.iter().sum::<i64>()).expect("rows"));
        for (table, before) in tables.iter().zip(counts) {
            let name = if table == "schema_version" { "legacy_schema_version" } else { table };
            // Seeds and grants add rows.
            let seeded = ["roles", "permissions", "role_permissions", "system_settings"];
            let after = count(&fixture, name);
            assert!(
                after == before || (after > before && seeded.contains(&name)),
                "{shape:?} {table}: {before} rows became {after}"
            );
        }
        let health = fixture.manager().health_check();
        assert!(health.all_checks_passed, "{shape:?}: {:?}", health.failures().collect::<Vec<_>>());
        let present = report.tables.iter().filter(|table| table.present && table.read > 0).count();
        assert_eq!(present, 15, "{shape:?}");
    }
}

fn names(connection: &mut SqliteConnection) -> Vec<String> {
    let names = text(
        connection,
        "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    );
    names.split(',').map(str::to_owned).collect()
}

fn count(fixture: &SqliteFixture, table: &str) -> i64 {
    fixture.text(&format!("SELECT count(*) FROM \"{table}\"")).parse().expect("a number")
}

#[test]
fn keys_stay_and_sequences_go_on() {
    let fixture = former(Shape::Configuration);
    let _ = adopt(&fixture);
    assert_eq!(fixture.text("SELECT group_concat(id ORDER BY id) FROM users"), "1,2,7");
    assert_eq!(fixture.text("SELECT group_concat(id ORDER BY id) FROM chat_sessions"), "1,5");
    assert_eq!(fixture.text("SELECT group_concat(id ORDER BY id) FROM audit_log"), "3,8,9");
    let next = |table: &str| {
        fixture.text(&format!("SELECT seq FROM sqlite_sequence WHERE name = '{table}'"))
    };
    assert_eq!(next("chat_history"), "400");
    assert_eq!(next("configuration_values"), "70");
    // The seeds' own roles get keys after every key that was ever used.
    assert_eq!(fixture.text("SELECT id FROM roles WHERE name = 'operator'"), "41");
}

#[test]
fn the_former_administrator_logs_in_with_the_same_password() {
    let fixture = former(Shape::RoleColumn);
    let _ = adopt(&fixture);
    let hash = fixture.text("SELECT password_hash FROM users WHERE id = 1");
    let parsed = PasswordHash::new(&hash).expect("a PHC string");
    assert!(Argon2::default().verify_password(PASSWORD.as_bytes(), &parsed).is_ok());
    assert!(Argon2::default().verify_password(b"another password", &parsed).is_err());
    let database = Database::open(&fixture.config()).expect("a database");
    let admin = database.read(|conn| User::find_by_username(conn, "Admin")).expect("a look-up");
    assert_eq!(admin.expect("the administrator").email, "admin@zenith.local");
}

#[test]
fn a_bcrypt_hash_is_kept_without_its_prefix_as_bcrypt() {
    let fixture = former(Shape::Plain);
    let _ = adopt(&fixture);
    let hash = "SELECT substr(password_hash, 1, 7) || password_algorithm FROM";
    assert_eq!(fixture.text(&format!("{hash} users WHERE id = 2")), "$2b$12$bcrypt");
    assert_eq!(fixture.text(&format!("{hash} password_history WHERE id = 2")), "$2b$12$bcrypt");
    // The column was NULL; the hash names its algorithm.
    assert_eq!(fixture.text("SELECT password_algorithm FROM users WHERE id = 7"), "argon2id");
}

#[test]
fn values_get_the_one_form_that_the_schema_knows() {
    let fixture = former(Shape::Plain);
    let _ = adopt(&fixture);
    for (query, expected) in [
        ("SELECT username || ' ' || email FROM users WHERE id = 1", "admin admin@zenith.local"),
        ("SELECT last_login FROM users WHERE id = 1", "2025-09-09 08:00:00.123456"),
        ("SELECT uuid FROM users WHERE id = 2", "b0f1a451-9f5f-459b-827e-cf19d12411ce"),
        ("SELECT created_at FROM users WHERE id = 2", "2025-09-08 19:33:30.000000"),
        ("SELECT updated_at FROM users WHERE id = 2", "2025-09-08 19:33:30.500000"),
        ("SELECT last_login FROM users WHERE id = 2", "NULL"),
        ("SELECT locked_until FROM users WHERE id = 2", "2025-09-10 10:00:00.000000"),
        ("SELECT is_active || is_verified || failed_login_attempts FROM users WHERE id = 2", "103"),
        ("SELECT metadata FROM users WHERE id = 2", "{\"theme\": \"dark\"}"),
        ("SELECT is_active || is_verified || failed_login_attempts FROM users WHERE id = 7", "100"),
        ("SELECT updated_at = created_at FROM users WHERE id = 7", "1"),
        ("SELECT metadata FROM users WHERE id = 7", "{}"),
        ("SELECT substr(token_hash, 60) FROM user_sessions WHERE id = 1", "000aa"),
        ("SELECT ip_address FROM user_sessions WHERE id = 2", "NULL"),
        ("SELECT idle_expires_at FROM user_sessions WHERE id = 2", "2025-09-10 08:00:00.000000"),
        (
            "SELECT message_id FROM chat_history WHERE id = 3",
            "20000000-0000-4000-8000-00000000000a",
        ),
        (
            "SELECT message_content FROM chat_history WHERE id = 1",
            "What is in my documents? 你好 🙂",
        ),
        ("SELECT message_content FROM chat_history WHERE id = 3", ""),
        ("SELECT source_documents FROM chat_history WHERE id = 3", "\"not json\""),
        ("SELECT typeof(file_size) || file_size FROM documents WHERE id = 2", "integer12"),
        ("SELECT processing_status FROM documents WHERE id = 1", "completed"),
        ("SELECT upload_started_at FROM documents WHERE id = 2", "2025-09-09 00:00:00.000000"),
        ("SELECT value FROM system_settings WHERE id = 2", "true"),
        ("SELECT value FROM user_preferences WHERE id = 2", "50"),
        ("SELECT is_active FROM api_keys WHERE id = 1", "0"),
        ("SELECT display_name FROM roles WHERE id = 9", "NULL"),
        ("SELECT value FROM legacy_values WHERE table_name = 'users' AND row_id = 2", "pepper"),
    ] {
        assert_eq!(fixture.text(query), expected, "{query}");
    }
}

#[test]
fn a_shared_conversation_is_still_found_by_its_token() {
    let fixture = former(Shape::Plain);
    let _ = adopt(&fixture);
    let token = ShareToken::from("share-me".to_owned());
    let database = Database::open(&fixture.config()).expect("a database");
    let shared = database.read(|conn| ChatSession::find_shared(conn, &token, UtcTime::now()));
    assert_eq!(shared.expect("a look-up").expect("the conversation").id, ChatSessionId(1));
}

#[test]
fn permissions_of_roles_become_grants_and_an_unknown_name_a_permission() {
    let fixture = former(Shape::Plain);
    let report = adopt(&fixture);
    let granted = |role: &str| {
        fixture.text(&format!(
            "SELECT group_concat(name) FROM (SELECT p.name FROM role_permissions g
             JOIN permissions p ON p.id = g.permission_id JOIN roles r ON r.id = g.role_id
             WHERE r.name = '{role}' ORDER BY p.name)"
        ))
    };
    assert_eq!(granted("administrator"), "audit_access,user_management");
    assert_eq!(granted("analyst"), "audit_access,chat_access,report_export");
    assert_eq!(granted("super_admin"), "NULL");
    assert_eq!(
        fixture.text("SELECT group_concat(name) FROM roles WHERE is_superuser"),
        "super_admin"
    );
    assert_eq!(report.grants.new_permissions, ["report_export"]);
    // A grant of the old table keeps its key.
    assert_eq!(fixture.text("SELECT granted_by FROM role_permissions WHERE id = 4"), "1");
    // A former role is granted nothing that its list does not name.
    assert_eq!(granted("user"), "chat_access");
}

#[test]
fn former_settings_stay_but_those_that_tell_of_the_schema_follow_it() {
    let fixture = former(Shape::Plain);
    let _ = adopt(&fixture);
    let setting = |key: &str| {
        fixture.text(&format!("SELECT id || ' ' || value FROM system_settings WHERE key = '{key}'"))
    };
    assert_eq!(setting("MAX_LOGIN_ATTEMPTS"), "1 7");
    assert!(setting("SCHEMA_VERSION").starts_with("3 2026"), "{}", setting("SCHEMA_VERSION"));
    assert!(setting("FIRST_SETUP").ends_with(" false"));
}

#[test]
fn unknown_tables_come_along_unchanged_and_unknown_columns_as_legacy() {
    let fixture = former(Shape::RoleColumn);
    fixture.sql(
        "CREATE TABLE notifications (id INTEGER PRIMARY KEY, note ANY, users_id REFERENCES users (id));
         CREATE INDEX notes ON notifications (note);
         INSERT INTO notifications VALUES (4, x'00', 1), (5, 1.5, 7);
         CREATE TABLE \"odd \"\"name'?\" (\"a?b\" TEXT PRIMARY KEY, c AS (length(\"a?b\")))
             WITHOUT ROWID;
         INSERT INTO \"odd \"\"name'?\" (\"a?b\") VALUES ('x'), ('yy');
         CREATE VIEW everybody AS SELECT * FROM users;
         CREATE TRIGGER noisy AFTER INSERT ON notifications BEGIN DELETE FROM users; END;
         ALTER TABLE users ADD COLUMN permissions TEXT DEFAULT 'all';
         ALTER TABLE roles ADD COLUMN colour TEXT; UPDATE roles SET colour = 'red' WHERE id = 9;",
    );
    let report = adopt(&fixture);
    assert_eq!(
        fixture
            .text("SELECT group_concat(id || typeof(note) ORDER BY id) FROM legacy_notifications"),
        "4blob,5real"
    );
    assert_eq!(
        fixture.text("SELECT tbl_name FROM sqlite_schema WHERE name = 'notes'"),
        "legacy_notifications"
    );
    assert_eq!(fixture.text("SELECT group_concat(\"a?b\" || c) FROM \"odd \"\"name'?\""), "x1,yy2");
    assert_eq!(fixture.text("SELECT count(*) FROM legacy_schema_version WHERE version = 1"), "3");
    assert_eq!(
        fixture.text("SELECT hex(value) FROM configuration_values WHERE key = 'blob'"),
        "00FF"
    );
    assert_eq!(report.not_copied, ["trigger noisy", "view everybody"]);
    let of_user = |column: &str| {
        fixture.text(&format!(
            "SELECT value FROM legacy_values
             WHERE table_name = 'users' AND row_id = 2 AND column_name = '{column}'"
        ))
    };
    assert_eq!(of_user("role"), "member");
    assert_eq!(fixture.text("SELECT metadata ->> '$.theme' FROM users WHERE id = 2"), "dark");
    let preserved =
        "SELECT value FROM legacy_values WHERE table_name = 'roles' AND column_name = 'colour'";
    assert_eq!(fixture.text(preserved), "red");
    let users = report.tables.iter().find(|table| table.table == "users").expect("users");
    assert_eq!(users.unknown_columns, ["role", "permissions"]);
    assert_eq!(of_user("permissions"), "all");
}

#[test]
fn former_audit_rows_are_chained_and_new_ones_follow() {
    let fixture = former(Shape::Plain);
    let _ = adopt(&fixture);
    assert_eq!(
        fixture.text("SELECT group_concat(id || ':' || seq ORDER BY id) FROM audit_log"),
        "3:1,8:2,9:3"
    );
    assert_eq!(fixture.text("SELECT actor_name FROM audit_log WHERE id = 3"), "admin");
    assert_eq!(fixture.text("SELECT severity FROM audit_log WHERE id = 3"), "info");
    let database = Database::open(&fixture.config()).expect("a database");
    let event = NewAuditEvent::builder()
        .event_type(EventType::new("t"))
        .event_category(EventCategory::new("c"))
        .action("a")
        .build();
    let entry = database.write(|conn| event.append(conn)).expect("an entry");
    assert_eq!(entry.seq, 4);
    let last = fixture.text("SELECT entry_hash FROM audit_log WHERE seq = 3");
    assert_eq!(entry.prev_hash.to_string(), last);
    // The models can read the new rows.
    let page = database
        .read(|conn| AuditEntry::page(conn, AuditFilter::default(), None, PageSize::default()));
    assert_eq!(page.expect("a page").rows.len(), 4);
}

#[test]
fn the_report_proves_every_unchanged_column_and_counts_every_change() {
    let fixture = former(Shape::Configuration);
    let report = adopt(&fixture);
    let chat = report.tables.iter().find(|table| table.table == "chat_history").expect("a table");
    let column = |name: &str| chat.columns.iter().find(|c| c.column == name).expect("a column");
    for unchanged in ["id", "message_content", "user_id", "feedback_rating"] {
        let column = column(unchanged);
        assert_eq!(
            (column.changed, column.before.as_ref()),
            (0, Some(&column.after)),
            "{unchanged}"
        );
    }
    assert_eq!(column("timestamp").changed, 3);
    assert_ne!(column("timestamp").before.as_ref(), Some(&column("timestamp").after));
    let change = |column: &str| {
        chat.changes.iter().filter(|c| c.column == column).map(|c| c.rows).sum::<u64>()
    };
    assert_eq!((change("timestamp"), change("source_documents"), change("message_id")), (3, 1, 1));
    assert_eq!(report.preserved.len(), 5);
}

#[test]
fn the_original_is_kept_whole_and_private_beside_the_backups() {
    let fixture = former(Shape::TrackingFilled);
    let report = adopt(&fixture);
    let kept = kept_original(&fixture);
    assert_eq!(report.original.as_deref(), Some(kept.as_path()));
    let mut original =
        SqliteConnection::establish(kept.to_str().expect("UTF-8")).expect("the original");
    assert_eq!(text(&mut original, "SELECT username FROM users WHERE id = 1"), "Admin");
    assert_eq!(text(&mut original, "SELECT count(*) FROM schema_version"), "3");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for file in [&kept, &fixture.path()] {
            let mode = std::fs::metadata(file).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.display());
        }
    }
    assert_eq!(fixture.files(), ["backups", "zenith.db"]);
}

#[test]
fn adopting_twice_is_harmless() {
    let fixture = former(Shape::Plain);
    run(fixture.zenith().args(["adopt", "--yes"]), 0);
    let before = std::fs::read(fixture.path()).expect("a database");
    let again = run(fixture.zenith().args(["adopt", "--format", "json"]), 0);
    assert_eq!(json(&again)["outcome"], "already_ours");
    assert_eq!(std::fs::read(fixture.path()).expect("a database"), before);
    kept_original(&fixture);
}
