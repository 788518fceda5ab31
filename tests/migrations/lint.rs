//! The lint of migrations: each rule reports the statement that breaks it, with its line, and nothing else.

use std::path::Path;

use zenith_db::Backend;
use zenith_db_lint::{Finding, LintRule, MigrationSet, SourceMigration, SourceScript, lint};

use crate::support::command::json;
use crate::support::{bare_zenith, run, stdout};

const BASE: &str = "CREATE TABLE things (id INTEGER PRIMARY KEY NOT NULL, name TEXT);\n\
                    CREATE INDEX idx_things_name ON things (name);";

fn migration(name: &str, up: &str, down: &str) -> SourceMigration {
    let script = |file: &str, text: &str| SourceScript {
        file: Path::new(name).join(file),
        text: text.to_owned(),
    };
    SourceMigration {
        name: name.to_owned(),
        up: script("up.sql", up),
        down: script("down.sql", down),
    }
}

/// Returns the findings in a migration that runs after one that creates a table. Each is `LINE RULE`, or
/// `down LINE RULE` if it is in `down.sql`.
fn found(backend: Backend, up: &str, down: &str) -> Vec<String> {
    let migrations =
        vec![migration("1_make", BASE, "DROP TABLE things;"), migration("2_change", up, down)];
    let findings = lint(&[MigrationSet { backend, migrations }]);
    let place = |f: &Finding| match f.file.to_str() {
        Some("2_change/up.sql") => format!("{} {}", f.line, f.rule),
        Some("2_change/down.sql") => format!("down {} {}", f.line, f.rule),
        other => format!("{other:?}"),
    };
    findings.iter().map(place).collect()
}

/// Checks `up.sql` scripts for PostgreSQL, each with its expected findings, separated by `; `.
fn assert_postgres(cases: &[(&str, &str)]) {
    for (up, expected) in cases {
        assert_eq!(found(Backend::Postgres, up, "SELECT 1;").join("; "), *expected, "{up}");
    }
}

#[test]
fn loss_and_change_of_rows_must_be_declared() {
    assert_postgres(&[
        ("DELETE FROM things;", "1 undeclared-loss"),
        ("-- loses-rows: things of no use\nDELETE FROM ONLY \"public\".\"things\";", ""),
        ("WITH d AS (DELETE FROM things RETURNING *)\nSELECT * FROM d;", "1 undeclared-loss"),
        (
            "CREATE TABLE n AS WITH d AS (DELETE FROM things RETURNING *) SELECT 1;",
            "1 undeclared-loss",
        ),
        ("TRUNCATE other, things;", "1 undeclared-loss; 1 undeclared-loss"),
        (
            "-- loses-rows: things a\nTRUNCATE TABLE ONLY public.things RESTART IDENTITY CASCADE;",
            "",
        ),
        ("DROP TABLE IF EXISTS other, public.things;", "1 undeclared-loss; 1 undeclared-loss"),
        ("-- loses-rows: things a\nDROP TABLE things CASCADE;", ""),
        ("CREATE TABLE n (id BIGINT); DELETE FROM public.n; DROP TABLE n;", ""),
        (
            "CREATE TABLE IF NOT EXISTS things (id BIGINT);\nDELETE FROM things;",
            "2 undeclared-loss",
        ),
        ("DELETE FROM things;\nCREATE TABLE things (id BIGINT);", "1 undeclared-loss"),
        ("CREATE TABLE n (id BIGINT); ALTER TABLE n RENAME TO m; DELETE FROM m;", ""),
        ("ALTER TABLE things DROP COLUMN name;", "1 undeclared-loss"),
        ("ALTER TABLE IF EXISTS ONLY public.things ADD x INT,\nDROP name;", "1 undeclared-loss"),
        (
            "-- loses-columns: things (name) a\nALTER TABLE \"public\".\"things\" DROP COLUMN IF EXISTS name;",
            "",
        ),
        (
            "-- loses-columns: things (id) a\nALTER TABLE things DROP COLUMN name;",
            "2 undeclared-loss",
        ),
        ("ALTER TABLE things DROP CONSTRAINT c; DROP INDEX idx_things_name;", ""),
        ("UPDATE public.things SET name = NULL;", "1 undeclared-change"),
        ("-- changes-rows: things (name) a\nUPDATE ONLY things SET name = NULL;", ""),
        (
            "INSERT INTO things VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'a';",
            "1 undeclared-change",
        ),
        (
            "MERGE INTO things USING n ON true WHEN MATCHED THEN UPDATE SET name = 'a';",
            "1 undeclared-change",
        ),
        ("INSERT INTO things VALUES (1) ON CONFLICT DO NOTHING;", ""),
        ("CREATE TABLE n (id BIGINT); UPDATE n SET id = 1;", ""),
        ("-- loses-rows: things a\nUPDATE things SET name = NULL;", ""),
        ("-- loses-rows: other a\nDELETE FROM things;", "1 idle-declaration; 2 undeclared-loss"),
        ("-- loses-columns: things (name) a\nDELETE FROM things;", "2 undeclared-loss"),
        ("-- changes-rows: things (name) a\nALTER TABLE things DROP name;", "2 undeclared-loss"),
        ("-- loses-columns: things (name) a\nUPDATE things SET id = 1;", "2 undeclared-change"),
        ("/*\n-- loses-rows: things a\n*/\nDELETE FROM things;", "4 undeclared-loss"),
        ("SELECT '\n-- loses-rows: things a\n';DELETE FROM things;", "3 undeclared-loss"),
        ("-- loses-rows: things a\r\nDELETE FROM things;\r\n", ""),
        ("CREATE FUNCTION f() RETURNS INT AS $$ DELETE FROM things; $$;", ""),
    ]);
    let sqlite = |up: &str| found(Backend::Sqlite, up, "DELETE FROM things;").join("; ");
    assert_eq!(sqlite("DELETE FROM main.things;"), "1 undeclared-loss; down 1 undeclared-loss");
    let replace = "REPLACE INTO main.things VALUES (1, 'a');";
    assert_eq!(sqlite(replace), "1 undeclared-change; down 1 undeclared-loss");
    let dropped =
        found(Backend::Postgres, "SELECT 1;", "ALTER TABLE things DROP name; DROP TABLE things;");
    assert_eq!(dropped, [""; 0], "a rollback may drop");
}

