//! The rebuild of a table whose name, or that of a column, an index, a trigger or a view, is no plain word,
//! and of a table whose name stands in texts that do not refer to it.

use zenith_db::Backend;
use zenith_db_lint::{
    MigrationSet, RebuildError, SourceMigration, SourceScript, lint, rebuild_script,
};

use crate::support::own_migrations::{migration, named, upgraded};
use crate::support::{SqliteFixture, rows};

const NAME: &str = "2098-01-01-000001_names";

/// Every keyword of SQLite 3.53 (<https://sqlite.org/lang_keywords.html>).
const KEYWORDS: &str = "ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT
    BEFORE BEGIN BETWEEN BY CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS
    CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC
    DETACH DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FILTER FIRST
    FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INDEXED
    INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED
    NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER OVER PARTITION PLAN PRAGMA
    PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX RELEASE RENAME REPLACE RESTRICT
    RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT SET TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION
    TRIGGER UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHOUT";

fn source(up: &str) -> SourceMigration {
    let script = |file: &str, text: &str| SourceScript { file: file.into(), text: text.to_owned() };
    SourceMigration {
        name: NAME.to_owned(),
        up: script("up.sql", up),
        down: script("down.sql", "SELECT 1"),
    }
}

fn script_for(up: &str, table: &str) -> String {
    rebuild_script(&[source(up)], table).expect(table)
}

/// Rebuilds a table of a database with rows. Rows and schema must be the same afterwards, and the lint must
/// find no fault. Returns the script.
fn rebuilt(up: &str, table: &str, rows: &str) -> String {
    let script = script_for(up, table);
    let fixture = SqliteFixture::created();
    let own = [named(NAME, up, "SELECT 1"), migration(&script, &script)];
    upgraded(&fixture, &own[..1]).migrate().expect("the tables");
    fixture.sql(rows);
    let state = || {
        let mut connection = fixture.raw();
        let mut contents = rows::contents(&mut connection);
        for record in ["__diesel_schema_migrations", "schema_version", "system_settings"] {
            contents.remove(record);
        }
        if let Some(sequences) = contents.get_mut("sqlite_sequence") {
            sequences.retain(|row| !row.contains("schema_version"));
            sequences.sort();
        }
        (contents, rows::catalogue(&mut connection))
    };
    let before = state();
    let report = upgraded(&fixture, &own).migrate().expect(&script);
    assert!(report.steps.iter().all(|step| step.rows.is_empty()), "{report:?}");
    let after = state();
    assert_eq!(after.0, before.0, "{script}");
    assert_eq!(after.1, before.1, "{script}");

    let mut rebuild = source(&script);
    "2099-01-01-000001_rebuild".clone_into(&mut rebuild.name);
    rebuild.down.text.clone_from(&script);
    let set = MigrationSet { backend: Backend::Sqlite, migrations: vec![source(up), rebuild] };
    let found = lint(&[set]).into_iter().filter(|finding| finding.file.ends_with("up.sql"));
    assert_eq!(found.collect::<Vec<_>>(), [], "{script}");
    script
}

#[test]
fn a_rebuild_quotes_every_name_that_is_a_keyword_or_no_plain_word() {
    let up = r#"CREATE TABLE "order" ("from" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
            "group" TEXT CONSTRAINT "check" CHECK ("group" <> ''), "1st" TEXT, "größe" TEXT, "a b" TEXT,
            "current_date" TEXT, "" TEXT, plain_1 TEXT,
            "references" INTEGER REFERENCES "order" ("from") ON DELETE SET NULL,
            "default" INTEGER GENERATED ALWAYS AS ("from" * 2));
        CREATE TABLE "select" (id INTEGER PRIMARY KEY NOT NULL,
            "where" INTEGER REFERENCES "order" ("from") ON DELETE CASCADE);
        CREATE INDEX "index" ON "order" ("group");
        CREATE UNIQUE INDEX "2nd" ON "order" ("größe") WHERE "a b" IS NOT NULL;
        CREATE TRIGGER "trigger" AFTER UPDATE OF "group" ON "order" BEGIN
            UPDATE "order" SET "a b" = 'written' WHERE "from" = NEW."from"; END;
        CREATE VIEW "view" AS SELECT "from", "group" FROM "order";
        CREATE TRIGGER "instead" INSTEAD OF INSERT ON "view" BEGIN
            INSERT INTO "order" ("group") VALUES (NEW."group"); END;
        CREATE VIEW "a ""view""" AS SELECT "group" FROM "view";
        CREATE TRIGGER "delete" AFTER DELETE ON "select" BEGIN
            DELETE FROM "order" WHERE "from" = OLD."where"; END;"#;
    let script = rebuilt(
        up,
        "order",
        r#"INSERT INTO "order" ("from", "group", "größe", "a b", "current_date", "", "references")
           VALUES (3, 'g', 'ö', 'b', 'not today', 'empty', NULL), (4, 'h', 'ß', NULL, 'x', NULL, 3),
               (9, 'gone', NULL, NULL, NULL, NULL, NULL);
           DELETE FROM "order" WHERE "from" = 9;
           INSERT INTO "select" ("where") VALUES (3)"#,
    );
    let copied =
        r#"("from", "group", "1st", "größe", "a b", "current_date", "", plain_1, "references")"#;
    assert!(script.contains(copied), "{script}");
    assert!(script.contains("INTO order_new"), "{script}");
    let dropped = "DROP TRIGGER \"delete\";\nDROP TRIGGER instead;\nDROP VIEW \"a \"\"view\"\"\";\n\
                   DROP VIEW view;\nCREATE TABLE";
    assert!(script.contains(dropped), "{script}");
}

