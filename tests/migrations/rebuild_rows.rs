//! What the rebuild of a table keeps beside the values of its columns, and whom it stops.

use diesel::connection::SimpleConnection;
use zenith_db::Backend;
use zenith_db::manager::RollbackTarget;
use zenith_db_lint::{MigrationSet, SourceMigration, SourceScript, lint, rebuild_script};

use crate::support::SqliteFixture;
use crate::support::own_migrations::{migration, named, upgraded};

const NAME: &str = "2098-01-01-000001_things";

fn source(up: &str) -> SourceMigration {
    let script = |file: &str, text: &str| SourceScript { file: file.into(), text: text.to_owned() };
    let down = "DROP TABLE things;";
    SourceMigration {
        name: NAME.to_owned(),
        up: script("up.sql", up),
        down: script("down.sql", down),
    }
}

/// Rebuilds the table `things`, there and back, and returns the script.
fn rebuilt(fixture: &SqliteFixture, up: &str, rows: &str, same: &[&str]) -> String {
    let script = rebuild_script(&[source(up)], "things").expect(up);
    let own = [named(NAME, up, "DROP TABLE things"), migration(&script, &script)];
    upgraded(fixture, &own[..1]).migrate().expect("the table");
    fixture.sql(rows);
    let seen = || same.iter().map(|query| fixture.text(query)).collect::<Vec<_>>();
    let before = seen();
    let manager = upgraded(fixture, &own);
    manager.migrate().expect(&script);
    assert_eq!(seen(), before, "{script}");
    manager.rollback(&RollbackTarget::Steps(1)).expect(&script);
    assert_eq!(seen(), before, "{script}");
    let mut rebuild = source(&script);
    "2099-01-01-000001_rebuild".clone_into(&mut rebuild.name);
    for (of, file) in [(&mut rebuild.up, "rebuild/up.sql"), (&mut rebuild.down, "rebuild/down.sql")]
    {
        (of.file, of.text) = (file.into(), script.clone());
    }
    let set = MigrationSet { backend: Backend::Sqlite, migrations: vec![source(up), rebuild] };
    let found = lint(&[set]).into_iter().filter(|finding| finding.file.starts_with("rebuild"));
    assert_eq!(found.collect::<Vec<_>>(), [], "{script}");
    script
}

#[test]
fn a_check_may_name_its_table() {
    for check in [
        "tokens INTEGER CHECK (things.tokens > 0)",
        "tokens INTEGER, CONSTRAINT positive CHECK (\"Things\".tokens > 0 AND tokens < [things].id)",
        "tokens INTEGER CHECK (tokens > 0), parent INTEGER REFERENCES things (id),
            CHECK (things.parent <> things.id)",
    ] {
        let up = format!("CREATE TABLE things (id INTEGER PRIMARY KEY NOT NULL, {check});");
        let fixture = SqliteFixture::created();
        let rows = "INSERT INTO things (id, tokens) VALUES (7, 6)";
        rebuilt(&fixture, &up, rows, &["SELECT id || tokens FROM things"]);
        let bad = "INSERT INTO things (id, tokens) VALUES (5, 0)";
        fixture.raw().batch_execute(bad).expect_err("the check is still there");
    }
}

#[test]
fn rows_without_an_integer_key_keep_their_rowids() {
    for (columns, rowid) in [
        ("body TEXT", "rowid"),
        ("body TEXT, code TEXT PRIMARY KEY NOT NULL DEFAULT (hex(randomblob(8)))", "rowid"),
        ("body TEXT, number INTEGER PRIMARY KEY DESC", "rowid"),
        ("body TEXT, ROWID TEXT", "_rowid_"),
        ("body TEXT, \"_rowid_\" TEXT, rowid TEXT", "oid"),
    ] {
        let up = format!("CREATE TABLE things ({columns});");
        let fixture = SqliteFixture::created();
        let rows = format!(
            "INSERT INTO things (body) VALUES ('first'), ('second'), ('third');
             DELETE FROM things WHERE body = 'first';
             CREATE VIRTUAL TABLE found USING fts5 (body, content = 'things', content_rowid = '{rowid}');
             INSERT INTO found (found) VALUES ('rebuild')"
        );
        let same = [
            format!("SELECT group_concat({rowid} || body) FROM things"),
            "SELECT rowid || body FROM found WHERE found MATCH 'third'".to_owned(),
        ];
        let script = rebuilt(&fixture, &up, &rows, &same.each_ref().map(String::as_str));
        assert!(script.contains(&format!("({rowid}, body")), "{script}");
    }
}

#[test]
fn a_table_without_rowids_is_copied_without_them() {
    for columns in [
        "id INTEGER PRIMARY KEY, body TEXT",
        "id TEXT PRIMARY KEY NOT NULL, body TEXT) WITHOUT ROWID; CREATE TABLE others (id INTEGER",
        "rowid TEXT, _rowid_ TEXT, oid TEXT, id TEXT, body TEXT",
    ] {
        let up = format!("CREATE TABLE things ({columns});");
        let fixture = SqliteFixture::created();
        let rows = "INSERT INTO things (id, body) VALUES (3, 'kept')";
        let script = rebuilt(&fixture, &up, rows, &["SELECT id || body FROM things"]);
        let copied =
            script.contains("INTO things_new (id, ") || script.contains("(rowid, _rowid_, oid, id");
        assert!(copied, "{script}");
    }
}

/// As the Diesel CLI runs it, and a shell.
#[test]
fn a_rebuild_that_would_delete_the_rows_of_other_tables_stops() {
    let up = "CREATE TABLE things (id INTEGER PRIMARY KEY NOT NULL);
        CREATE TABLE parts (thing INTEGER NOT NULL REFERENCES THINGS (id) ON DELETE CASCADE);";
    let rows = "INSERT INTO things VALUES (1); INSERT INTO parts VALUES (1)";
    let fixture = SqliteFixture::created();
    let script = rebuilt(&fixture, up, rows, &["SELECT count(*) FROM parts"]);
    for (enforced, left) in [("ON", false), ("OFF", true)] {
        let mut connection = fixture.raw();
        connection
            .batch_execute(&format!("PRAGMA foreign_keys = {enforced}; BEGIN"))
            .expect("begun");
        let run = connection.batch_execute(&script);
        assert_eq!(run.is_ok(), left, "{run:?}");
        if let Err(error) = run {
            assert!(error.to_string().contains("apply this with zenith-db migrate"), "{error}");
        }
        connection.batch_execute("COMMIT").expect("committed");
        assert_eq!(fixture.text("SELECT count(*) FROM parts"), "1");
    }
    let alone = "CREATE TABLE things (id INTEGER PRIMARY KEY NOT NULL,
        parent INTEGER REFERENCES things (id) ON DELETE CASCADE);";
    let script = rebuild_script(&[source(alone)], "things").expect(alone);
    assert!(!script.contains("foreign"), "{script}");
}