#[test]
fn a_statement_that_locks_a_table_with_rows_is_found_on_postgres() {
    assert_postgres(&[
        ("\nCREATE INDEX i ON public.things (id);", "2 index-locks"),
        ("CREATE TABLE n (id BIGINT);\nCREATE INDEX i ON public.n (id);", ""),
        ("ALTER TABLE things ADD CONSTRAINT u UNIQUE (name);", "1 index-locks"),
        ("ALTER TABLE things ADD COLUMN n BIGINT UNIQUE;", "1 index-locks"),
        ("ALTER TABLE things ADD CONSTRAINT u UNIQUE USING INDEX i;", ""),
        ("-- a\nALTER TABLE things\n ALTER COLUMN name TYPE BIGINT;", "2 type-rewrites"),
        ("ALTER TABLE things ALTER name SET DATA TYPE BIGINT;", "1 type-rewrites"),
        ("ALTER TABLE things ALTER COLUMN type SET DEFAULT 1;", ""),
        ("CREATE TABLE n (id INT); ALTER TABLE n ALTER id TYPE BIGINT, ALTER id SET NOT NULL;", ""),
        ("ALTER TABLE things ALTER COLUMN name SET NOT NULL;", "1 not-null-locks"),
        ("ALTER TABLE things ALTER COLUMN name DROP NOT NULL;", ""),
        ("ALTER TABLE things ADD CONSTRAINT c CHECK (id > 0);", "1 constraint-locks"),
        ("ALTER TABLE things ADD FOREIGN KEY (id) REFERENCES n (id);", "1 constraint-locks"),
        ("ALTER TABLE things ADD CONSTRAINT c CHECK (id > 0) NOT VALID;", ""),
        ("ALTER TABLE things VALIDATE CONSTRAINT c;", ""),
        ("CREATE TABLE n (id INT); ALTER TABLE n ADD CHECK (id > 0), ADD UNIQUE (id);", ""),
        ("ALTER TABLE things ADD COLUMN n BIGINT NOT NULL;", "1 not-null-without-default"),
        ("ALTER TABLE things ADD n BIGINT NOT NULL DEFAULT NULL;", "1 not-null-without-default"),
        ("ALTER TABLE things ADD COLUMN n BIGINT NOT NULL DEFAULT 0;", ""),
        ("ALTER TABLE things ADD COLUMN n BIGSERIAL NOT NULL, ADD m BIGINT;", ""),
        ("ALTER TABLE things ADD n INT NOT NULL GENERATED ALWAYS AS (id) STORED;", ""),
        ("CREATE TABLE n (id INT); ALTER TABLE n ADD m INT NOT NULL;", ""),
    ]);
    let down = "CREATE INDEX i ON things (id); ALTER TABLE things ALTER name TYPE BIGINT;";
    assert_eq!(
        found(Backend::Postgres, "SELECT 1;", down),
        [""; 0],
        "locks do not matter in down.sql"
    );
}

