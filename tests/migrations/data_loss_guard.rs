//! A migration that loses or changes a row and does not say so is rolled back and named.

use std::collections::BTreeMap;

use crate::support::own_migrations::{migration, named, upgraded};
use crate::support::{SqliteFixture, rows};
use zenith_db::manager::{MigrationReport, RollbackTarget, RowChange};
use zenith_db::migrations::EmbeddedMigration;
use zenith_db::{Error, MigrationFault};

/// Tables of an application's own, which the migrations of these tests change.
fn own_tables() -> EmbeddedMigration {
    let up = "CREATE TABLE things (id INTEGER PRIMARY KEY NOT NULL, name TEXT);
        CREATE TABLE parts (id INTEGER PRIMARY KEY NOT NULL,
            thing_id BIGINT NOT NULL REFERENCES things (id) ON DELETE CASCADE);
        CREATE TABLE loose (id INTEGER PRIMARY KEY NOT NULL, x, nickname TEXT, unused TEXT)";
    named(
        "2098-01-01-000001_create_things",
        up,
        "DROP TABLE parts; DROP TABLE things; DROP TABLE loose",
    )
}

fn filled() -> SqliteFixture {
    let fixture = SqliteFixture::created();
    rows::fill(&mut fixture.raw());
    upgraded(&fixture, &[own_tables()]).migrate().expect("tables");
    fixture.sql(
        "INSERT INTO things VALUES (1, 'a'), (2, 'b'), (3, 'c');
         INSERT INTO parts VALUES (10, 1), (11, 2);
         INSERT INTO loose (x, nickname) VALUES (1, 'n')",
    );
    fixture
}

type Contents = BTreeMap<String, Vec<String>>;

/// Without the record that something was tried.
fn contents(fixture: &SqliteFixture) -> Contents {
    fixture.sql("DELETE FROM system_health WHERE component = 'migrations'");
    rows::contents(&mut fixture.raw())
}

/// Runs the script, which must be refused and leave nothing; returns what was not declared.
fn refused(fixture: &SqliteFixture, up: &str) -> Vec<RowChange> {
    let before = (contents(fixture), rows::catalogue(&mut fixture.raw()));
    let own = migration(up, "SELECT 1");
    let error = upgraded(fixture, &[own_tables(), own]).migrate().expect_err(up);
    assert_eq!((contents(fixture), rows::catalogue(&mut fixture.raw())), before, "{up}");
    let text = error.to_string();
    let Error::Migration(MigrationFault::RowsNotConserved { migration, file, changes }) = error
    else {
        panic!("{error}")
    };
    assert_eq!((migration.as_str(), file), (own.name(), "up.sql"));
    for change in &changes {
        assert!(text.contains(&format!("{}: ", change.table)), "{text}");
    }
    changes
}

fn accepted(fixture: &SqliteFixture, up: &str) -> MigrationReport {
    upgraded(fixture, &[own_tables(), migration(up, "SELECT 1")]).migrate().expect(up)
}

fn losses(changes: &[RowChange]) -> Vec<(&str, i64, Option<i64>)> {
    changes.iter().map(|c| (c.table.as_str(), c.lost_rows, c.after)).collect()
}

fn changed(changes: &[RowChange]) -> Vec<(&str, Vec<&str>)> {
    fn columns(change: &RowChange) -> (&str, Vec<&str>) {
        (&change.table, change.changed_columns.iter().map(String::as_str).collect())
    }
    changes.iter().map(columns).collect()
}

#[test]
fn a_deletion_is_refused_with_table_and_count_unless_it_is_declared() {
    let fixture = filled();
    let delete = "DELETE FROM notifications";
    assert_eq!(losses(&refused(&fixture, delete)), [("notifications", 1, Some(0))]);
    let other = format!("-- loses-rows: chat_history they are old\n{delete}");
    refused(&fixture, &other);
    let without_reason = format!("-- loses-rows: notifications\n{delete}");
    refused(&fixture, &without_reason);
    let report =
        accepted(&fixture, &format!("-- loses-rows: notifications they are old\n{delete}"));
    let [change] = report.steps[0].rows.as_slice() else { panic!("{report:?}") };
    assert_eq!(change.declared.as_deref(), Some("they are old"));
    assert_eq!((change.before, change.after), (Some(1), Some(0)));
}

#[test]
fn a_row_that_is_replaced_by_another_is_lost_though_the_count_is_the_same() {
    let fixture = filled();
    let replace = "DELETE FROM system_health WHERE component = 'database';
                   INSERT INTO system_health (component, status) VALUES ('other', 'healthy')";
    let changes = refused(&fixture, replace);
    assert_eq!(losses(&changes), [("system_health", 1, Some(1))]);
}

