//! Tables that another application has added, with modules, functions and collations that only that
//! application registers: what can be read is counted and checked, the rest is named, and all goes on.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use zenith_db::Error;
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RollbackTarget, UnreadableTable};
use zenith_db_transfer::{TransferError, TransferOptions, transfer};

use crate::support::command::json;
use crate::support::{SqliteFixture, administrator, failed, run, stdout};

/// What an application adds, as SQL.
struct Addition {
    sql: &'static str,
    /// Table that the program cannot count, if any.
    uncounted: Option<&'static str>,
    /// Table that it cannot check, if any.
    unchecked: Option<&'static str>,
}

const VECTORS: &str = "CREATE TABLE vectors_rowids (rowid INTEGER PRIMARY KEY, chunk INTEGER);
    INSERT INTO vectors_rowids VALUES (1, 1);
    PRAGMA writable_schema = ON;
    INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql)
    VALUES ('table', 'vectors', 'vectors', 0, 'CREATE VIRTUAL TABLE vectors USING vec0(v float[4])')";

const ADDITIONS: &[Addition] = &[
    Addition { sql: VECTORS, uncounted: Some("vectors"), unchecked: Some("vectors") },
    // The table that a full-text index reads is gone.
    Addition {
        sql: "CREATE TABLE source (id INTEGER PRIMARY KEY, body); INSERT INTO source VALUES (1, 'x');
              CREATE VIRTUAL TABLE found USING fts5 (body, content = 'source', content_rowid = 'id');
              INSERT INTO found (found) VALUES ('rebuild'); DROP TABLE source",
        uncounted: Some("found"),
        unchecked: Some("found"),
    },
    Addition {
        sql: "CREATE VIRTUAL TABLE found USING fts5 (message_content, content = 'chat_history',
                  content_rowid = 'id')",
        uncounted: None,
        unchecked: None,
    },
    Addition {
        sql: "CREATE TABLE own (v TEXT CHECK (own_function(v))); INSERT INTO own VALUES ('a')",
        uncounted: None,
        unchecked: None,
    },
    Addition {
        sql: "CREATE TABLE own (v TEXT); CREATE INDEX i ON own (own_function(v));
              INSERT INTO own VALUES ('a')",
        uncounted: None,
        unchecked: Some("own"),
    },
    Addition {
        sql: "CREATE TABLE own (v TEXT); CREATE INDEX i ON own (v) WHERE own_function(v);
              INSERT INTO own VALUES ('a')",
        uncounted: None,
        unchecked: Some("own"),
    },
    Addition {
        sql: "CREATE TABLE own (v TEXT, g TEXT AS (own_function(v))); INSERT INTO own VALUES ('a')",
        uncounted: None,
        unchecked: Some("own"),
    },
    Addition {
        sql: "CREATE TABLE own (v TEXT COLLATE own_collation UNIQUE); INSERT INTO own VALUES ('a')",
        uncounted: None,
        unchecked: Some("own"),
    },
    Addition {
        sql: "CREATE TABLE own (v TEXT COLLATE own_collation PRIMARY KEY) WITHOUT ROWID;
              INSERT INTO own VALUES ('a')",
        uncounted: Some("own"),
        unchecked: Some("own"),
    },
    Addition {
        sql: "CREATE INDEX i ON users (username COLLATE own_collation)",
        uncounted: None,
        unchecked: Some("users"),
    },
    Addition {
        sql: "CREATE VIEW own AS SELECT own_function(username) AS v FROM users",
        uncounted: None,
        unchecked: None,
    },
];

/// A connection as the application opens it.
fn application(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("a connection");
    let flags = FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_UTF8;
    connection.create_scalar_function("own_function", 1, flags, |_| Ok(1)).expect("a function");
    connection.create_collation("own_collation", Ord::cmp).expect("a collation");
    connection
}

fn with(addition: &Addition) -> SqliteFixture {
    let fixture = SqliteFixture::created();
    application(&fixture.path()).execute_batch(addition.sql).expect(addition.sql);
    fixture
}

fn names(tables: &[UnreadableTable]) -> Option<&str> {
    assert!(tables.len() < 2, "{tables:?}");
    tables.first().map(|table| table.name.as_str())
}

#[test]
fn unreadable_tables_are_named_and_the_others_are_counted_and_checked() {
    for addition in ADDITIONS {
        let fixture = with(addition);
        let manager = fixture.manager();
        let status = manager.status().expect(addition.sql);
        assert_eq!(names(&status.unreadable_tables), addition.uncounted, "{}", addition.sql);
        assert_eq!(status.record_counts["users"], 1);
        let found = status.record_counts.len() + status.unreadable_tables.len();
        assert_eq!(status.table_count, found, "{}", addition.sql);
        for report in [manager.health_check(), manager.deep_health_check(&mut |_| ())] {
            assert!(report.healthy, "{}: {report:?}", addition.sql);
        }
        manager.seed().expect(addition.sql);
        let backup = manager.backup().expect(addition.sql);
        assert_eq!(names(&backup.unchecked_tables), addition.unchecked, "{}", addition.sql);
        // The backup has what the program could not read.
        let all = |path: &Path| {
            let query = "SELECT group_concat(name || coalesce(sql, '')) FROM sqlite_schema";
            application(path).query_row(query, [], |row| row.get::<_, String>(0)).expect("a schema")
        };
        assert_eq!(all(&backup.path), all(&fixture.path()));
    }
}

