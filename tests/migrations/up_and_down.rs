//! Migrations: each can be undone and done again, and one that fails leaves nothing behind.

use crate::support;
use crate::support::embedded::notifications;
use crate::support::rows;
use std::collections::BTreeMap;

use crate::support::{Fixture, administrator, text};
use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RollbackTarget, StepDirection};
use zenith_db::migrations::{EmbeddedMigration, all, latest};
use zenith_db::{Error, MigrationFault};

/// Backups record themselves, and most tests here look at every row.
fn without_backups(fixture: &Fixture) -> DatabaseManager {
    DatabaseManager::new(fixture.config_with(&[(Key::AutoBackup, "false")]))
}

fn filled() -> Fixture {
    let fixture = Fixture::created();
    rows::fill(&mut fixture.raw());
    fixture
}

/// What there is, definitions and rows, to compare before and after.
fn everything(fixture: &Fixture) -> (BTreeMap<String, String>, BTreeMap<String, Vec<String>>) {
    let mut connection = fixture.raw();
    (rows::catalogue(&mut connection), rows::contents(&mut connection))
}

/// References to nothing; a server never holds any.
fn violations(fixture: &Fixture) -> String {
    fixture.text(fixture.either("SELECT count(*) FROM pragma_foreign_key_check", "0"))
}

fn to(version: &str) -> RollbackTarget {
    RollbackTarget::Version(version.into())
}

fn names(report: &zenith_db::manager::MigrationReport) -> Vec<&str> {
    report.steps.iter().map(|step| step.name.as_str()).collect()
}

#[test]
fn every_migration_is_undone_by_its_down_sql_and_can_be_run_again() {
    let fixture = Fixture::blank();
    let (mut connection, backend) = (fixture.raw(), fixture.backend());
    for migration in all() {
        let file = format!("mend {} of {backend}", migration.name());
        let before = rows::catalogue(&mut connection);
        connection.batch_execute(migration.script(backend).expect("scripts").up).expect("up.sql");
        let after = rows::catalogue(&mut connection);
        assert_ne!(before, after, "{} does nothing", migration.name());
        connection.batch_execute(migration.script(backend).expect("scripts").down).expect(&file);
        assert_eq!(rows::catalogue(&mut connection), before, "{file}");
        connection.batch_execute(migration.script(backend).expect("scripts").up).expect(&file);
        assert_eq!(rows::catalogue(&mut connection), after, "{file}");
    }
}

#[test]
fn every_migration_is_undone_and_run_again_through_the_manager() {
    let fixture = Fixture::created();
    let manager = without_backups(&fixture);
    let catalogue = || rows::catalogue(&mut fixture.raw());
    let mut seen = vec![catalogue()];
    for migration in all().iter().rev() {
        let report = manager.rollback(&RollbackTarget::Steps(1)).expect("rolled back");
        assert_eq!(names(&report), [migration.name()]);
        assert_eq!(report.steps[0].direction, StepDirection::Reverted);
        assert_eq!(violations(&fixture), "0", "{}", migration.name());
        seen.push(catalogue());
    }
    let tables: Vec<String> = rows::tables(&mut fixture.raw());
    assert_eq!(tables, ["__diesel_schema_migrations"]);
    for migration in all() {
        let expected = seen.pop().expect("one for each");
        assert_eq!(catalogue(), expected, "before {}", migration.name());
        manager.migrate().expect("everything again");
        manager.rollback(&to(&migration.version())).expect("to this one");
    }
    manager.migrate().expect("nothing to do");
    assert_eq!(catalogue(), seen.pop().expect("the first"));
}

#[test]
fn everything_is_rolled_back_with_rows_in_every_table() {
    let fixture = filled();
    for (table, rows) in rows::contents(&mut fixture.raw()) {
        assert!(!rows.is_empty(), "{table} has no row");
    }
    let report = fixture.manager().rollback(&to("0")).expect("rolled back");
    assert_eq!(report.version, None);
    assert_eq!(report.steps.len(), all().len());
    assert_eq!(rows::tables(&mut fixture.raw()), ["__diesel_schema_migrations"]);
    assert_eq!(fixture.text("SELECT count(*) FROM __diesel_schema_migrations"), "0");

    let _ = fixture.manager().initialize(&administrator()).expect("a database again");
    assert!(fixture.manager().health_check().all_checks_passed);
}