#[test]
fn rows_that_a_cascade_deletes_are_missed_though_only_their_parent_is_declared() {
    let fixture = filled();
    // Enforcement is off while migrations run, so a trigger is what can still do it.
    let cascade = "CREATE TRIGGER t AFTER DELETE ON documents BEGIN
                       DELETE FROM document_chunks WHERE document_id = OLD.id;
                       DELETE FROM file_storage WHERE document_id = OLD.id; END;
                   DELETE FROM documents; DROP TRIGGER t";
    let changes = refused(&fixture, &format!("-- loses-rows: documents all wrong\n{cascade}"));
    let tables: Vec<&str> = changes.iter().map(|change| change.table.as_str()).collect();
    assert_eq!(tables, ["document_chunks", "file_storage"]);
}

#[test]
fn a_change_is_refused_with_its_columns_unless_they_are_declared() {
    let fixture = filled();
    let update = "UPDATE notifications SET title = 'old', category = 'x'";
    let expected = ["category", "title", "updated_at"];
    assert_eq!(changed(&refused(&fixture, update)), [("notifications", expected.to_vec())]);
    // What is easily taken for a part of the statement before it.
    for before in ["begin INTEGER)", "id INTEGER /*/ ' */)"] {
        let script = format!("CREATE TABLE spans ({before}; {update}; -- '");
        assert_eq!(changed(&refused(&fixture, &script)), [("notifications", expected.to_vec())]);
    }
    let too_few = format!("-- changes-rows: notifications (title) shorter\n{update}");
    refused(&fixture, &too_few);
    let columns = expected.join(", ");
    let declared = format!("-- changes-rows: notifications ({columns}) shorter\n{update}");
    let report = accepted(&fixture, &declared);
    assert_eq!(changed(&report.steps[0].rows), [("notifications", expected.to_vec())]);
}

#[test]
fn values_that_swap_their_rows_are_a_change() {
    let fixture = filled();
    let swap = "UPDATE users SET display_name = 'user ' || id WHERE id IN (100, 101)";
    fixture.sql(swap);
    let swap = "UPDATE users SET display_name = 'user ' || (201 - id) WHERE id IN (100, 101)";
    let changes = refused(&fixture, swap);
    assert!(changed(&changes)[0].1.contains(&"display_name"), "{changes:?}");
}

#[test]
fn a_type_that_changes_is_a_change() {
    let fixture = filled();
    for value in ["'1'", "1.0", "x'31'", "NULL"] {
        let changes = refused(&fixture, &format!("UPDATE loose SET x = {value}"));
        assert_eq!(changed(&changes), [("loose", vec!["x"])], "{value}");
    }
    accepted(&fixture, "UPDATE loose SET x = 1");
}

#[test]
fn adding_rows_columns_tables_and_names_is_no_loss() {
    let fixture = filled();
    // A table without a row has none that could change.
    fixture.sql("DELETE FROM loose");
    let report = accepted(
        &fixture,
        "INSERT INTO loose (x) VALUES (1);
         INSERT INTO system_health (component, status) VALUES ('other', 'healthy');
         ALTER TABLE notifications ADD COLUMN sound TEXT DEFAULT 'none';
         ALTER TABLE backup_jobs RENAME COLUMN retention_days TO days_kept;
         CREATE TABLE copies AS SELECT * FROM users;
         ALTER TABLE file_storage RENAME TO stored_files",
    );
    let rows = &report.steps[0].rows;
    let counts: Vec<_> = rows.iter().map(|c| (c.table.as_str(), c.before, c.after)).collect();
    let health = ("system_health", Some(1), Some(2));
    let loose = ("loose", Some(0), Some(1));
    assert_eq!(counts, [loose, health, ("copies", None, Some(6))]);
}

#[test]
fn a_column_that_goes_with_its_content_must_be_declared_and_an_empty_one_need_not() {
    let fixture = filled();
    let drop = "ALTER TABLE loose DROP COLUMN nickname; ALTER TABLE loose DROP COLUMN unused";
    let changes = refused(&fixture, drop);
    assert_eq!(changes[0].lost_columns, ["nickname"]);
    accepted(&fixture, &format!("-- loses-columns: loose (nickname) nobody used it\n{drop}"));
}

#[test]
fn a_table_that_goes_with_its_rows_must_be_declared() {
    let fixture = filled();
    assert_eq!(losses(&refused(&fixture, "DROP TABLE loose")), [("loose", 1, None)]);
    accepted(&fixture, "-- loses-rows: loose nobody needs them\nDROP TABLE loose");
}

const REBUILD: &str =
    "CREATE TABLE things_new (id INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL);
     INSERT INTO things_new (id, name) SELECT id, name FROM things;
     DROP TABLE things;
     ALTER TABLE things_new RENAME TO things;";

#[test]
fn a_rebuild_by_the_recipe_keeps_every_row_of_the_table_and_of_its_children() {
    let fixture = filled();
    let before = contents(&fixture);
    let report = accepted(&fixture, REBUILD);
    assert_eq!(report.steps[0].rows, []);
    let after = contents(&fixture);
    assert_eq!((&after["things"], &after["parts"]), (&before["things"], &before["parts"]));
}

