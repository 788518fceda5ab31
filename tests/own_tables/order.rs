//! Versions are in order within an owner.

use diesel::migration::MigrationSource;
use diesel_migrations::FileBasedMigrations;
use notebook::MIGRATIONS;
use zenith_db::manager::{HistoryFault, RollbackTarget};
use zenith_db::migrations::{EmbeddedMigration, Migrations, Script, all};
use zenith_db::{DbConnection, Error, MigrationFault};

use super::{created, names};
use crate::support::own_migrations::{manager_with, named};
use crate::support::{Fixture, repository};

fn late(error: &Error) -> (&str, &str) {
    match error {
        Error::Migration(MigrationFault::LateMigration { late, back, .. }) => (late, back),
        _ => panic!("{error}"),
    }
}

#[test]
fn a_late_migration_of_the_application_is_refused_with_the_way_back() {
    let fixture = Fixture::created();
    let [a, b, c] = ["2026-12-01-000001_a", "2026-12-02-000001_b", "2026-12-03-000001_c"]
        .map(|name| named(name, "SELECT 1", "SELECT 1"));
    manager_with(&fixture, &[a, c]).migrate().expect("two");
    let manager = manager_with(&fixture, &[a, b, c]);
    let faults = manager.status().expect("a status").history_faults;
    assert_eq!(faults, [HistoryFault::Late { name: b.name().into() }]);
    let error = manager.migrate().expect_err("late");
    assert_eq!(late(&error), ("20261202000001", "--to 20261201000001"));
    manager.rollback(&RollbackTarget::Version(a.version())).expect("back");
    assert_eq!(names(&manager.migrate().expect("all").steps), [b.name(), c.name()]);
    // Of the first, the way back is before all of the application's, and not before the library's.
    let first = named("2026-11-01-000001_first", "SELECT 1", "SELECT 1");
    let manager = manager_with(&fixture, &[first, a, b, c]);
    assert_eq!(late(&manager.migrate().expect_err("late")), ("20261101000001", "--own"));
    manager.rollback(&RollbackTarget::Own).expect("back");
    assert_eq!(manager.migrate().expect("all").steps.len(), 4);
}

#[test]
fn a_required_version_must_be_known() {
    let refused = |requires: &str| {
        let up = format!("-- requires: {requires}\nSELECT 1").leak();
        let own = vec![named("2026-12-01-000001_a", up, "SELECT 1")].leak();
        Migrations::with_own(own).expect_err(requires).to_string()
    };
    for version in ["2030-01-01-000001", "20261201000001", "none"] {
        let said = refused(version);
        assert!(
            said.contains("2026-12-01-000001_a") && said.contains("a newer zenith-db"),
            "{said}"
        );
        assert!(said.contains(&version.replace('-', "")), "{said}");
    }
    let own = vec![named("2026-12-01-000001_a", "-- requires: 2026-11-23-000007 it", "SELECT 1")];
    Migrations::with_own(own.leak()).expect("a version of the library");
}

#[test]
fn a_migration_without_scripts_for_the_database_is_named_with_its_directory() {
    let script = Script { up: "CREATE TABLE own (id BIGINT)", down: "DROP TABLE own" };
    let fixture = Fixture::created();
    let name = "2026-12-01-000001_a";
    let other = fixture.either(
        EmbeddedMigration::for_postgres(name, script),
        EmbeddedMigration::for_sqlite(name, script),
    );
    let before = fixture.everything();
    let manager = manager_with(&fixture, &[other]);
    let directory = fixture.either("sqlite", "postgres");
    for error in [
        manager.migrate().expect_err("no script"),
        manager.status().expect_err("no script"),
        manager.rollback(&RollbackTarget::Own).expect_err("no script"),
    ] {
        let said = error.to_string();
        assert!(said.contains(&format!("{directory}/{name} of its migrations")), "{said}");
    }
    crate::support::command::assert_unchanged(&before, &fixture.everything());
    // Of the database that it supports.
    let one = fixture.either(
        EmbeddedMigration::for_sqlite(name, script),
        EmbeddedMigration::for_postgres(name, script),
    );
    let manager = manager_with(&fixture, &[one]);
    manager.migrate().expect("a script");
    super::assert_healthy(&manager);
    assert_eq!(manager.status().expect("a status").history_faults, []);
    manager.redo().expect("redone");
    manager.rollback(&RollbackTarget::Own).expect("back");
}