#[test]
fn a_rollback_of_some_keeps_the_rows_of_the_others() {
    for (steps, migration) in all().iter().rev().enumerate() {
        let fixture = filled();
        let before = rows::values(&mut fixture.raw());
        let target = RollbackTarget::Steps(steps + 1);
        without_backups(&fixture).rollback(&target).expect("rolled back");
        assert_eq!(violations(&fixture), "0", "after {}", migration.name());
        // Columns that the migration added are dropped again.
        for ((table, column), values) in rows::values(&mut fixture.raw()) {
            // The ledgers follow, and so does the setting that names the version.
            if !["__diesel_schema_migrations", "schema_version", "system_settings"]
                .contains(&table.as_str())
            {
                let before = &before[&(table.clone(), column.clone())];
                assert_eq!(&values, before, "{table}.{column} after {}", migration.name());
            }
        }
    }
}

#[test]
fn a_rollback_goes_by_steps_or_to_a_version_which_stays() {
    let versions: Vec<String> = all().iter().map(EmbeddedMigration::version).collect();
    let current =
        |fixture: &Fixture| fixture.text("SELECT max(version) FROM __diesel_schema_migrations");
    let fixture = Fixture::created();
    let manager = without_backups(&fixture);

    let report = manager.rollback(&RollbackTarget::Steps(2)).expect("two steps");
    let (last, before) = (all().len() - 1, all().len() - 2);
    assert_eq!(names(&report), [all()[last].name(), all()[before].name()]);
    assert_eq!(report.version.as_deref(), Some(versions[before - 1].as_str()));
    assert_eq!(current(&fixture), versions[before - 1]);

    manager.rollback(&to(&versions[1])).expect("to a version");
    assert_eq!(current(&fixture), versions[1]);
    assert_eq!(fixture.text("SELECT count(*) FROM __diesel_schema_migrations"), "2");
    let report = manager.rollback(&to(&versions[1])).expect("there already");
    assert_eq!(names(&report), Vec::<&str>::new());

    // As the directory writes it.
    let dashed = all()[0].name().split('_').next().expect("a timestamp");
    manager.rollback(&to(dashed)).expect("with dashes");
    assert_eq!(current(&fixture), versions[0]);

    let report = manager.rollback(&RollbackTarget::Steps(99)).expect("all there are");
    assert_eq!(names(&report), [all()[0].name()]);
}

#[test]
fn a_rollback_to_nowhere_is_an_error_and_changes_nothing() {
    let fixture = filled();
    let before = everything(&fixture);
    let manager = fixture.manager();
    for version in ["20000101000000", "1", "", "latest"] {
        let error = manager.rollback(&to(version)).expect_err("no such version");
        assert!(
            matches!(&error, Error::Migration(MigrationFault::UnknownVersion { .. })),
            "{error}"
        );
        assert!(error.to_string().contains(&latest()), "{error}");
    }
    assert!(matches!(
        manager.rollback(&RollbackTarget::Steps(0)),
        Err(Error::Migration(MigrationFault::NoSteps))
    ));
    assert_eq!(everything(&fixture), before);
    let backups = fixture.backups();
    assert!(!backups.exists() || support::files_in(&backups).is_empty());
}

#[test]
fn the_setting_schema_version_follows() {
    let fixture = Fixture::created();
    let setting = || fixture.text("SELECT value FROM system_settings WHERE key = 'SCHEMA_VERSION'");
    assert_eq!(setting(), latest());
    fixture.manager().rollback(&RollbackTarget::Steps(1)).expect("rolled back");
    assert_eq!(setting(), all()[all().len() - 2].version());
    fixture.manager().migrate().expect("migrated");
    assert_eq!(setting(), latest());
}

/// Takes the name that the last statement of the migration wants to give.
fn block_last_statement_of(fixture: &Fixture, migration: &EmbeddedMigration) {
    let words: Vec<&str> =
        migration.script(fixture.backend()).expect("scripts").up.split_whitespace().collect();
    // On a server the names of triggers are each table's own, and another table's are in nobody's way.
    let kinds = fixture.either(["INDEX", "TRIGGER", "TABLE"].as_slice(), &["INDEX", "TABLE"]);
    let at = words
        .windows(2)
        .rposition(|pair| (pair[0] == "CREATE" || pair[0] == "UNIQUE") && kinds.contains(&pair[1]));
    let at = at.expect("something is created") + 1;
    let name = words[at + 1];
    let taken = match words[at] {
        "TRIGGER" => format!("CREATE TRIGGER {name} AFTER DELETE ON blocker BEGIN SELECT 1; END"),
        _ => format!("CREATE INDEX {name} ON blocker (x)"),
    };
    fixture
        .sql(&format!("CREATE TABLE blocker (x INTEGER); INSERT INTO blocker VALUES (1); {taken}"));
}

