//! The lint of migrations: each rule finds what breaks it, at its line, and nothing else.

use std::path::Path;

use zenith_db::connection::Backend;
use zenith_db::migrations::lint::{MigrationSet, SourceMigration, SourceScript, lint};

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

/// `file:line rule` of what is found in a migration after one that makes a table.
fn found(backend: Backend, up: &str, down: &str) -> Vec<String> {
    let migrations =
        vec![migration("1_make", BASE, "DROP TABLE things;"), migration("2_change", up, down)];
    let findings = lint(&[MigrationSet { backend, migrations }]);
    findings.iter().map(|f| format!("{}:{} {}", f.file.display(), f.line, f.rule)).collect()
}

#[test]
fn each_rule_of_postgres_finds_what_breaks_it_and_nothing_else() {
    for (up, expected) in [
        ("\nCREATE INDEX i ON things (id);", "2 index-locks"),
        ("CREATE TABLE n (id BIGINT);\nCREATE INDEX i ON n (id);", ""),
        ("-- a\nALTER TABLE things\n ALTER COLUMN name TYPE BIGINT;", "2 type-rewrites"),
        ("ALTER TABLE things ALTER COLUMN name SET NOT NULL;", "1 not-null-locks"),
        ("ALTER TABLE things ADD CONSTRAINT c CHECK (id > 0);", "1 constraint-locks"),
        ("ALTER TABLE things ADD CONSTRAINT c CHECK (id > 0) NOT VALID;", ""),
        ("ALTER TABLE things ADD COLUMN n BIGINT NOT NULL;", "1 not-null-without-default"),
        ("ALTER TABLE things ADD COLUMN n BIGINT NOT NULL DEFAULT 0;", ""),
        ("DELETE FROM things;", "1 undeclared-loss"),
        ("-- loses-rows: things of no use\nDELETE FROM things;", ""),
        ("DROP TABLE things;", "1 undeclared-loss"),
        ("ALTER TABLE things DROP COLUMN name;", "1 undeclared-loss"),
        ("-- loses-columns: things (name) unused\nALTER TABLE things DROP COLUMN name;", ""),
        ("UPDATE things SET name = NULL;", "1 undeclared-change"),
        ("-- lint: allow undeclared-change tested\nUPDATE things SET name = NULL;", ""),
        ("SELECT 1;\n-- lint: allow index-locks tested", "2 bad-allow"),
        ("SELECT 1;\n-- loses-rows: others gone", "2 idle-declaration"),
        ("SELECT 1;\n-- loses-rows: things", "2 malformed-declaration"),
        ("SELECT 1;\nCOMMIT;", "2 forbidden-statement"),
        ("-- nothing", "1 empty-up"),
    ] {
        let expected: Vec<String> = Some(expected)
            .filter(|e| !e.is_empty())
            .map(|e| format!("2_change/up.sql:{e}"))
            .into_iter()
            .collect();
        assert_eq!(found(Backend::Postgres, up, "SELECT 1;"), expected, "{up}");
    }
    assert_eq!(found(Backend::Postgres, "SELECT 1;", ""), ["2_change/down.sql:1 empty-down"]);
    let allow = "-- lint: allow undeclared-change\nUPDATE things SET name = NULL;";
    let both = ["2_change/up.sql:1 bad-allow", "2_change/up.sql:2 undeclared-change"];
    assert_eq!(found(Backend::Postgres, allow, "SELECT 1;"), both);
}

#[test]
fn a_rebuild_on_sqlite_follows_the_recipe() {
    let create = "CREATE TABLE things_new (id INTEGER PRIMARY KEY NOT NULL, name TEXT);\n";
    let copy = "INSERT INTO things_new (id, name) SELECT id, name FROM things;\n";
    let (drop, rename) = ("DROP TABLE things;\n", "ALTER TABLE things_new RENAME TO things;\n");
    let index = "CREATE INDEX idx_things_name ON things (name);\n";
    let rebuilt = |steps: &[&str]| found(Backend::Sqlite, &steps.concat(), "SELECT 1;");
    assert_eq!(rebuilt(&[create, copy, drop, rename, index]), [""; 0]);
    let forgets = rebuilt(&[create, copy, drop, rename]);
    assert!(forgets.contains(&"2_change/up.sql:3 rebuild-forgets".to_owned()), "{forgets:?}");
    let empty = rebuilt(&[create, drop, rename, index]);
    assert_eq!(empty, ["2_change/up.sql:2 rebuild-order"]);
    let create = create.replace("_new", "");
    let first = ["ALTER TABLE things RENAME TO old;\n", create.as_str()];
    assert_eq!(
        rebuilt(&first),
        ["2_change/up.sql:1 rebuild-order", "2_change/down.sql:1 down-incomplete"]
    );
    assert_eq!(
        found(Backend::Sqlite, "SELECT 1;\nCREATE;", "SELECT 1;"),
        ["2_change/up.sql:2 does-not-run"]
    );
}

#[test]
fn our_own_migrations_have_no_finding_and_both_databases_have_the_same() {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let read = |name, backend| MigrationSet::read(&migrations.join(name), backend).expect(name);
    let mut sets = [read("sqlite", Backend::Sqlite), read("postgres", Backend::Postgres)];
    assert!(lint(&sets).is_empty(), "{:#?}", lint(&sets));
    let up = &mut sets[1].migrations.last_mut().expect("a migration").up;
    let line = up.text.lines().count() + 1;
    up.text.push_str("CREATE TABLE more (\n id BIGINT);\n");
    let findings: Vec<String> =
        lint(&sets).iter().map(|f| format!("{} {}", f.line, f.rule)).collect();
    assert_eq!(findings, [format!("{line} backends-differ")]);
}

#[test]
fn the_command_prints_findings_and_tells_by_its_exit_code() {
    let directory = tempfile::tempdir().expect("a directory");
    let zenith = || {
        let mut command = bare_zenith(directory.path());
        command.args(["migration", "lint"]);
        command
    };
    run(&mut zenith(), 2);
    let path = directory.path().join("migrations/sqlite/1_make");
    std::fs::create_dir_all(&path).expect("a directory");
    run(zenith().arg("migrations/postgres"), 2);
    run(&mut zenith(), 2);
    std::fs::write(path.join("up.sql"), "CREATE TABLE things (id INTEGER);").expect("a file");
    let said = stdout(&run(&mut zenith(), 1));
    assert!(said.starts_with("migrations/sqlite/1_make/down.sql:1: empty-down: "), "{said}");
    let report = json(&run(zenith().args(["--format", "json"]), 1));
    assert_eq!(report["findings"][0]["rule"], "empty-down");
    assert_eq!(report["findings"][0]["line"], 1);
    std::fs::write(path.join("down.sql"), "DROP TABLE things;").expect("a file");
    run(&mut zenith(), 0);
}
