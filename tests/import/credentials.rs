//! Secrets and names of the former accounts.

use zenith_db::DbConnection;
use zenith_db::models::{ApiKey, PageSize, User};
use zenith_db::types::UserId;
use zenith_db_import::{AdoptionOptions, AdoptionReport, adopt};

use crate::support::SqliteFixture;
use crate::support::legacy::{Shape, former_with};

fn adopted(statements: &str) -> (SqliteFixture, AdoptionReport) {
    let fixture = former_with(Shape::Plain, statements);
    let quarantine = Some(fixture.directory.path().join("quarantine.jsonl"));
    let options = AdoptionOptions { quarantine, ..AdoptionOptions::default() };
    let report = adopt(&fixture.manager(), &options).expect("an adoption");
    assert!(fixture.manager().health_check().healthy);
    (fixture, report)
}

/// The keys and reasons of the rejected rows of a table.
fn rejected(report: &AdoptionReport, table: &str) -> Vec<String> {
    let rows = report.rejected.iter().filter(|row| row.table == table);
    rows.map(|row| format!("{} {}: {}", row.id, row.column, row.reason)).collect()
}

/// Statement that inserts a user.
fn user(id: i64, name: &str, email: &str) -> String {
    format!(
        "INSERT INTO users (id, uuid, username, email, password_hash, role_id)
         SELECT {id}, printf('d0f1a451-9f5f-459b-827e-%012x', {id}), {name}, {email}, password_hash,
             role_id FROM users WHERE id = 1;"
    )
}

#[test]
fn values_of_unknown_columns_of_tables_with_secrets_never_leave_the_process() {
    let (fixture, report) = adopted(
        "ALTER TABLE users ADD COLUMN password_reset_token TEXT;
         ALTER TABLE users ADD COLUMN totp_seed TEXT;
         UPDATE users SET password_reset_token = 'hidden-1', totp_seed = 'hidden-2';
         ALTER TABLE api_keys ADD COLUMN plain_key TEXT; UPDATE api_keys SET plain_key = 'hidden-3';
         ALTER TABLE user_sessions ADD COLUMN token TEXT;
         UPDATE user_sessions SET token = 'hidden-4';
         ALTER TABLE password_history ADD COLUMN plain TEXT;
         UPDATE password_history SET plain = 'hidden-5';",
    );
    let mut connection = DbConnection::Sqlite(fixture.raw());
    let user = User::find(&mut connection, UserId(1)).expect("a query").expect("the user");
    let keys = ApiKey::page_for_user(&mut connection, UserId(1), None, PageSize::default());
    let shown = serde_json::to_string(&(user, keys.expect("a query").rows)).expect("JSON");
    assert!(!shown.contains("hidden"), "{shown}");
    for table in ["users", "api_keys", "user_sessions", "password_history"] {
        let rows = fixture.text(&format!("SELECT count(*) FROM {table}"));
        assert_ne!(rows, "0", "{table}");
        let columns = if table == "users" { 2 } else { 1 };
        let kept = format!(
            "SELECT count(*) = {columns} * {rows} FROM legacy_values
             WHERE table_name = '{table}' AND value LIKE 'hidden-%'"
        );
        assert_eq!(fixture.text(&kept), "1", "{table}");
        let found = report.tables.iter().find(|found| found.table == table).expect("a table");
        assert_eq!(found.unknown_columns.len(), columns, "{table}");
    }
}

