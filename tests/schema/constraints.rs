//! What the database refuses, whoever writes: each rule on every column that it holds for.

use crate::support::former;
use crate::support::former::Kind;
use crate::support::rows;
use crate::support::rows::refusal;
use crate::support::{SqliteFixture, text};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::DbConnection;
use zenith_db::models::User;

/// With a row in every table. The guard of `audit_log` is away, so that its CHECKs can be tried; its
/// own tests have it.
fn filled() -> (SqliteFixture, SqliteConnection) {
    let fixture = SqliteFixture::created();
    let mut connection = fixture.raw();
    rows::fill(&mut connection);
    connection.batch_execute("DROP TRIGGER audit_log_no_update").expect("no guard");
    (fixture, connection)
}

/// Sets a column of one row.
fn set(table: &str, column: &str, value: &str) -> String {
    format!("UPDATE {table} SET {column} = {value} WHERE id = (SELECT max(id) FROM {table})")
}

/// The value is refused by a CHECK of this column.
fn refuses(connection: &mut SqliteConnection, table: &str, column: &str, value: &str) {
    let refused = refusal(connection, &set(table, column, value));
    let check = format!("CHECK constraint failed: {table}_{column}_");
    assert!(refused.starts_with(&check), "{table}.{column} = {value}: {refused}");
}

/// The value is refused by this table's CHECK of that name.
fn refuses_by(connection: &mut SqliteConnection, check: &str, statement: &str) {
    let refused = refusal(connection, statement);
    assert_eq!(refused, format!("CHECK constraint failed: {check}"), "{statement}");
}

fn takes(connection: &mut SqliteConnection, table: &str, column: &str, value: &str) {
    let statement = set(table, column, value);
    connection.batch_execute(&statement).expect(&statement);
}

/// Table and column of every column of a declared type.
fn declared(connection: &mut SqliteConnection, kind: &str) -> Vec<(String, String)> {
    let mut columns = Vec::new();
    for table in rows::tables(connection) {
        let query = format!(
            "SELECT name AS line FROM pragma_table_info('{table}')
             WHERE type = '{kind}' AND '{table}' NOT LIKE '\\_\\_%' ESCAPE '\\'"
        );
        let names = rows::lines(connection, &query);
        columns.extend(names.into_iter().map(|name| (table.clone(), name)));
    }
    columns
}

/// The columns that were of this kind, less those that are gone.
fn formerly(kind: Kind) -> impl Iterator<Item = former::Column> {
    former::columns()
        .into_iter()
        .filter(move |column| column.kind == kind && column.path() != "roles.permissions")
}

#[test]
fn a_flag_is_0_or_1_and_not_maybe() {
    let (_fixture, mut connection) = filled();
    let flags = declared(&mut connection, "BOOLEAN");
    assert!(flags.len() >= 20, "{flags:?}");
    for (table, column) in &flags {
        for value in ["'maybe'", "'true'", "''", "2", "-1", "0.5"] {
            refuses(&mut connection, table, column, value);
        }
        let refused = refusal(&mut connection, &set(table, column, "NULL"));
        assert_eq!(refused, format!("NOT NULL constraint failed: {table}.{column}"));
    }
}

#[test]
fn a_time_is_utc_in_the_fixed_width_and_a_day_that_exists() {
    let (_fixture, mut connection) = filled();
    let times = declared(&mut connection, "TIMESTAMP");
    assert!(times.len() >= 50, "{times:?}");
    for (table, column) in &times {
        for value in [
            "'2025-02-31 00:00:00.000000'",
            "'2025-02-29 00:00:00.000000'",
            "'2025-13-01 00:00:00.000000'",
            "'2025-01-01 00:60:00.000000'",
            "'2025-01-01T00:00:00.000000'",
            "'2025-01-01 00:00:00.000000Z'",
            "'2025-01-01 00:00:00.000000+02:00'",
            "'2025-01-01 00:00:00'",
            "'2025-01-01 00:00:00.000'",
            "'2025-01-01 00:00:00.0000000'",
            "'2025-01-01'",
            "'01/02/2025 00:00'",
            "'10000-01-01 00:00:00.000000'",
            "' 2025-01-01 00:00:00.000000'",
            "''",
            "20250101",
            "2460000.5",
            "x'323032352d30312d30312030303a30303a30302e303030303030'",
        ] {
            refuses(&mut connection, table, column, value);
        }
        // Its value would change with time, so SQLite refuses to compute it in a CHECK.
        let refused = refusal(&mut connection, &set(table, column, "'now'"));
        assert!(refused.contains("non-deterministic"), "{refused}");
    }
}

/// SQLite calls it a time of day; Rust cannot read it, and the row would vanish from every query.
#[test]
fn a_time_is_before_24_o_clock() {
    let (_fixture, mut connection) = filled();
    for (table, column) in declared(&mut connection, "TIMESTAMP") {
        refuses(&mut connection, &table, &column, "'2025-01-01 24:00:00.000000'");
    }
}

