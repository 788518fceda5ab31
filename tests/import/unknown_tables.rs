//! Tables, columns and indexes that were added to the former application's database, whatever their names
//! are and whatever they refer to.

use zenith_db_import::{AdoptionError, AdoptionOptions, AdoptionOutcome, AdoptionReport};

use crate::support::SqliteFixture;
use crate::support::legacy::{Shape, former_with};

/// Adopts with a quarantine file, and returns the keys and reasons of the rejected rows.
fn adopt(fixture: &SqliteFixture) -> (AdoptionReport, Vec<String>) {
    let file = fixture.directory.path().join("quarantine.jsonl");
    let options = AdoptionOptions { quarantine: Some(file.clone()), ..AdoptionOptions::default() };
    let report = zenith_db_import::adopt(&fixture.manager(), &options).expect("an adoption");
    assert_eq!(report.outcome, AdoptionOutcome::Adopted);
    assert!(fixture.manager().health_check().healthy);
    let lines = std::fs::read_to_string(file).unwrap_or_default().lines().count();
    assert_eq!(lines, report.rejected.len());
    let broken = report.rejected.iter();
    let broken =
        broken.map(|row| format!("{} {}: {} {}", row.table, row.id, row.column, row.reason));
    let broken = broken.collect();
    (report, broken)
}

fn adopted(statements: &str) -> (SqliteFixture, Vec<String>) {
    let fixture = former_with(Shape::Plain, statements);
    let (_, broken) = adopt(&fixture);
    (fixture, broken)
}

fn refused(statements: &str) -> String {
    let fixture = former_with(Shape::Plain, statements);
    let before = std::fs::read(fixture.path()).expect("the former database");
    let options = AdoptionOptions {
        quarantine: Some(fixture.directory.path().join("quarantine.jsonl")),
        ..AdoptionOptions::default()
    };
    let refused = zenith_db_import::adopt(&fixture.manager(), &options).expect_err("no adoption");
    assert!(matches!(refused, AdoptionError::UnknownTable { .. }), "{refused:?}");
    assert_eq!(std::fs::read(fixture.path()).expect("the former database"), before);
    refused.to_string()
}

#[test]
fn a_reference_to_a_table_that_is_renamed_leads_to_it_still() {
    let (fixture, broken) = adopted(
        "CREATE TABLE zzz (k TEXT PRIMARY KEY, x INTEGER REFERENCES schema_version (id));
         INSERT INTO zzz VALUES ('a', 2);
         CREATE TABLE aaa (k TEXT PRIMARY KEY, x INTEGER REFERENCES backup_jobs);
         CREATE TABLE backup_jobs (id INTEGER PRIMARY KEY, again REFERENCES backup_jobs (id));
         CREATE TABLE zz (k TEXT PRIMARY KEY, x INTEGER REFERENCES Backup_Jobs (id));
         INSERT INTO backup_jobs VALUES (100, 100);
         INSERT INTO aaa VALUES ('a', 100);
         INSERT INTO zz VALUES ('z', 100);",
    );
    assert_eq!(broken, [""; 0]);
    for (table, parent) in [
        ("zzz", "legacy_schema_version"),
        ("aaa", "legacy_backup_jobs"),
        ("zz", "legacy_backup_jobs"),
        ("legacy_backup_jobs", "legacy_backup_jobs"),
    ] {
        let query = format!("SELECT \"table\" FROM pragma_foreign_key_list('{table}')");
        assert_eq!(fixture.text(&query), parent, "{table}");
        assert_ne!(fixture.text(&format!("SELECT count(*) FROM {table}")), "0", "{table}");
    }
}

#[test]
fn names_that_are_taken_are_passed_by() {
    let (fixture, _) = adopted(
        "CREATE TABLE legacy_values (x); INSERT INTO legacy_values VALUES (1);
         CREATE TABLE LEGACY_legacy_values (x); INSERT INTO LEGACY_legacy_values VALUES (2);
         CREATE TABLE zz (x); CREATE INDEX Legacy_Schema_Version ON zz (x);",
    );
    assert_eq!(fixture.text("SELECT x FROM legacy_legacy_legacy_values"), "1");
    assert_eq!(fixture.text("SELECT x FROM legacy_legacy_values"), "2");
    assert_eq!(fixture.text("SELECT count(*) FROM legacy_legacy_schema_version"), "3");
    let index = "SELECT tbl_name FROM sqlite_schema WHERE name = 'Legacy_Schema_Version'";
    assert_eq!(fixture.text(index), "zz");
}