#[test]
fn unreadable_tables_stop_no_migration_and_are_kept() {
    for addition in ADDITIONS {
        let fixture = with(addition);
        let manager = fixture.manager();
        let schema = fixture.text("SELECT count(*) FROM sqlite_schema");
        manager.rollback(&RollbackTarget::Steps(1)).expect(addition.sql);
        manager.migrate().expect(addition.sql);
        assert_eq!(fixture.text("SELECT count(*) FROM sqlite_schema"), schema, "{}", addition.sql);
    }
}

#[test]
fn create_with_force_drops_unreadable_tables_with_everything_else() {
    for addition in ADDITIONS {
        let fixture = with(addition);
        let _ = fixture.manager().recreate(&administrator()).expect(addition.sql);
        let blank = SqliteFixture::created();
        let schema =
            "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema ORDER BY name)";
        assert_eq!(fixture.text(schema), blank.text(schema), "{}", addition.sql);
        let intact =
            fixture.text("SELECT group_concat(integrity_check) FROM pragma_integrity_check");
        assert_eq!(intact, "ok", "{}", addition.sql);
    }
}

#[test]
fn a_transfer_leaves_unreadable_tables_behind_only_if_asked_to() {
    for addition in ADDITIONS {
        let (fixture, target) = (with(addition), SqliteFixture::empty());
        let move_it = |leave_other_tables| {
            let options = TransferOptions { leave_other_tables, ..TransferOptions::default() };
            transfer(&fixture.manager(), target.config().location(), &options, &mut |_| ())
        };
        let moved = move_it(true);
        if addition.unchecked == Some("users") {
            let error = moved.expect_err(addition.sql);
            assert!(matches!(error, TransferError::Unchecked { .. }), "{error}");
            assert!(error.to_string().contains("users (no such collation"), "{error}");
            target.assert_nothing_was_created();
            continue;
        }
        let report = moved.expect(addition.sql).report;
        assert_eq!(names(&report.unreadable_tables), addition.uncounted, "{}", addition.sql);
        if let Some(table) = addition.uncounted {
            let target = SqliteFixture::empty();
            let options = TransferOptions::default();
            let error =
                transfer(&fixture.manager(), target.config().location(), &options, &mut |_| ())
                    .expect_err(addition.sql);
            assert!(error.to_string().contains(&format!("{table} (no such")), "{error}");
        }
    }
}

#[test]
fn the_command_names_unreadable_tables_in_text_and_json() {
    let fixture = with(&ADDITIONS[0]);
    for (command, text) in [
        (&["status"][..], "not readable   vectors: no such module: vec0"),
        (&["backup"], "not checked    vectors (no such module: vec0)"),
        (&["redo", "--yes"], "not checked    vectors (no such module: vec0)"),
    ] {
        let said = stdout(&run(fixture.zenith().args(command), 0));
        assert!(said.contains(text), "{said}");
    }
    let named = serde_json::json!([{ "name": "vectors", "reason": "no such module: vec0" }]);
    let status = json(&run(fixture.zenith().args(["status", "--format", "json"]), 0));
    assert_eq!(status["unreadable_tables"], named);
    let backup = json(&run(fixture.zenith().args(["backup", "--format", "json"]), 0));
    assert_eq!(backup["unchecked_tables"], named);
    let with_index = with(&ADDITIONS[7]);
    let said = stdout(&run(with_index.zenith().arg("health-check"), 0));
    assert!(said.contains("own (no such collation sequence: own_collation)"), "{said}");
}

/// SQLite refuses to check the whole file because of one table.
#[test]
fn damage_is_found_beside_a_table_that_cannot_be_checked() {
    for (damage, found) in [
        // The pages of the table are neither in use nor free.
        ("DELETE FROM sqlite_schema WHERE tbl_name = 'spare'", " are in use and "),
        (
            "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema
                 WHERE name = 'spare') WHERE name = 'other'",
            "is used 2 times",
        ),
        (
            "UPDATE sqlite_schema SET sql = 'CREATE INDEX spare_index ON spare (b)'
             WHERE name = 'spare_index'",
            "missing from index spare_index",
        ),
    ] {
        let fixture = with(&ADDITIONS[7]);
        let connection = application(&fixture.path());
        let tables = "CREATE TABLE spare (a, b); CREATE TABLE other (a, b);
            CREATE INDEX spare_index ON spare (a); INSERT INTO spare VALUES (1, 2)";
        connection.execute_batch(tables).expect("tables");
        fixture.manager().backup().expect("no damage yet");
        let damage = format!("PRAGMA writable_schema = ON; {damage}");
        connection.execute_batch(&damage).expect("damage");
        drop(connection);
        match fixture.manager().backup() {
            Err(Error::IntegrityFaults { faults, .. }) => {
                assert!(faults.contains(found), "{faults}");
            }
            other => panic!("{damage}: {other:?}"),
        }
    }
}

