//! The script that `zenith-db migration rebuild` writes is a migration that preserves rows and schema.

use zenith_db::Backend;
use zenith_db::manager::RollbackTarget;
use zenith_db::migrations::{Structure, all};
use zenith_db_lint::{MigrationSet, SourceMigration, SourceScript, lint, rebuild_script};

use crate::support::command::json;
use crate::support::own_migrations::{migration, named, upgraded};
use crate::support::{self, SqliteFixture, bare_zenith, rows, run, stderr, stdout};

fn sources() -> Vec<SourceMigration> {
    let directory = crate::support::repository().join("migrations/sqlite");
    MigrationSet::read(&directory, Backend::Sqlite).expect("the migrations").migrations
}

fn source(name: &str, up: &str) -> SourceMigration {
    let script = |file: &str| SourceScript { file: file.into(), text: up.to_owned() };
    SourceMigration { name: name.to_owned(), up: script("up.sql"), down: script("down.sql") }
}

fn structure(fixture: &SqliteFixture) -> Structure {
    Structure::of(&mut support::Fixture::raw(fixture)).expect("a structure")
}

#[test]
fn a_rebuild_of_any_table_preserves_rows_and_schema() {
    let fixture = SqliteFixture::created();
    rows::fill(&mut fixture.raw());
    // The key of a deleted row, which must not be reused.
    let next = "INSERT INTO roles (id, name, is_system_role) VALUES (900, 'gone', FALSE);
                DELETE FROM roles WHERE id = 900";
    fixture.sql(next);
    let tables: Vec<String> = structure(&fixture).tables().into_iter().map(str::to_owned).collect();
    assert_eq!(tables.len(), 21);
    let kept = |fixture: &SqliteFixture| {
        let mut kept = rows::contents(&mut fixture.raw());
        for record in ["__diesel_schema_migrations", "schema_version", "system_settings"] {
            kept.remove(record);
        }
        kept
    };
    let sequences = "SELECT group_concat(name || seq) FROM
        (SELECT * FROM sqlite_sequence WHERE name <> 'schema_version' ORDER BY name)";
    let before = (structure(&fixture), kept(&fixture), fixture.text(sequences));

    let own: Vec<_> = tables
        .iter()
        .enumerate()
        .map(|(at, table)| {
            let script = rebuild_script(&sources(), table).expect(table);
            let name = format!("2099-01-01-0000{:02}_rebuild_{table}", at + 1);
            named(name.leak(), &script, &script)
        })
        .collect();
    let manager = upgraded(&fixture, &own);
    let report = manager.migrate().expect("rebuilt");
    assert_eq!(report.steps.len(), 21);
    assert!(report.steps.iter().all(|step| step.rows.is_empty()), "{report:?}");
    let same = |when: &str| {
        assert_eq!(structure(&fixture), before.0, "{when}");
        assert!(kept(&fixture) == before.1, "{when}: rows differ");
        assert_eq!(fixture.text(sequences), before.2, "{when}");
    };
    same("after up.sql");
    manager.rollback(&RollbackTarget::Steps(21)).expect("rolled back");
    same("after down.sql");
}

#[test]
fn the_lint_has_no_finding_in_any_rebuild() {
    let ours = sources();
    let tables = SqliteFixture::created();
    for table in structure(&tables).tables() {
        let script = rebuild_script(&ours, table).expect(table);
        let own = source("2099-01-01-000001_rebuild", &script);
        let migrations = ours.iter().cloned().chain([own]).collect();
        let set = MigrationSet { backend: Backend::Sqlite, migrations };
        assert_eq!(lint(&[set]), [], "{script}");
    }
}

#[test]
fn views_and_triggers_that_name_the_table_are_created_again() {
    let fixture = SqliteFixture::created();
    let up = "CREATE TABLE -- (once)
                  \"odd (name\"/*(*/(id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
                  \"a b\" TEXT, twice INTEGER GENERATED ALWAYS AS (id * 2));
              CREATE INDEX idx_odd ON \"odd (name\" (\"a b\");
              CREATE VIEW odd_names AS SELECT id, \"a b\" FROM \"odd (name\";
              CREATE VIEW of_a_view AS SELECT id FROM odd_names;
              CREATE TRIGGER of_another AFTER INSERT ON roles BEGIN
                  INSERT INTO \"odd (name\" (\"a b\") VALUES (NEW.name); END;";
    let script =
        rebuild_script(&[source("2098-01-01-000001_odd", up)], "odd (name").expect("a script");
    let own = [named("2098-01-01-000001_odd", up, "SELECT 1"), migration(&script, &script)];
    upgraded(&fixture, &own[..1]).migrate().expect("the odd table");
    fixture.sql("INSERT INTO \"odd (name\" (\"a b\") VALUES ('kept')");
    let before = structure(&fixture);
    upgraded(&fixture, &own).migrate().expect(&script);
    assert_eq!(structure(&fixture), before);
    fixture.sql("INSERT INTO roles (name, is_system_role) VALUES ('new', FALSE)");
    let seen = "SELECT group_concat(\"a b\") FROM odd_names WHERE id IN (SELECT id FROM of_a_view)";
    assert_eq!(fixture.text(seen), "kept,new");
    assert_eq!(fixture.text("SELECT max(twice) FROM \"odd (name\""), "4");
}

#[test]
fn virtual_and_shadow_tables_are_refused() {
    let up = "CREATE VIRTUAL TABLE words USING fts5(text)";
    for (table, kind) in [("words", "virtual"), ("words_data", "shadow")] {
        let error = rebuild_script(&[source("2098-01-01-000001_words", up)], table);
        let said = error.expect_err("no script").to_string();
        assert!(said.starts_with(&format!("{table} is a {kind} table")), "{said}");
    }
}

#[test]
fn a_migration_with_a_forbidden_statement_is_not_run() {
    let fixture = SqliteFixture::created();
    let copy = fixture.path().with_file_name("copy.db");
    let file = fixture.path();
    let file = file.display();
    for up in [
        format!("CREATE TABLE a (b);\nATTACH '{file}' AS x; DROP TABLE x.system_metrics"),
        format!("CREATE TABLE a (b);\nVACUUM INTO '{}'", copy.display()),
        format!("CREATE TABLE a (b);\nCOMMIT; ATTACH '{file}' AS x; DROP TABLE x.system_metrics"),
    ] {
        let error = rebuild_script(&[source("2098-01-01-000001_a", &up)], "a").expect_err(&up);
        assert!(error.to_string().contains("in line 2"), "{error}");
    }
    assert_eq!(fixture.text("SELECT count(*) FROM system_metrics"), "0");
    assert!(!copy.exists());
}

#[test]
fn the_command_writes_the_script_and_an_unknown_table_lists_the_existing_ones() {
    let root = crate::support::repository();
    let said = run(bare_zenith(root).args(["migration", "rebuild", "documents"]), 0);
    assert_eq!(stdout(&said), rebuild_script(&sources(), "documents").expect("a script"));
    let said =
        run(bare_zenith(root).args(["migration", "rebuild", "roles", "--format", "json"]), 0);
    assert_eq!(json(&said)["script"], rebuild_script(&sources(), "roles").expect("a script"));
    let said = stderr(&run(bare_zenith(root).args(["migration", "rebuild", "document"]), 1));
    assert!(said.contains("no migration creates a table document; the tables are: "), "{said}");
    assert!(said.contains("documents"), "{said}");
    assert_eq!(all().len(), sources().len());
}