#[test]
fn malformed_comments_and_unsuitable_statements_are_found() {
    assert_postgres(&[
        ("SELECT 1;\n-- loses-rows: others gone", "2 idle-declaration"),
        ("-- changes-rows: things a\nINSERT INTO things VALUES (1);", ""),
        ("-- loses-rows: things a\nALTER TABLE other RENAME TO things;", ""),
        ("SELECT 1;\n-- loses-rows: things", "2 malformed-declaration"),
        ("SELECT 1;\n-- lose-rows: things a", "2 malformed-declaration"),
        ("SELECT 1; -- loses-rows: things a", "1 malformed-declaration"),
        ("SELECT 1;\n-- loses rows: things a", "2 malformed-declaration"),
        ("SELECT 1;\n-- it loses rows: all of them", ""),
        ("-- lint: allow undeclared-change tested\nUPDATE things SET name = NULL;", ""),
        (
            "-- lint: allow undeclared-change\nUPDATE things SET name = NULL;",
            "1 bad-allow; 2 undeclared-change",
        ),
        ("SELECT 1;\n-- lint: allow index-locks tested", "2 bad-allow"),
        ("SELECT 1;\n-- lint: allow no-such-rule tested", "2 bad-allow"),
        ("SELECT 1;\n-- lint: ignore index-locks", "2 bad-allow"),
        ("-- lint: allow bad-allow tested\nSELECT 1;", "1 bad-allow"),
        ("SELECT 1;\nCOMMIT;", "2 forbidden-statement"),
        ("CREATE INDEX CONCURRENTLY i ON n (id);", "1 index-locks; 1 forbidden-statement"),
        ("DROP INDEX CONCURRENTLY IF EXISTS i;", "1 forbidden-statement"),
        ("CREATE TABLE release (begin INT, pragma INT); DROP INDEX \"concurrently\";", ""),
        (
            "DO $$ BEGIN\nDELETE FROM things; END $$;\nCALL f();",
            "1 opaque-statement; 3 opaque-statement",
        ),
        ("CREATE FUNCTION f() RETURNS INT AS $$ BEGIN; END $$; CREATE TABLE do_it (id INT);", ""),
        ("-- nothing; /* at */\n;", "1 empty-up"),
        ("", "1 empty-up"),
    ]);
    assert_eq!(found(Backend::Postgres, "SELECT 1;", "-- a"), ["down 1 empty-down"]);
    let verbs =
        "BEGIN START COMMIT END ROLLBACK ABORT SAVEPOINT RELEASE PRAGMA VACUUM ATTACH DETACH";
    for verb in verbs.split(' ') {
        assert_eq!(
            found(Backend::Postgres, verb, "SELECT 1;"),
            ["1 forbidden-statement"],
            "{verb}"
        );
    }
}