#[test]
fn a_column_may_be_called_like_any_keyword_and_keeps_its_value() {
    let columns: Vec<String> =
        KEYWORDS.split_whitespace().map(|word| format!("\"{word}\"")).collect();
    assert_eq!(columns.len(), 147);
    let definitions: Vec<String> = columns.iter().map(|column| format!("{column} TEXT")).collect();
    let values: Vec<String> = columns.iter().map(|column| column.replace('"', "'")).collect();
    let up = format!(
        "CREATE TABLE \"values\" (id INTEGER PRIMARY KEY NOT NULL, {});",
        definitions.join(", ")
    );
    let rows =
        format!("INSERT INTO \"values\" ({}) VALUES ({})", columns.join(", "), values.join(", "));
    let script = rebuilt(&up, "values", &rows);
    assert!(script.contains("(id, "), "a plain word needs no quotes: {script}");
}

#[test]
fn a_table_may_be_called_like_a_keyword_or_no_plain_word() {
    let names = "if table current_time replace transaction 1st größe a-b";
    for name in names.split(' ').chain(["", "it's", "two\nlines", "["]) {
        let up = format!("CREATE TABLE \"{name}\" (id INTEGER PRIMARY KEY NOT NULL, a TEXT);");
        rebuilt(&up, name, &format!("INSERT INTO \"{name}\" (a) VALUES ('kept')"));
    }
}

#[test]
fn a_name_in_a_string_a_comment_or_another_meaning_is_no_reference() {
    let up = "CREATE TABLE things (id INTEGER PRIMARY KEY NOT NULL, name TEXT);
        CREATE TABLE \"others\" (id INTEGER PRIMARY KEY NOT NULL, things TEXT);
        CREATE TRIGGER says BEFORE INSERT ON others WHEN NEW.things IS NULL BEGIN
            SELECT RAISE(ABORT, 'others needs things'); /* as things do */ END;
        CREATE VIEW things_view AS SELECT others.things, 'things' AS says FROM others AS things, others;
        CREATE VIEW shadowed AS WITH things AS (SELECT 1 AS name) SELECT name FROM things;
        CREATE TRIGGER fills AFTER INSERT ON others BEGIN
            INSERT INTO things (name) VALUES (NEW.things); END;
        CREATE VIEW named AS SELECT id FROM [THINGS];";
    let script = script_for(up, "things");
    let (dropped, _) = script.split_once("\nCREATE TABLE").expect("the table");
    let dropped: Vec<&str> = dropped.lines().skip(1).collect();
    assert_eq!(dropped, ["DROP TRIGGER fills;", "DROP VIEW named;"], "{script}");
    let up = up.replace("CREATE TABLE things", "CREATE TABLE \"things\"");
    rebuilt(&up, "things", "INSERT INTO others (things) VALUES ('one')");
    // The message of a trigger of the library has the word.
    let up = "CREATE TABLE \"last\" (id INTEGER PRIMARY KEY NOT NULL);";
    assert!(!rebuilt(up, "last", "SELECT 1").contains("audit_log"));
}

#[test]
fn a_view_that_is_older_than_what_it_refers_to_is_created_again() {
    let up = "CREATE VIEW first AS SELECT id FROM second;
        CREATE VIEW second AS SELECT id FROM \"things\";
        CREATE TABLE \"things\" (id INTEGER PRIMARY KEY NOT NULL);";
    let script = rebuilt(up, "things", "INSERT INTO things DEFAULT VALUES");
    assert!(script.contains("DROP VIEW first;"), "{script}");
}

#[test]
fn a_comment_at_the_end_of_a_definition_and_a_table_with_the_new_name_do_no_harm() {
    let up = "CREATE TABLE \"things\" (id INTEGER PRIMARY KEY NOT NULL, name TEXT -- AUTOINCREMENT
        ) STRICT -- the things
        ;
        CREATE TABLE things_new (id INTEGER PRIMARY KEY NOT NULL);
        CREATE INDEX idx_things ON things (name) -- by name
        ;
        CREATE VIEW named AS SELECT name FROM things -- by name
        ;";
    let script = rebuilt(up, "things", "INSERT INTO things (name) VALUES ('one')");
    assert!(script.contains("CREATE TABLE things_new_2 ("), "{script}");
    assert!(!script.contains("sqlite_sequence"), "{script}");
}

#[test]
fn a_schema_with_a_view_of_a_missing_table_is_an_error_that_names_the_view() {
    let up = "CREATE TABLE things (id INTEGER PRIMARY KEY NOT NULL);
        CREATE VIEW faulty AS SELECT id FROM absent;";
    let error = rebuild_script(&[source(up)], "things").expect_err("no rename");
    assert!(matches!(error, RebuildError::Rename(_)), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("error in view faulty: no such table: main.absent"), "{said}");
}