#[test]
fn a_column_with_the_name_of_the_row_number_is_a_column_like_others() {
    let rows = "('a', '2', 1), ('b', 'x', 99), ('c', '3', 7)";
    let missing = "user_id refers to a row of users that does not exist";
    for (columns, rows) in [
        ("k TEXT, rowid TEXT, user_id INTEGER REFERENCES users (id)", rows),
        (
            "k TEXT, RowID INTEGER, user_id INTEGER REFERENCES users (id)",
            "('a', 2, 1), ('b', 2, 99), ('c', 3, 7)",
        ),
        ("k TEXT, _rowid_ TEXT, user_id INTEGER REFERENCES users (id), rowid AS (k)", rows),
    ] {
        let (fixture, broken) =
            adopted(&format!("CREATE TABLE zz ({columns}); INSERT INTO zz VALUES {rows};"));
        assert_eq!(broken, [format!("zz 2: {missing}")], "{columns}");
        assert_eq!(fixture.text("SELECT group_concat(k ORDER BY k) FROM zz"), "a,c", "{columns}");
    }
    let all = "CREATE TABLE zz (rowid, oid, _rowid_, user_id INTEGER REFERENCES users (id));
               INSERT INTO zz VALUES (1, 2, 3, 1);";
    let (fixture, broken) = adopted(all);
    assert_eq!((fixture.text("SELECT count(*) FROM zz"), broken.len()), ("1".into(), 0));
    let reason = refused(&format!("{all} INSERT INTO zz VALUES (1, 2, 3, 99);"));
    assert!(reason.contains("the table zz cannot be preserved"), "{reason}");
    assert!(reason.contains("rename one of them"), "{reason}");
}

#[test]
fn a_known_table_with_a_column_called_rowid_is_read_by_its_key() {
    let (fixture, broken) = adopted(
        "ALTER TABLE documents ADD COLUMN rowid INTEGER; UPDATE documents SET rowid = 5 - id;
         ALTER TABLE chat_history ADD COLUMN rowid TEXT; UPDATE chat_history SET rowid = 'x';
         ALTER TABLE chat_history ADD COLUMN oid TEXT; ALTER TABLE chat_history ADD COLUMN _rowid_;
         PRAGMA ignore_check_constraints = ON;
         UPDATE chat_history SET message_type = 'robot' WHERE id = 2;",
    );
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(broken[0].starts_with("chat_history 2: message_type"), "{broken:?}");
    assert_eq!(
        fixture.text("SELECT group_concat(id || filename ORDER BY id) FROM documents"),
        "1a.pdf,2b.txt"
    );
    assert_eq!(
        fixture.text("SELECT metadata ->> '$.legacy.rowid' FROM documents WHERE id = 1"),
        "4"
    );
}

#[test]
fn rows_that_lose_what_they_refer_to_are_left_out_in_whichever_order_they_are_found() {
    let (fixture, broken) = adopted(
        "CREATE TABLE aa (id INTEGER PRIMARY KEY, zz REFERENCES zz (id));
         CREATE TABLE zz (id INTEGER PRIMARY KEY, user_id REFERENCES users);
         INSERT INTO zz VALUES (1, 1), (2, 7);
         INSERT INTO aa VALUES (10, 1), (11, 2), (12, NULL);
         UPDATE users SET is_active = 'maybe' WHERE id = 7;",
    );
    assert_eq!(
        broken,
        [
            "users 7: is_active \"maybe\" is neither true nor false",
            "zz 2: user_id refers to a row of users that does not exist",
            "aa 11: zz refers to a row of zz that does not exist",
        ]
    );
    assert_eq!(fixture.text("SELECT group_concat(id) FROM aa"), "10,12");
}

#[test]
fn rows_without_a_number_are_named_by_their_place_and_others_by_the_number_that_they_had() {
    let (fixture, broken) = adopted(
        "CREATE TABLE zz (k TEXT, n INTEGER, user_id REFERENCES users (id), PRIMARY KEY (n, k))
             WITHOUT ROWID;
         INSERT INTO zz VALUES ('d', 1, 1), ('a', 2, 98), ('b', 2, 7), ('c', 3, 99);
         CREATE TABLE gaps (k TEXT, user_id REFERENCES users (id));
         INSERT INTO gaps VALUES ('a', 1), ('b', 1), ('c', 97), ('d', 1);
         DELETE FROM gaps WHERE k < 'c';",
    );
    let missing = "user_id refers to a row of users that does not exist";
    assert_eq!(
        broken,
        [format!("gaps 3: {missing}"), format!("zz 2: {missing}"), format!("zz 4: {missing}")]
    );
    assert_eq!(fixture.text("SELECT group_concat(k ORDER BY k) FROM zz"), "b,d");
    assert_eq!(fixture.text("SELECT rowid || k FROM gaps"), "4d");
    let lines = std::fs::read_to_string(fixture.directory.path().join("quarantine.jsonl"));
    let lines = lines.expect("the rows that were left out");
    let line = lines.lines().find(|line| line.contains("\"id\":4")).expect("a line");
    assert!(line.contains("\"k\":\"c\""), "{line}");
}

