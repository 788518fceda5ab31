//! What becomes of the rows that refer to a row that is deleted, reference by reference.

use crate::support::rows;
use crate::support::{Fixture, text};
use diesel::connection::SimpleConnection;
use zenith_db::Backend;
use zenith_db::DbConnection;

/// Child, column, parent, the parent's column, and what happens. What belongs to a user goes with
/// it; who did something is forgotten; history and the use of a role forbid the deletion.
const REFERENCES: &[(&str, &str, &str, &str, &str)] = &[
    ("api_keys", "created_by", "users", "id", "SET NULL"),
    ("api_keys", "revoked_by", "users", "id", "SET NULL"),
    ("api_keys", "user_id", "users", "id", "CASCADE"),
    ("audit_log", "user_id", "users", "id", "RESTRICT"),
    ("chat_history", "chat_session_id", "chat_sessions", "id", "CASCADE"),
    ("chat_history", "deleted_by", "users", "id", "SET NULL"),
    ("chat_history", "parent_message_id", "chat_history", "message_id", "SET NULL"),
    ("chat_history", "user_id", "users", "id", "CASCADE"),
    ("chat_sessions", "user_id", "users", "id", "CASCADE"),
    ("document_chunks", "document_id", "documents", "id", "CASCADE"),
    ("documents", "user_id", "users", "id", "CASCADE"),
    ("file_storage", "document_id", "documents", "id", "SET NULL"),
    ("notifications", "user_id", "users", "id", "CASCADE"),
    ("password_history", "user_id", "users", "id", "CASCADE"),
    ("role_permissions", "granted_by", "users", "id", "SET NULL"),
    ("role_permissions", "permission_id", "permissions", "id", "CASCADE"),
    ("role_permissions", "role_id", "roles", "id", "CASCADE"),
    ("roles", "created_by", "users", "id", "SET NULL"),
    ("security_events", "resolved_by", "users", "id", "RESTRICT"),
    ("security_events", "user_id", "users", "id", "RESTRICT"),
    ("system_settings", "updated_by", "users", "id", "SET NULL"),
    ("user_preferences", "user_id", "users", "id", "CASCADE"),
    ("user_sessions", "user_id", "users", "id", "CASCADE"),
    ("users", "created_by", "users", "id", "SET NULL"),
    ("users", "role_id", "roles", "id", "RESTRICT"),
    ("users", "updated_by", "users", "id", "SET NULL"),
];

fn filled() -> (Fixture, DbConnection) {
    let fixture = Fixture::created();
    let mut connection = fixture.raw();
    rows::fill(&mut connection);
    rows::enforce_references(&mut connection, true);
    (fixture, connection)
}

#[test]
fn these_are_all_the_references_there_are() {
    let (_fixture, mut connection) = filled();
    let sqlite = r#"SELECT m.name || ' ' || k."from" || ' ' || k."table" || ' ' || k."to" || ' '
                       || k.on_delete AS line
                   FROM sqlite_schema AS m JOIN pragma_foreign_key_list(m.name) AS k
                   WHERE m.type = 'table' ORDER BY m.name, k."from""#;
    let postgres =
        "SELECT concat_ws(' ', conrelid::regclass, a.attname, confrelid::regclass, b.attname,
                        CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
                            WHEN 'r' THEN 'RESTRICT' ELSE 'NO ACTION' END) AS line
                    FROM pg_constraint
                    JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = conkey[1]
                    JOIN pg_attribute AS b ON b.attrelid = confrelid AND b.attnum = confkey[1]
                    WHERE contype = 'f'";
    let query = match connection.backend() {
        Backend::Sqlite => sqlite,
        Backend::Postgres => postgres,
    };
    let expected: Vec<String> =
        REFERENCES.iter().map(|r| format!("{} {} {} {} {}", r.0, r.1, r.2, r.3, r.4)).collect();
    let mut found = rows::lines(&mut connection, query);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn each_reference_does_what_it_says() {
    let (_fixture, mut connection) = filled();
    for &(child, column, parent, key, action) in REFERENCES {
        let reference = format!("{child}.{column}");
        let select = |what: &str, rest: &str| format!("SELECT {what} FROM {child} {rest}");
        let newest = format!("WHERE {column} IS NOT NULL ORDER BY id DESC LIMIT 1");
        let row = text(&mut connection, &select("id", &newest));
        let referred = text(&mut connection, &select(column, &newest));
        assert_ne!(row, "NULL", "{reference} has no row to try");

        connection.batch_execute("BEGIN; SAVEPOINT before").expect("begun");
        let delete = format!("DELETE FROM {parent} WHERE {key} = '{referred}'");
        let deleted = connection.batch_execute(&delete);
        if deleted.is_err() {
            connection.batch_execute("ROLLBACK TO before").expect("nothing was deleted");
        }
        let there = text(&mut connection, &select("count(*)", &format!("WHERE id = {row}")));
        let now = text(&mut connection, &select(column, &format!("WHERE id = {row}")));
        connection.batch_execute("ROLLBACK").expect("rolled back");

        let outcome = (deleted.is_ok(), there.as_str(), now.as_str());
        let expected = match action {
            "CASCADE" => (true, "0", "NULL"),
            "SET NULL" => (true, "1", "NULL"),
            _ => (false, "1", referred.as_str()),
        };
        assert_eq!(outcome, expected, "{reference} {action}: {deleted:?}");
    }
}

#[test]
fn a_reference_to_nothing_is_refused() {
    let (_fixture, mut connection) = filled();
    rows::drop_trigger(&mut connection, "audit_log", "audit_log_no_update");
    for (child, column, _, key, _) in REFERENCES {
        // One of them refers to a public id.
        let nothing = if *key == "id" { "4711" } else { "'00000000-0000-7000-8000-000000004711'" };
        let statement = format!(
            "UPDATE {child} SET {column} = {nothing} WHERE id = (SELECT max(id) FROM {child})"
        );
        let refused = rows::refusal(&mut connection, &statement);
        assert_eq!(refused, "FOREIGN KEY constraint failed", "{statement}");
    }
}

#[test]
fn a_user_without_history_goes_with_all_that_is_theirs_and_nothing_else() {
    let (_fixture, mut connection) = filled();
    let before = rows::contents(&mut connection);
    connection.batch_execute("DELETE FROM users WHERE id = 100").expect("deleted");
    let after = rows::contents(&mut connection);
    let shrunk: Vec<&str> = before
        .iter()
        .filter(|(table, rows)| after.get(*table).is_none_or(|now| now.len() < rows.len()))
        .map(|(table, _)| table.as_str())
        .collect();
    let theirs = [
        "api_keys",
        "chat_history",
        "chat_sessions",
        "document_chunks",
        "documents",
        "notifications",
        "password_history",
        "user_preferences",
        "user_sessions",
        "users",
    ];
    assert_eq!(shrunk, theirs);
    if connection.backend() == Backend::Sqlite {
        let violations = "SELECT count(*) FROM pragma_foreign_key_check";
        assert_eq!(text(&mut connection, violations), "0");
    }
}