#[test]
fn a_rebuild_on_sqlite_follows_the_recipe() {
    let create = "CREATE TABLE things_new (id INTEGER PRIMARY KEY NOT NULL, name TEXT);\n";
    let copy = "INSERT INTO things_new (id, name) SELECT id, name FROM main.things;\n";
    let (drop, rename) = ("DROP TABLE things;\n", "ALTER TABLE things_new RENAME TO things;\n");
    let index = "CREATE INDEX idx_things_name ON things (name);\n";
    let trigger = "CREATE TRIGGER t AFTER DELETE ON things BEGIN SELECT 1; END;\n";
    let rebuilt = |steps: &[&str]| found(Backend::Sqlite, &steps.concat(), "SELECT 1;").join("; ");
    assert_eq!(rebuilt(&[create, copy, drop, rename, index]), "");
    assert_eq!(rebuilt(&[create, copy, drop, rename]), "3 rebuild-forgets; down 1 down-incomplete",);
    let gone = "DROP INDEX idx_things_name;\n";
    assert_eq!(rebuilt(&[gone, create, copy, drop, rename]), "down 1 down-incomplete");
    let again = |steps: &[&str]| {
        let migrations = vec![
            migration("1_make", &format!("{BASE}\n{trigger}"), "DROP TABLE things;"),
            migration("2_change", &steps.concat(), "SELECT 1;"),
        ];
        let findings = lint(&[MigrationSet { backend: Backend::Sqlite, migrations }]);
        findings.into_iter().map(|f| f.rule).collect::<Vec<_>>()
    };
    assert_eq!(again(&[create, copy, drop, rename, index, trigger]), []);
    let forgotten = [LintRule::RebuildForgets, LintRule::DownIncomplete];
    assert_eq!(again(&[create, copy, drop, rename, index]), forgotten);
    assert_eq!(rebuilt(&[create, drop, rename, index]), "2 undeclared-loss; 2 rebuild-order",);
    assert_eq!(
        rebuilt(&[create, copy, rename, drop]),
        "3 does-not-run; 4 undeclared-loss; 4 rebuild-order; 4 rebuild-forgets",
    );
    // Variants of the copy.
    let with = |copy: &str| rebuilt(&[create, copy, drop, rename, index]);
    assert_eq!(with("INSERT INTO things_new SELECT * FROM things;\n"), "2 rebuild-order");
    assert_eq!(
        with("INSERT INTO things_new (id, name) SELECT * FROM things;\n"),
        "2 rebuild-order"
    );
    assert_eq!(with("INSERT INTO things_new SELECT id, name FROM things;\n"), "2 rebuild-order");
    let some = "INSERT INTO things_new (id, name) SELECT id, name FROM things WHERE id > 1;\n";
    assert_eq!(with(some), "2 undeclared-loss");
    assert_eq!(with(&format!("-- loses-rows: things a\n{some}")), "");
    assert_eq!(with(&some.replace("INSERT", "INSERT OR IGNORE")), "2 undeclared-loss");
    let inner = "INSERT INTO things_new (id, name)
        SELECT id, (SELECT 'x' FROM things AS other WHERE other.id = id) FROM things;\n";
    assert_eq!(with(inner), "");
    let narrow = "CREATE TABLE things_new (id INTEGER PRIMARY KEY NOT NULL);\n";
    let narrow = ["INSERT INTO things_new (id) SELECT id FROM things;\n", drop, rename]
        .map(str::to_owned)
        .into_iter()
        .fold(narrow.to_owned(), |script, step| script + &step);
    assert_eq!(rebuilt(&[&narrow]), "2 undeclared-loss; 3 rebuild-forgets; down 1 down-incomplete");
    assert_eq!(
        rebuilt(&["-- loses-columns: things (name) a\n", gone, &narrow]),
        "down 1 down-incomplete",
    );
    // Renaming the old table first is a fault, and a view on the table prevents the rename.
    let create = create.replace("_new", "");
    let first = ["ALTER TABLE things RENAME TO old;\n", create.as_str()];
    assert_eq!(rebuilt(&first), "1 rebuild-order; down 1 down-incomplete");
    let view = "CREATE VIEW v AS SELECT name FROM things;\n";
    let create = create.replace("things", "things_new");
    assert_eq!(rebuilt(&[view, &create, copy, drop, rename, index]), "5 does-not-run");
}

#[test]
fn the_trial_run_on_sqlite_finds_failing_statements_and_incomplete_down_scripts() {
    let tried = |up, down| found(Backend::Sqlite, up, down).join("; ");
    assert_eq!(tried("SELECT 1;\nCREATE;", "SELECT 1;"), "2 does-not-run");
    assert_eq!(tried("SELECT 1;", "\nDROP TABLE nothing;"), "down 2 does-not-run");
    assert_eq!(tried("SELECT 1;\0", "SELECT 1;"), "1 does-not-run");
    // A forbidden statement is skipped and does not end the trial run.
    let more = "PRAGMA user_version = 1;\nCREATE TABLE more (attach TEXT DEFAULT 'vacuum');";
    assert_eq!(tried(more, "SELECT 1;"), "1 forbidden-statement; down 1 down-incomplete");
    assert_eq!(tried(more, "DROP TABLE more;"), "1 forbidden-statement");
    assert_eq!(tried("BEGIN;\nCREATE;", "SELECT 1;"), "1 forbidden-statement; 2 does-not-run");
    assert_eq!(tried("COMMIT;\nSELECT 1;", "SELECT 1;"), "1 forbidden-statement");
    assert_eq!(tried("SELECT 1;", "DROP INDEX idx_things_name;"), "down 1 down-incomplete");
    let typed = "ALTER TABLE things ADD n INTEGER NOT NULL;";
    assert_eq!(tried(typed, "SELECT 1;"), "1 not-null-without-default; down 1 down-incomplete");
    let generated = "ALTER TABLE things ADD n INTEGER NOT NULL AS (id) VIRTUAL;";
    assert_eq!(tried(generated, "ALTER TABLE things DROP n;"), "");
    assert_eq!(tried(generated, "SELECT 1;"), "down 1 down-incomplete");
}