#[test]
fn hashes_that_would_take_all_memory_or_hours_are_quarantined() {
    let rest = "c29tZXNhbHQ$aGFzaGhhc2hoYXNo";
    let cost = |cost: u32| format!("bcrypt:$2b${cost:02}$abcdefghijklmnopqrstuv");
    let hashes = [
        format!("argon2id:$argon2id$v=19$m=4294967295,t=3,p=4${rest}"),
        format!("$argon2id$v=19$m=65536,t=4294967295,p=4${rest}"),
        format!("$argon2id$v=19$m=65536,t=3,p=16777215${rest}"),
        format!("$argon2id$v=19$m=99999999999999999999,t=1,p=1${rest}"),
        cost(31),
        cost(17),
        // The last that are allowed.
        format!("$argon2id$v=19$m=1048576,t=4,p=4${rest}"),
        cost(16),
    ];
    let mut statements = String::new();
    for (id, hash) in (20..).zip(&hashes) {
        statements += &user(id, &format!("'u{id}'"), &format!("'u{id}@example.com'"));
        let more = format!(
            "UPDATE users SET password_hash = '{hash}' WHERE id = {id};
             INSERT INTO password_history (id, user_id, password_hash, password_algorithm)
             SELECT {id}, 1, password_hash, password_algorithm FROM users WHERE id = {id};"
        );
        statements.push_str(&more);
    }
    let (fixture, report) = adopted(&statements);
    for table in ["users", "password_history"] {
        let rejected = rejected(&report, table);
        assert_eq!(rejected.len(), 6, "{rejected:?}");
        for (id, reason) in (20..).zip(&rejected) {
            let expected = format!("{id} password_hash: the password's hash asks for ");
            assert!(reason.starts_with(&expected), "{reason}");
            assert!(!reason.contains("c29t") && !reason.contains("abcd"), "{reason}");
        }
    }
    assert_eq!(fixture.text("SELECT count(*) FROM users WHERE id >= 20"), "2");
}

#[test]
fn a_second_factor_is_carried_only_if_it_is_encrypted() {
    let mut statements = String::new();
    let secrets =
        ["JBSWY3DPEHPK3PXP", "otpauth://totp/a?secret=JBSWY3DP", "gAAAAABk", "enc:v1:abc", ""];
    for (id, secret) in (20..).zip(secrets) {
        statements += &user(id, &format!("'u{id}'"), &format!("'u{id}@example.com'"));
        let more = format!(
            "UPDATE users SET two_factor_secret = '{secret}', two_factor_enabled = 1 WHERE id = {id};"
        );
        statements.push_str(&more);
    }
    let (fixture, report) = adopted(&statements);
    let reason = "two_factor_secret: is not encrypted (enc:v<digit>:<text>)";
    let expected: Vec<String> = (20..23).map(|id| format!("{id} {reason}")).collect();
    assert_eq!(rejected(&report, "users"), expected);
    assert_eq!(fixture.text("SELECT two_factor_secret FROM users WHERE id = 23"), "enc:v1:abc");
    assert_eq!(fixture.text("SELECT two_factor_secret IS NULL FROM users WHERE id = 24"), "1");
}

#[test]
fn names_that_look_alike_are_one_account_or_none() {
    let statements = [
        user(20, "'jos' || char(233)", "'a@example.com'"),
        user(21, "'jose' || char(769)", "'b@example.com'"),
        user(22, "'rene' || char(769)", "'c@example.com'"),
        user(23, "'ad' || char(8203) || 'min'", "'d@example.com'"),
        user(24, "'x' || char(8238) || 'y'", "'e@example.com'"),
        user(25, "'x' || char(27) || '[2J'", "'f@example.com'"),
        user(26, "'plain'", "'g' || char(65279) || '@example.com'"),
    ];
    let (fixture, report) = adopted(&statements.concat());
    let found = rejected(&report, "users");
    assert!(found[0].contains("the same username") && found[0].ends_with("row 20"), "{found:?}");
    let invisible = "has a control or an invisible character";
    let expected = [
        format!("23 username: {invisible} (U+200B)"),
        format!("24 username: {invisible} (U+202E)"),
        format!("25 username: {invisible} (U+001B)"),
        format!("26 email: {invisible} (U+FEFF)"),
    ];
    assert_eq!(found[1..], expected);
    let composed = "SELECT group_concat(hex(username), ' ') FROM users WHERE id IN (20, 22)";
    assert_eq!(fixture.text(composed), "6A6F73C3A9 72656EC3A9");
}