/// Runs the pending migrations of a directory as `diesel migration run --migration-dir` does.
fn diesel_migration_run(fixture: &Fixture, directory: &str) {
    let path = repository().join(directory).join(fixture.either("sqlite", "postgres"));
    let source = FileBasedMigrations::from_path(path).expect("migrations");
    match fixture.raw() {
        DbConnection::Sqlite(mut inner) => run_pending(&mut inner, source),
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(mut inner) => run_pending(&mut inner, source),
    }
}

fn run_pending<C, DB>(conn: &mut C, source: impl MigrationSource<DB>)
where
    DB: diesel::backend::Backend,
    C: diesel_migrations::MigrationHarness<DB>,
{
    conn.run_pending_migrations(source).expect("a run");
}

#[test]
fn diesel_runs_two_directories_and_both_programs_agree_with_it() {
    let fixture = Fixture::blank();
    diesel_migration_run(&fixture, "migrations");
    diesel_migration_run(&fixture, "examples/own-tables/migrations");
    let manager = manager_with(&fixture, MIGRATIONS);
    assert_eq!(manager.plan_migration().expect("a plan").steps, []);
    let faults = manager.status().expect("a status").history_faults;
    let unrecorded = |fault: &HistoryFault| matches!(fault, HistoryFault::Unrecorded { .. });
    assert!(faults.len() == all().len() + 2 && faults.iter().all(unrecorded), "{faults:?}");
    manager.migrate().expect("the record");
    assert_eq!(manager.status().expect("a status").history_faults, []);
    assert_eq!(
        fixture.text("SELECT count(*) FROM schema_version WHERE owner = 'application'"),
        "2"
    );
    // Of what was applied together, the application's is last.
    let report = manager.rollback(&RollbackTarget::Steps(2)).expect("back");
    assert_eq!(names(&report.steps), [MIGRATIONS[1].name(), MIGRATIONS[0].name()]);
    diesel_migration_run(&fixture, "examples/own-tables/migrations");
    assert_eq!(manager.plan_migration().expect("a plan").steps, []);
    // A program that is not the application knows them only once they are recorded.
    let error = fixture.manager().plan_migration().expect_err("not known");
    assert!(matches!(error, Error::Migration(MigrationFault::NewerDatabase { .. })), "{error}");
    manager.migrate().expect("the record");
    let error = fixture.manager().plan_migration().expect_err("not known");
    assert!(matches!(error, Error::Migration(MigrationFault::OfApplication { .. })), "{error}");
}

#[test]
fn the_programs_of_two_applications_do_not_take_each_other_for_themselves() {
    let (fixture, _) = created();
    let other = named("2026-12-05-000001_other", "SELECT 1", "SELECT 1").by("other 2.0.0");
    let error = manager_with(&fixture, &[other]).migrate().expect_err("of another");
    let said = error.to_string();
    assert!(said.contains("create notes, by notebook 1.0.0"), "{said}");
    // Another migration with the version of one that has run is not taken for it.
    let same = named("2026-12-01-000001_same", "CREATE TABLE same (id BIGINT)", "DROP TABLE same");
    let error = manager_with(&fixture, &[same, MIGRATIONS[1]]).migrate().expect_err("another text");
    let edited = matches!(&error, Error::Migration(MigrationFault::EditedMigrations { names }) if names == same.name());
    assert!(edited, "{error}");
}
