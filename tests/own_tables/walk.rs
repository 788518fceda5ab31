//! The walk of docs/own-tables.md: a new application, an upgrade of the library by a migration that is older by name,
//! and a rollback of each, on both databases.

use notebook::{MIGRATIONS, Note, NoteId};
use zenith_db::manager::RollbackTarget;
use zenith_db::migrations::{EmbeddedMigration, all, latest};
use zenith_db::types::MigrationOwner;
use zenith_db::{Error, MigrationFault};

use super::{admin, assert_healthy, created, later, names, older_by_name};
use crate::support::failed;

fn version_of(at: usize) -> String {
    MIGRATIONS[at].version()
}

fn write_a_note(fixture: &crate::support::Fixture) -> Note {
    let user = admin(fixture);
    let database = fixture.database();
    let note = database.write(|conn| Note::write(conn, user, "a note")).expect("a note");
    assert_eq!(note.user_id, user);
    let found = database.read(Note::list_with_users).expect("the notes");
    assert_eq!(found, [(note.clone(), "admin".to_owned())]);
    note
}

#[test]
fn an_application_has_its_table_is_upgraded_and_rolled_back() {
    let (fixture, manager) = created();
    let note = write_a_note(&fixture);
    assert_eq!(note.id, NoteId(1));
    let status = manager.status().expect("a status");
    assert_eq!(status.schema_version, Some(latest()));
    assert_eq!(status.application_version, Some(version_of(1)));
    assert_eq!(status.applied_migrations.len(), all().len() + 2);
    let owners = "SELECT count(*) FROM schema_version WHERE owner = 'application'";
    assert_eq!(fixture.text(owners), "2");
    let by = "SELECT description FROM schema_version WHERE owner = 'application' ORDER BY version LIMIT 1";
    assert_eq!(fixture.text(by), "create notes, by notebook 1.0.0");

    // The upgrade of the library.
    let library = [older_by_name()];
    let manager = later(&fixture, &library);
    assert_eq!(manager.status().expect("a status").pending_migrations, [library[0].name()]);
    let report = manager.migrate().expect("an upgrade");
    assert_eq!(names(&report.steps), [library[0].name()]);
    assert_eq!(report.steps[0].owner, MigrationOwner::Library);
    assert_eq!(report.version, Some(library[0].version()));
    assert_eq!(report.application_version, Some(version_of(1)));
    let undo = report.undo.expect("a command");
    assert!(undo.starts_with(&format!("zenith-db rollback --to {} ", latest())), "{undo}");
    assert_eq!(failed(&manager.health_check()), Vec::<&str>::new());
    assert_eq!(fixture.text("SELECT notes FROM note_counts WHERE username = 'admin'"), "1");
    assert_eq!(
        fixture.text("SELECT value FROM system_settings WHERE key = 'SCHEMA_VERSION'"),
        library[0].version()
    );

    // Of each the last first, as they were applied.
    let report = manager.rollback(&RollbackTarget::Steps(1)).expect("back");
    assert_eq!(names(&report.steps), [library[0].name()]);
    assert_eq!(fixture.text("SELECT notes FROM note_counts WHERE username = 'admin'"), "1");
    let report = manager.rollback(&RollbackTarget::Steps(1)).expect("back");
    assert_eq!(names(&report.steps), [MIGRATIONS[1].name()]);
    let undo = report.undo.expect("a command");
    assert!(undo.starts_with(&format!("zenith-db migrate --to {} ", version_of(1))), "{undo}");
    let report = manager.migrate().expect("both again");
    assert_eq!(names(&report.steps), [library[0].name(), MIGRATIONS[1].name()]);
    let undo = report.undo.expect("a command");
    assert!(undo.starts_with("zenith-db rollback --steps 2 "), "{undo}");
    let report = manager.rollback(&RollbackTarget::Own).expect("without the application");
    assert_eq!(names(&report.steps), [MIGRATIONS[1].name(), MIGRATIONS[0].name()]);
    assert_eq!(report.application_version, None);
    assert_eq!(report.version, Some(library[0].version()));
    assert_eq!(names(&manager.migrate().expect("again").steps).len(), 2);
    assert_healthy(&manager);
    // All of both.
    let report = manager.rollback(&RollbackTarget::Version("0".into())).expect("back to nothing");
    assert_eq!(report.steps.len(), all().len() + 3);
    assert_eq!((report.version, report.application_version), (None, None));
    manager.migrate().expect("all again");
}

#[test]
fn a_redo_is_of_the_migration_that_was_applied_last() {
    let (fixture, manager) = created();
    let report = manager.redo().expect("redone");
    assert_eq!(names(&report.steps), [MIGRATIONS[1].name(); 2]);
    write_a_note(&fixture);
    let manager = later(&fixture, &[older_by_name()]);
    manager.migrate().expect("an upgrade");
    let report = manager.redo().expect("redone");
    assert_eq!(names(&report.steps), [older_by_name().name(); 2]);
    assert_eq!(fixture.text("SELECT notes FROM note_counts WHERE username = 'admin'"), "1");
    assert_healthy(&manager);
}

#[test]
fn a_migration_that_one_of_the_application_requires_stays() {
    let (fixture, manager) = created();
    let before = fixture.everything();
    let target = RollbackTarget::Version(all()[0].version());
    for error in [
        manager.plan_rollback(&target).expect_err("it is required"),
        manager.rollback(&target).expect_err("it is required"),
    ] {
        let Error::Migration(MigrationFault::Required { version, dependents, back }) = &error
        else {
            panic!("{error}")
        };
        assert_eq!(*version, all()[1].version());
        assert_eq!(dependents, MIGRATIONS[0].name());
        assert_eq!(back, "--own");
    }
    crate::support::command::assert_unchanged(&before, &fixture.everything());
    manager.rollback(&RollbackTarget::Own).expect("its own first");
    manager.rollback(&target).expect("then the library's");
}

#[test]
fn a_run_to_a_version_is_within_its_owner() {
    let fixture = crate::support::Fixture::blank();
    let manager = later(&fixture, &[]);
    let to = |version: &str| {
        let report = manager.migrate_to(version).expect("a run");
        names(&report.steps).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let ours: Vec<&str> = all().iter().map(EmbeddedMigration::name).collect();
    assert_eq!(to(&all()[1].version()), ours[..2]);
    // The library's are first, all of them, and then the application's up to its version.
    assert_eq!(to(&version_of(0)), [&ours[2..], &[MIGRATIONS[0].name()]].concat());
    assert_eq!(to(&latest()), Vec::<String>::new());
    assert_eq!(to(&version_of(1)), [MIGRATIONS[1].name()]);
    let back = manager.rollback(&RollbackTarget::Version(version_of(0))).expect("back");
    assert_eq!(names(&back.steps), [MIGRATIONS[1].name()]);
    let error = manager.rollback(&RollbackTarget::Version("7".into())).expect_err("no version");
    assert!(error.to_string().contains(&format!("{}, {}", latest(), version_of(0))), "{error}");
}