#[test]
fn damage_of_the_schema_is_found_beside_a_table_that_cannot_be_checked() {
    let fixture = with(&ADDITIONS[7]);
    fixture.sql("PRAGMA journal_mode = DELETE");
    let leaf = "SELECT max(pageno) FROM dbstat WHERE name = 'sqlite_schema' AND pagetype = 'leaf'";
    let leaf: usize = fixture.text(leaf).parse().expect("a page");
    let mut file = std::fs::read(fixture.path()).expect("the database");
    // The number of fragmented free bytes of the page.
    file[(leaf - 1) * 4096 + 7] = 200;
    std::fs::write(fixture.path(), file).expect("damaged");
    let manager = fixture.manager();
    // The journal mode is not the configured one.
    assert_eq!(failed(&manager.health_check()), ["WAL Mode", "Quick Integrity"]);
    let deep = manager.deep_health_check(&mut |_| ());
    assert_eq!(failed(&deep), ["WAL Mode", "Recent Backup", "Recent Drill", "Full Integrity"]);
    let error = manager.backup().expect_err("damaged");
    assert!(error.to_string().contains("Fragmentation of"), "{error}");
}

#[test]
fn damage_of_a_table_that_lacks_its_collation_is_found() {
    for columns in [
        "v TEXT COLLATE own_collation UNIQUE, w TEXT COLLATE other_collation UNIQUE",
        "v TEXT COLLATE own_collation PRIMARY KEY, w TEXT COLLATE other_collation UNIQUE) WITHOUT ROWID",
    ] {
        let fixture = SqliteFixture::created();
        let connection = application(&fixture.path());
        // In another order than the substitute's.
        connection.create_collation("own_collation", |a, b| b.cmp(a)).expect("a collation");
        connection.create_collation("other_collation", |a, b| b.cmp(a)).expect("a collation");
        let end = if columns.ends_with("ROWID") { "" } else { ")" };
        let rows = format!(
            "PRAGMA journal_mode = DELETE; CREATE TABLE own ({columns}{end};
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
                 INSERT INTO own SELECT 'value ' || i, i FROM n"
        );
        connection.execute_batch(&rows).expect("rows");
        let leaf = "SELECT max(pageno) FROM dbstat WHERE name = 'own' AND pagetype = 'leaf'";
        let leaf: u32 = connection.query_row(leaf, [], |row| row.get(0)).expect("a page");
        drop(connection);
        let without_log = [(Key::WalMode, "false")];
        let manager = DatabaseManager::new(fixture.config_with(&without_log));
        assert!(manager.deep_health_check(&mut |_| ()).healthy);
        let report = manager.backup().expect("no damage yet");
        assert_eq!(names(&report.unchecked_tables), Some("own"));

        let mut file = std::fs::read(fixture.path()).expect("the database");
        // The page has one row less.
        file[(leaf as usize - 1) * 4096 + 4] -= 1;
        std::fs::write(fixture.path(), file).expect("damaged");
        assert_eq!(failed(&manager.health_check()), ["Quick Integrity"], "{columns}");
        let deep = manager.deep_health_check(&mut |_| ());
        assert!(failed(&deep).contains(&"Full Integrity"), "{columns}: {deep:?}");
        let error = manager.backup().expect_err("damaged");
        assert!(matches!(error, Error::IntegrityFaults { .. }), "{columns}: {error}");
    }
}

/// A file with `auto_vacuum` has pages that belong to no table.
#[test]
fn a_pointer_map_is_no_damage_beside_a_table_that_cannot_be_checked() {
    for mode in ["FULL", "INCREMENTAL"] {
        let fixture = SqliteFixture::created();
        fixture.sql(&format!(
            "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = {mode}; VACUUM; PRAGMA journal_mode = WAL"
        ));
        assert_ne!(fixture.text("SELECT auto_vacuum FROM pragma_auto_vacuum"), "0");
        application(&fixture.path()).execute_batch(ADDITIONS[7].sql).expect("a table");
        let manager = fixture.manager();
        assert!(manager.deep_health_check(&mut |_| ()).healthy, "{mode}");
        let backup = manager.backup().expect(mode);
        assert_eq!(names(&backup.unchecked_tables), Some("own"));
        manager.rollback(&RollbackTarget::Steps(1)).expect(mode);
    }
}