#[test]
fn a_time_has_nothing_after_its_end() {
    let (_fixture, mut connection) = filled();
    for (table, column) in declared(&mut connection, "TIMESTAMP") {
        let value = "'2025-01-01 00:00:00.000000' || char(0) || 'x'";
        refuses(&mut connection, &table, &column, value);
    }
}

#[test]
fn the_first_and_the_last_moment_of_four_digit_years_are_times() {
    let (_fixture, mut connection) = filled();
    for value in [
        "'0000-01-01 00:00:00.000000'",
        "'2024-02-29 23:59:59.999999'",
        "'9999-12-31 23:59:59.999999'",
    ] {
        takes(&mut connection, "users", "last_login", value);
    }
}

#[test]
fn json_is_json() {
    let (_fixture, mut connection) = filled();
    let columns: Vec<former::Column> = formerly(Kind::Json).collect();
    assert!(columns.len() >= 20);
    for column in &columns {
        for value in ["'{'", "''", "'{a: 1}'", "'nothing'", "'[1,]'", "'NaN'"] {
            refuses(&mut connection, column.table, column.name, value);
        }
        let list = ["tags", "scopes"].contains(&column.name) && column.table != "system_metrics";
        let value = if list { r#"'["a"]'"# } else { r#"'{"a": [1, null]}'"# };
        takes(&mut connection, column.table, column.name, value);
    }
    refuses(&mut connection, "documents", "tags", "'{}'");
    refuses(&mut connection, "api_keys", "scopes", "'{}'");
    refuses(&mut connection, "system_metrics", "tags", "'[]'");
}

#[test]
fn a_text_is_no_longer_than_it_may_be() {
    let (_fixture, mut connection) = filled();
    let longer = [("users", "two_factor_secret", 255), ("backup_jobs", "backup_path", 4096)];
    let mut tried = 0;
    for column in former::columns() {
        let (Kind::Length(length), false) = (column.kind, column.path() == "users.salt") else {
            continue;
        };
        let (table, name) = (column.table, column.name);
        let length = longer.iter().find(|l| (l.0, l.1) == (table, name)).map_or(length, |l| l.2);
        let value = format!("printf('%0{}d', 0)", length + 1);
        refuses(&mut connection, table, name, &value);
        tried += 1;
    }
    assert!(tried >= 70, "{tried}");
}

#[test]
fn a_text_as_long_as_it_may_be_is_taken_in_characters_not_bytes() {
    let (_fixture, mut connection) = filled();
    for (table, column, length) in [
        ("users", "username", 50),
        ("users", "full_name", 150),
        ("roles", "name", 50),
        ("chat_sessions", "title", 200),
        ("documents", "filename", 255),
        ("documents", "file_path", 500),
        ("system_settings", "key", 100),
    ] {
        takes(&mut connection, table, column, &format!("printf('%0{length}d', 0)"));
        let wide = format!("replace(printf('%0{length}d', 0), '0', 'é')");
        takes(&mut connection, table, column, &wide);
    }
    takes(&mut connection, "users", "email", "printf('%094d@x.org', 0)");
    refuses(&mut connection, "users", "email", "printf('%095d@x.org', 0)");
}

/// SQLite counts the characters up to the first NUL.
#[test]
fn a_text_is_not_made_longer_by_a_nul_inside() {
    let (_fixture, mut connection) = filled();
    for (table, column) in [("users", "username"), ("users", "full_name"), ("roles", "name")] {
        refuses(&mut connection, table, column, "'a' || char(0) || printf('%0500d', 0)");
    }
}

/// The check of JSON reads up to the first NUL. What transfers cannot copy is not stored in the first place.
#[test]
fn json_does_not_go_on_after_a_nul() {
    let (_fixture, mut connection) = filled();
    for (table, column) in [("users", "metadata"), ("documents", "tags"), ("api_keys", "scopes")] {
        takes(&mut connection, table, column, "'[\"\\u0000\"]'");
        refuses(&mut connection, table, column, "'[1,2]' || char(0) || ' garbage'");
    }
}

#[test]
fn a_name_that_must_be_there_is_not_empty() {
    let (_fixture, mut connection) = filled();
    for (table, column) in [
        ("users", "username"),
        ("roles", "name"),
        ("permissions", "name"),
        ("permissions", "resource"),
        ("documents", "filename"),
        ("system_settings", "key"),
        ("user_preferences", "key"),
        ("notifications", "title"),
        ("system_metrics", "metric_name"),
    ] {
        refuses(&mut connection, table, column, "''");
    }
}

#[test]
fn admin_exists_in_one_spelling_only() {
    let (fixture, mut connection) = filled();
    let copy = |name: &str, email: &str| {
        format!(
            "INSERT INTO users (uuid, username, email, password_hash, role_id)
             SELECT '00000000-0000-7000-8000-00000000aaaa', '{name}', '{email}', password_hash, role_id
             FROM users WHERE username = 'admin'"
        )
    };
    for name in ["Admin", "ADMIN", " admin", "admin "] {
        let statement = copy(name, "other@zenith.local");
        refuses_by(&mut connection, "users_username_canonical", &statement);
    }
    for email in ["Admin@zenith.local", " admin@zenith.local", "admin", "@zenith.local", "admin@"] {
        refuses_by(&mut connection, "users_email_canonical", &copy("other", email));
    }
    let taken = refusal(&mut connection, &copy("admin", "other@zenith.local"));
    assert_eq!(taken, "UNIQUE constraint failed: users.username");
    let taken = refusal(&mut connection, &copy("other", "admin@zenith.local"));
    assert_eq!(taken, "UNIQUE constraint failed: users.email");
    assert_eq!(
        fixture.text("SELECT count(*) FROM users WHERE lower(trim(username)) = 'admin'"),
        "1"
    );
}

const COUNTERS: &[(&str, &str)] = &[
    ("api_keys", "usage_count"),
    ("backup_jobs", "backup_size"),
    ("chat_history", "edit_count"),
    ("chat_history", "processing_time_ms"),
    ("chat_history", "token_count"),
    ("chat_sessions", "message_count"),
    ("chat_sessions", "total_tokens"),
    ("document_chunks", "chunk_index"),
    ("document_chunks", "page_number"),
    ("document_chunks", "token_count"),
    ("documents", "access_count"),
    ("documents", "chunk_count"),
    ("documents", "file_size"),
    ("documents", "total_tokens"),
    ("file_storage", "access_count"),
    ("file_storage", "file_size"),
    ("system_health", "consecutive_failures"),
    ("users", "failed_login_attempts"),
];

/// At least one, or of a range.
const AMOUNTS: &[(&str, &str)] = &[
    ("audit_log", "seq"),
    ("backup_jobs", "retention_days"),
    ("chat_history", "feedback_rating"),
    ("schema_version", "version"),
    ("system_health", "check_interval_seconds"),
    ("system_health", "max_failures"),
    ("users", "session_timeout_minutes"),
];

#[test]
fn a_counter_is_a_whole_number_and_not_negative() {
    let (_fixture, mut connection) = filled();
    for (table, column) in COUNTERS {
        for value in ["-1", "'many'", "0.5", "''", "x'31'"] {
            refuses(&mut connection, table, column, value);
        }
        takes(&mut connection, table, column, "0");
    }
    for (table, column) in AMOUNTS {
        for value in ["0", "-1", "'many'", "1.5"] {
            refuses(&mut connection, table, column, value);
        }
    }
    // Of the entry whose seq is 1.
    for value in ["0", "1000000000000002", "9223372036854775807"] {
        refuses_by(&mut connection, "audit_log_id_range", &set("audit_log", "id", value));
    }
    takes(&mut connection, "audit_log", "id", "1000000000000001");
    for value in ["-1", "11", "'high'"] {
        refuses(&mut connection, "notifications", "priority", value);
    }
}

/// An INTEGER column is read as 32 bits: a larger number would come back as another one.
#[test]
fn a_number_fits_the_type_that_it_is_read_as() {
    let (_fixture, mut connection) = filled();
    let integers = declared(&mut connection, "INTEGER");
    let numbers: Vec<_> = integers.iter().filter(|(_, column)| column != "id").collect();
    assert!(numbers.len() >= 12, "{numbers:?}");
    for (table, column) in numbers {
        refuses(&mut connection, table, column, "2147483648");
    }
}

#[test]
fn a_rating_is_1_to_5() {
    let (_fixture, mut connection) = filled();
    for value in ["0", "6", "-1", "4.5", "'good'"] {
        refuses(&mut connection, "chat_history", "feedback_rating", value);
    }
    for value in ["1", "5", "NULL"] {
        takes(&mut connection, "chat_history", "feedback_rating", value);
    }
}

#[test]
fn a_word_that_is_not_in_the_vocabulary_is_refused() {
    let (_fixture, mut connection) = filled();
    let known =
        "SELECT sql AS line FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%_known%'";
    let mut tried = 0;
    for sql in rows::lines(&mut connection, known) {
        for check in sql.split("CONSTRAINT ").filter(|check| check.contains("_known CHECK (")) {
            let table = sql.split_whitespace().nth(2).expect("a name");
            let column = check.split(" CHECK (").nth(1).and_then(|c| c.split(' ').next());
            let column = column.expect("a column");
            for word in ["'unheard_of'", "''", "' '", "1"] {
                refuses(&mut connection, table, column, word);
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 18);
}

/// What was stored must come back, row and all: a value that Diesel cannot read hides its user.
#[test]
fn every_user_that_the_database_takes_can_be_read() {
    let (_fixture, mut connection) = filled();
    for (column, value) in [
        ("created_at", "'0000-01-01 00:00:00.000000'"),
        ("last_login", "'9999-12-31 23:59:59.999999'"),
        ("metadata", "'null'"),
        ("failed_login_attempts", "2147483647"),
        ("is_active", "'1'"),
    ] {
        takes(&mut connection, "users", column, value);
    }
    let id = text(&mut connection, "SELECT max(id) FROM users");
    let mut connection = DbConnection::Sqlite(connection);
    let user = User::find_by_username(&mut connection, &format!("user{id}"))
        .expect("readable")
        .expect("there");
    assert!(user.is_active);
}