#[test]
fn references_are_compared_as_sqlite_compares_them() {
    let (fixture, broken) = adopted(
        "CREATE TABLE codes (code TEXT COLLATE NOCASE PRIMARY KEY, part INTEGER, UNIQUE (part, code));
         INSERT INTO codes VALUES ('7', 1), ('abc', 2);
         CREATE TABLE zz (k, code, part, FOREIGN KEY (part, code) REFERENCES codes (part, code));
         INSERT INTO zz VALUES (1, 7, '1'), (2, 'ABC', 2.0), (3, 'abc', 1), (4, NULL, 99), (5, 7.5, 1);",
    );
    let missing = "part, code refers to a row of codes that does not exist";
    assert_eq!(broken, [format!("zz 3: {missing}"), format!("zz 5: {missing}")]);
    assert_eq!(fixture.text("SELECT count(*) FROM pragma_foreign_key_check"), "0");
}

#[test]
fn a_table_that_cannot_be_preserved_is_named_with_what_to_do() {
    let reason = refused("CREATE TABLE zz (k TEXT, name TEXT REFERENCES users (full_name));");
    assert!(reason.starts_with("the table zz cannot be preserved: foreign key mis"), "{reason}");
    assert!(reason.contains("create the table again without it"), "{reason}");
    let reason = refused(
        "CREATE TABLE backup_jobs (k TEXT); INSERT INTO backup_jobs VALUES (NULL);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE backup_jobs (k TEXT NOT NULL)'
         WHERE name = 'backup_jobs';",
    );
    assert!(reason.starts_with("the table backup_jobs cannot be preserved: NOT NULL"), "{reason}");
    assert!(reason.contains("change or drop it in the former database"), "{reason}");
}

#[test]
fn names_are_compared_without_regard_to_case() {
    let (fixture, broken) = adopted(
        "ALTER TABLE api_keys RENAME TO API_KEYS_; ALTER TABLE API_KEYS_ RENAME TO API_KEYS;
         ALTER TABLE users RENAME TO Users_; ALTER TABLE Users_ RENAME TO Users;
         ALTER TABLE users RENAME COLUMN full_name TO FULL_NAME;
         ALTER TABLE users RENAME COLUMN username TO UserName;
         ALTER TABLE users RENAME COLUMN id TO ID;
         ALTER TABLE users RENAME COLUMN salt TO SALT;
         ALTER TABLE chat_history RENAME TO history_; ALTER TABLE history_ RENAME TO Chat_History;
         CREATE TABLE zz (name TEXT REFERENCES USERS (USERNAME)); INSERT INTO zz VALUES ('ann');
         ALTER TABLE schema_version RENAME TO versions_; ALTER TABLE versions_ RENAME TO Schema_Version;",
    );
    assert_eq!(broken, [""; 0]);
    for (query, expected) in [
        ("SELECT count(*) FROM api_keys", "1"),
        ("SELECT full_name || username FROM users WHERE id = 1", "System Administratoradmin"),
        ("SELECT metadata FROM users WHERE id = 1", "{}"),
        ("SELECT column_name || value FROM legacy_values WHERE table_name = 'users'", "SALTpepper"),
        ("SELECT seq FROM sqlite_sequence WHERE name = 'chat_history'", "400"),
        ("SELECT count(*) FROM legacy_Schema_Version", "3"),
        ("SELECT count(*) FROM sqlite_schema WHERE name = 'legacy_API_KEYS'", "0"),
    ] {
        assert_eq!(fixture.text(query), expected, "{query}");
    }
}

#[test]
fn a_reference_to_a_name_that_gets_its_one_form_says_so() {
    let (_, broken) = adopted(
        "CREATE TABLE zz (name TEXT REFERENCES users (username));
         INSERT INTO zz VALUES ('Admin'), ('ann'), ('nobody');",
    );
    assert_eq!(
        broken,
        [
            "zz 1: name refers to the old form of users.username; the new form is canonical",
            "zz 3: name refers to a row of users that does not exist",
        ]
    );
}

#[test]
fn indexes_that_were_added_to_known_tables_are_reported() {
    let fixture = former_with(
        Shape::Plain,
        "CREATE UNIQUE INDEX my_doc ON Documents (filename);
         CREATE INDEX mine ON users (lower(full_name)) WHERE is_active;",
    );
    let (report, _) = adopt(&fixture);
    assert_eq!(
        report.not_copied,
        [
            "index my_doc of documents: the table has the new schema's indexes",
            "index mine of users: the table has the new schema's indexes",
        ]
    );
}

#[test]
fn every_time_that_is_changed_has_a_reason() {
    let fixture = former_with(
        Shape::Plain,
        "UPDATE chat_sessions SET updated_at = '2025-09-08 19:33:30.123456';
         UPDATE chat_sessions SET updated_at = '2025-09-08 19:33:30.12345Z' WHERE id = 1;
         UPDATE chat_sessions SET updated_at = '2025-09-08 19:33:30.123+00' WHERE id = 5;",
    );
    let (report, _) = adopt(&fixture);
    let sessions = report.tables.iter().find(|table| table.table == "chat_sessions");
    let changes = &sessions.expect("the table").changes;
    let change = changes.iter().find(|change| change.column == "updated_at").expect("a change");
    assert_eq!((change.rows, change.reason.as_str()), (2, "time written in the stored form"));
}