#[test]
fn a_migration_that_fails_in_its_last_statement_leaves_nothing_and_is_named() {
    for (position, migration) in all().iter().enumerate() {
        let fixture = filled();
        let manager = without_backups(&fixture);
        manager.rollback(&RollbackTarget::Steps(all().len() - position)).expect("an older state");
        block_last_statement_of(&fixture, migration);
        let before = everything(&fixture);

        let error = manager.migrate().expect_err("the name is taken");
        let Error::Migration(MigrationFault::Failed { name, direction, source }) = &error else {
            panic!("{error}")
        };
        assert_eq!((name.as_str(), *direction), (migration.name(), "apply"));
        assert!(source.to_string().contains("already"), "{source}");
        if position > 0 {
            // That it was tried is recorded there.
            fixture.sql("DELETE FROM system_health WHERE component = 'migrations'");
        }
        assert_eq!(everything(&fixture), before, "{name} left something behind");
        assert_eq!(violations(&fixture), "0");

        fixture.sql("DROP TABLE blocker");
        manager.migrate().expect("nothing is in the way any more");
        assert_eq!(manager.status().expect("a status").table_count, 21);
    }
}

#[test]
fn migrations_before_the_one_that_fails_are_not_applied_either() {
    let fixture = Fixture::created();
    let manager = without_backups(&fixture);
    manager.rollback(&to("0")).expect("an empty schema");
    block_last_statement_of(&fixture, all().last().expect("a migration"));
    let before = everything(&fixture);
    manager.migrate().expect_err("the last one fails");
    assert_eq!(everything(&fixture), before);
}

#[test]
fn a_rollback_that_fails_leaves_everything_and_is_named() {
    let fixture = filled();
    // Its name is then not a table's.
    fixture.sql("DROP TABLE notifications; CREATE VIEW notifications AS SELECT 1");
    let before = everything(&fixture);
    let error = without_backups(&fixture).rollback(&to("0")).expect_err("it is a view");
    let Error::Migration(MigrationFault::Failed { name, direction, .. }) = &error else {
        panic!("{error}")
    };
    assert_eq!((name.as_str(), *direction), (all()[notifications()].name(), "revert"));
    // That it was tried is recorded there.
    fixture.sql("DELETE FROM system_health WHERE component = 'migrations'");
    assert_eq!(everything(&fixture), before);
}

#[test]
fn a_database_with_broken_references_is_not_migrated() {
    let fixture = filled();
    let manager = without_backups(&fixture);
    manager.rollback(&RollbackTarget::Steps(1)).expect("something to apply");
    // A server keeps every reference unless it is told not to: that is what can be seen there.
    fixture.sql(fixture.either(
        "UPDATE chat_sessions SET user_id = 4711",
        "ALTER TABLE chat_sessions DISABLE TRIGGER ALL",
    ));
    let before = everything(&fixture);
    let error = manager.migrate().expect_err("a broken reference");
    let Error::Migration(MigrationFault::BrokenReferences { count, first, .. }) = &error else {
        panic!("{error}")
    };
    let expected = fixture.either(
        (1, "chat_sessions row 100 has no users"),
        (2, "chat_sessions: chat_history_chat_session_id_fkey is not enforced (a trigger is disabled)"),
    );
    assert_eq!((*count, first.as_str()), expected);
    assert_eq!(everything(&fixture), before);
}

#[test]
fn a_migration_that_fails_is_an_error_and_never_a_report() {
    let fixture = Fixture::blank();
    fixture.sql("CREATE TABLE users (name TEXT)");
    let before = everything(&fixture);
    assert!(fixture.manager().migrate().is_err());
    assert!(fixture.manager().initialize(&administrator()).is_err());
    assert_eq!(everything(&fixture), before);
}

#[test]
fn migrators_at_once_apply_each_migration_once() {
    let fixture = Fixture::created();
    without_backups(&fixture).rollback(&to("0")).expect("an empty schema");
    let applied: Vec<usize> = std::thread::scope(|scope| {
        let migrate = || without_backups(&fixture).migrate().expect("its turn").steps.len();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(migrate)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(applied.iter().filter(|steps| **steps > 0).count(), 1, "{applied:?}");
    assert_eq!(applied.iter().sum::<usize>(), all().len());
    let mut connection = fixture.raw();
    let query = "SELECT count(*) FROM schema_version";
    assert_eq!(text(&mut connection, query), all().len().to_string());
}