#[test]
fn a_rebuild_that_forgets_rows_or_swaps_columns_is_refused() {
    let fixture = filled();
    let forgets = REBUILD.replace("FROM things;", "FROM things WHERE id < 3;");
    assert_eq!(losses(&refused(&fixture, &forgets)), [("things", 1, Some(2))]);
    let mangles = REBUILD.replace("SELECT id, name", "SELECT id, upper(name)");
    assert_eq!(changed(&refused(&fixture, &mangles)), [("things", vec!["name"])]);
    let renumbers = REBUILD.replace("SELECT id, name", "SELECT 4 - id, name");
    refused(&fixture, &renumbers);
}

#[test]
fn a_rollback_drops_what_it_was_asked_about_and_touches_no_row_that_stays() {
    let fixture = filled();
    let up = "CREATE TABLE toys (id INTEGER PRIMARY KEY NOT NULL); INSERT INTO toys VALUES (1)";
    let last = RollbackTarget::Steps(1);

    let greedy = migration(up, "DROP TABLE toys; DELETE FROM notifications");
    let manager = upgraded(&fixture, &[own_tables(), greedy]);
    manager.migrate().expect("applied");
    let before = contents(&fixture);
    let error = manager.rollback(&last).expect_err("it deletes a notification");
    let Error::Migration(MigrationFault::RowsNotConserved { file, changes, .. }) = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (*file, losses(changes).as_slice()),
        ("down.sql", [("notifications", 1, Some(0))].as_slice())
    );
    assert_eq!(contents(&fixture), before);

    let manager = upgraded(&fixture, &[own_tables(), migration(up, "DROP TABLE toys")]);
    let report = manager.rollback(&last).expect("it drops its own table only");
    assert_eq!(losses(&report.steps[0].rows), [("toys", 1, None)]);
}

#[test]
fn enforcement_of_references_is_on_again_after_a_migration_and_after_a_failure() {
    use zenith_db::Database;
    let fixture = filled();
    refused(&fixture, "DELETE FROM notifications");
    let orphan = |fixture: &SqliteFixture| {
        let database = Database::open(&fixture.config()).expect("a pool");
        database.write(|connection| {
            use diesel::connection::SimpleConnection;
            connection.batch_execute("UPDATE chat_sessions SET user_id = 4711")?;
            Ok(())
        })
    };
    orphan(&fixture).expect_err("there is no such user");
    accepted(&fixture, "CREATE TABLE more (id INTEGER PRIMARY KEY NOT NULL)");
    orphan(&fixture).expect_err("there is no such user");
}

const FULL_TEXT: &str = "
    CREATE VIRTUAL TABLE chat_search USING fts5 (message_content, content = 'chat_history',
        content_rowid = 'id');
    CREATE TRIGGER chat_search_delete AFTER DELETE ON chat_history BEGIN
        INSERT INTO chat_search (chat_search, rowid, message_content)
        VALUES ('delete', old.id, old.message_content);
    END;
    INSERT INTO chat_search (chat_search) VALUES ('rebuild');
    CREATE VIRTUAL TABLE notes USING fts5 (body);
    INSERT INTO notes VALUES ('a note');";

#[test]
fn a_full_text_index_follows_its_table_and_the_rows_of_its_own_are_compared() {
    let fixture = filled();
    fixture.sql(FULL_TEXT);
    let run = |up: &str| upgraded(&fixture, &[own_tables(), migration(up, "SELECT 1")]).migrate();
    // An empty database, on which a migration is tried first, has no such table.
    let delete = "CREATE TABLE IF NOT EXISTS notes (body); DELETE FROM notes";
    match run(delete) {
        Err(Error::Migration(MigrationFault::RowsNotConserved { changes, .. })) => {
            assert_eq!(losses(&changes), [("notes_content", 1, Some(0))]);
        }
        other => panic!("{other:?}"),
    }
    // What the index derives from the messages needs no declaration.
    let delete = "-- loses-rows: chat_history they are old
        DELETE FROM chat_history";
    let report = run(delete).expect("a declared loss");
    let tables: Vec<_> = report.steps[0].rows.iter().map(|change| change.table.as_str()).collect();
    assert!(tables.contains(&"chat_history") && !tables.iter().any(|name| name.contains("search")));
}

#[test]
fn a_table_that_cannot_be_read_is_not_dropped_without_a_declaration() {
    let fixture = filled();
    let application = rusqlite::Connection::open(fixture.path()).expect("a connection");
    application.create_collation("own", Ord::cmp).expect("a collation");
    let table = "CREATE TABLE words (word TEXT COLLATE own PRIMARY KEY) WITHOUT ROWID;
        INSERT INTO words VALUES ('a')";
    application.execute_batch(table).expect("a table");
    let dropped = |declaration: &str| {
        let own = migration(&format!("{declaration}\nDROP TABLE IF EXISTS words"), "SELECT 1");
        upgraded(&fixture, &[own_tables(), own]).migrate()
    };
    match dropped("") {
        Err(Error::Migration(MigrationFault::RowsNotConserved { changes, .. })) => {
            let [change] = changes.as_slice() else { panic!("{changes:?}") };
            assert_eq!(change.to_string(), "words: the content of (word) lost");
        }
        other => panic!("{other:?}"),
    }
    dropped("-- loses-rows: words no longer needed").expect("a declared loss");
}