#[test]
fn the_embedded_migrations_have_no_finding_and_a_difference_between_backends_is_found() {
    let migrations = crate::support::repository().join("migrations");
    let read = |name, backend| MigrationSet::read(&migrations.join(name), backend).expect(name);
    let sets = [read("sqlite", Backend::Sqlite), read("postgres", Backend::Postgres)];
    assert!(lint(&sets).is_empty(), "{:#?}", lint(&sets));
    let differs = |from: &str, to: &str| {
        let mut sets = sets.clone();
        let scripts = sets[1].migrations.iter_mut().map(|migration| &mut migration.up.text);
        let text = scripts.rev().find(|text| text.contains(from)).expect(from);
        *text = text.replacen(from, to, 1);
        let rules = lint(&sets).into_iter().map(|f| (f.rule, f.problem));
        rules.collect::<Vec<_>>()
    };
    for (from, to, count) in [
        ("CREATE INDEX", "CREATE TABLE more (\n id BIGINT); CREATE INDEX", 1),
        ("CREATE INDEX", "CREATE UNIQUE INDEX", 2),
        ("ON DELETE CASCADE", "", 2),
        ("REFERENCES users", "REFERENCES roles", 2),
        ("CREATE TRIGGER roles_updated_at", "CREATE TRIGGER roles_updated", 2),
        (
            "CREATE TABLE notifications",
            "ALTER TABLE users DROP CONSTRAINT users_role_id_fkey; CREATE TABLE notifications",
            1,
        ),
        ("CREATE INDEX", "CREATE TEMP TABLE more (id BIGINT); CREATE INDEX", 0),
        ("CREATE TABLE users", "CREATE TABLE IF NOT EXISTS \"public\".\"users\"", 0),
        ("REFERENCES users", "REFERENCES public.users", 0),
        ("ALTER TABLE roles", "ALTER TABLE IF EXISTS ONLY public.roles", 0),
        ("CREATE INDEX", "CREATE TABLE n (id INT); DROP TABLE public.n; CREATE INDEX", 0),
        (
            "ALTER TABLE roles",
            "ALTER TABLE roles DROP CONSTRAINT roles_created_by_fkey, ADD x INT, DROP x; ALTER TABLE roles",
            0,
        ),
    ] {
        let found = differs(from, to);
        let differ = found.iter().filter(|(rule, _)| *rule == LintRule::BackendsDiffer).count();
        assert_eq!(differ, count, "{to}: {found:#?}");
    }
    let mut fewer = sets.clone();
    fewer[1].migrations.pop();
    let rules: Vec<_> = lint(&fewer).into_iter().map(|f| f.rule).collect();
    assert_eq!(rules, [LintRule::BackendsDiffer]);
}

#[test]
fn the_command_prints_findings_and_its_exit_code_reports_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let zenith = || {
        let mut command = bare_zenith(directory.path());
        command.args(["migration", "lint"]);
        command
    };
    run(&mut zenith(), 2);
    let path = directory.path().join("migrations/sqlite/1_make");
    std::fs::create_dir_all(path.with_file_name("notes")).expect("a directory");
    run(zenith().arg("migrations/postgres"), 2);
    run(&mut zenith(), 2);
    std::fs::remove_dir(path.with_file_name("notes")).expect("it is empty");
    std::fs::create_dir_all(&path).expect("a directory");
    std::fs::write(path.join("up.sql"), "CREATE TABLE things (id INTEGER);").expect("a file");
    let said = stdout(&run(&mut zenith(), 1));
    assert!(said.starts_with("migrations/sqlite/1_make/down.sql:1: empty-down: "), "{said}");
    let report = json(&run(zenith().args(["--format", "json"]), 1));
    assert_eq!(report["findings"][0]["rule"], "empty-down");
    assert_eq!(report["findings"][0]["line"], 1);
    std::fs::write(path.join("down.sql"), "DROP TABLE things;").expect("a file");
    run(&mut zenith(), 0);
}
