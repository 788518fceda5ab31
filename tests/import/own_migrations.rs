//! An application's own migrations are applied to the database that an adoption builds.

use zenith_db::manager::DatabaseManager;
use zenith_db::migrations::EmbeddedMigration;
use zenith_db_import::{AdoptionOptions, AdoptionOutcome, adopt};

use crate::support::SqliteFixture;
use crate::support::command::{assert_unchanged, tree};
use crate::support::legacy::{Shape, former, former_with, kept_original};
use crate::support::own_migrations::{manager_with, migration};

/// Adds a table, and an index to a table that has rows to adopt. The index has a name that must be quoted.
fn own() -> [EmbeddedMigration; 1] {
    let up = "CREATE TABLE own_notes (
                  id INTEGER PRIMARY KEY NOT NULL,
                  user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                  note TEXT NOT NULL);
              CREATE INDEX \"own titles\" ON chat_sessions (title);";
    let down = "DROP INDEX \"own titles\"; DROP TABLE own_notes";
    [migration(up, down)]
}

fn assert_applied(fixture: &SqliteFixture, manager: &DatabaseManager) {
    for (query, expected) in [
        ("SELECT count(*) FROM own_notes", "0"),
        ("SELECT count(*) FROM sqlite_schema WHERE name = 'own titles'", "1"),
        ("SELECT count(*) FROM users", "3"),
    ] {
        assert_eq!(fixture.text(query), expected, "{query}");
    }
    let health = manager.health_check();
    assert!(health.all_checks_passed, "{:?}", health.failures().collect::<Vec<_>>());
}

#[test]
fn an_adoption_in_place_applies_them() {
    let fixture = former(Shape::Configuration);
    let manager = manager_with(&fixture, &own());
    let report = adopt(&manager, &AdoptionOptions::default()).expect("an adoption");
    assert_eq!(report.outcome, AdoptionOutcome::Adopted, "{:?}", report.rejected);
    assert_applied(&fixture, &manager);
    kept_original(&fixture);
}

#[test]
fn an_adoption_from_another_file_applies_them() {
    let (source, fixture) = (former(Shape::Plain), SqliteFixture::empty());
    let before = tree(source.directory.path());
    let manager = manager_with(&fixture, &own());
    let options = AdoptionOptions { from: Some(source.path()), ..AdoptionOptions::default() };
    let report = adopt(&manager, &options).expect("an adoption");
    assert_eq!(report.outcome, AdoptionOutcome::Adopted, "{:?}", report.rejected);
    assert_applied(&fixture, &manager);
    assert_unchanged(&before, &tree(source.directory.path()));
}

#[test]
fn a_plan_tries_them_and_changes_nothing() {
    let fixture = former(Shape::RoleColumn);
    let before = tree(fixture.directory.path());
    let options = AdoptionOptions { plan: true, ..AdoptionOptions::default() };
    let report = adopt(&manager_with(&fixture, &own()), &options).expect("a plan");
    assert_eq!((report.outcome, report.rejected.len()), (AdoptionOutcome::Planned, 0));
    assert_unchanged(&before, &tree(fixture.directory.path()));
    // Each of them is run: the plan fails where one does.
    let failing = [migration("SELECT * FROM no_such_table", "SELECT 1")];
    adopt(&manager_with(&fixture, &failing), &options).expect_err("a migration that fails");
    assert_unchanged(&before, &tree(fixture.directory.path()));
}

#[test]
fn a_former_table_of_the_name_of_an_own_table_gets_another_name() {
    let fixture = former_with(
        Shape::Plain,
        "CREATE TABLE own_notes (text); INSERT INTO own_notes VALUES ('kept');",
    );
    let manager = manager_with(&fixture, &own());
    let report = adopt(&manager, &AdoptionOptions::default()).expect("an adoption");
    assert_eq!(report.outcome, AdoptionOutcome::Adopted, "{:?}", report.rejected);
    assert_applied(&fixture, &manager);
    assert_eq!(fixture.text("SELECT text FROM legacy_own_notes"), "kept");
}

#[test]
fn rows_that_they_insert_stay_and_a_former_row_with_the_key_of_one_is_listed() {
    let up = "INSERT INTO security_events (id, event_id, event_type, severity, timestamp) VALUES
                  (9000, '90000000-0000-4000-8000-000000000000', 'own', 'info',
                   '2025-01-01 00:00:00.000000');
              INSERT INTO permissions (id, name, resource, action)
                  VALUES (9000, 'own.read', 'own', 'read');";
    let fixture = former(Shape::Plain);
    let manager = manager_with(&fixture, &[migration(up, "SELECT 1")]);
    let report = adopt(&manager, &AdoptionOptions::default()).expect("an adoption");
    assert_eq!(report.outcome, AdoptionOutcome::Adopted, "{:?}", report.rejected);
    assert_eq!(report.rows_read, report.rows_copied);
    for (table, column) in [("security_events", "event_type"), ("permissions", "resource")] {
        let query = format!("SELECT {column} FROM {table} WHERE id = 9000");
        assert_eq!(fixture.text(&query), "own");
    }
    let taken = "INSERT INTO roles (id, name) VALUES (9, 'own')";
    let fixture = former(Shape::Plain);
    let before = tree(fixture.directory.path());
    let manager = manager_with(&fixture, &[migration(taken, "SELECT 1")]);
    let options = AdoptionOptions { plan: true, ..AdoptionOptions::default() };
    let report = adopt(&manager, &options).expect("a plan");
    let row = report.rejected.first().expect("a rejected row");
    assert_eq!((row.table.as_str(), row.id, row.column.as_str()), ("roles", 9, "id"));
    assert_unchanged(&before, &tree(fixture.directory.path()));
}
