//! The two ledgers: Diesel's says what ran, `schema_version` says the same to people.

use crate::support::rows;
use std::fmt::Write as _;

use crate::support::embedded::{before, notifications};
use crate::support::{Fixture, administrator, failed};
use diesel::connection::SimpleConnection;
use sha2::{Digest, Sha256};
use zenith_db::manager::{HistoryFault, RollbackTarget};
use zenith_db::migrations::{EmbeddedMigration, all, latest};
use zenith_db::{Error, MigrationFault};

/// Both ledgers hold the same versions, each once, and `schema_version` names and sums them right.
fn ledgers_agree(fixture: &Fixture, applied: &[EmbeddedMigration]) {
    let mut connection = fixture.raw();
    let query = "SELECT version AS line FROM __diesel_schema_migrations ORDER BY version";
    let versions: Vec<String> = applied.iter().map(EmbeddedMigration::version).collect();
    assert_eq!(rows::lines(&mut connection, query), versions);
    let query = "SELECT version || ' ' || description || ' ' || checksum AS line
                 FROM schema_version ORDER BY version";
    let expected: Vec<String> = applied
        .iter()
        .map(|m| {
            let (words, checksum) =
                (m.description(), m.checksum(fixture.backend()).expect("scripts"));
            let program = env!("CARGO_PKG_VERSION");
            format!("{} {words}, by zenith-db {program} {checksum}", m.version())
        })
        .collect();
    assert_eq!(rows::lines(&mut connection, query), expected);
}

#[test]
fn initialising_three_times_leaves_one_row_for_each_version() {
    let fixture = Fixture::created();
    for _ in 0..2 {
        let _ = fixture.manager().initialize(&administrator()).expect("again");
    }
    ledgers_agree(&fixture, all());
}

#[test]
fn rolling_back_and_forth_leaves_one_row_for_each_version() {
    let fixture = Fixture::created();
    let manager = fixture.manager();
    for steps in 1..=all().len() {
        manager.rollback(&RollbackTarget::Steps(steps)).expect("back");
        manager.migrate().expect("forth");
        ledgers_agree(&fixture, all());
    }
    let _ = manager.recreate(&administrator()).expect("recreated");
    ledgers_agree(&fixture, all());
    assert!(manager.health_check().all_checks_passed);
}

#[test]
fn a_checksum_is_that_of_the_sql_with_line_ends_normalised() {
    let fixture = Fixture::created();
    let directory = fixture.either("sqlite", "postgres");
    for migration in all() {
        let path = crate::support::repository()
            .join(format!("migrations/{directory}/{}/up.sql", migration.name()));
        let sql = std::fs::read_to_string(&path).expect("a script").replace("\r\n", "\n");
        let mut sum = String::new();
        for byte in Sha256::digest(sql.as_bytes()) {
            write!(sum, "{byte:02x}").expect("a String takes it");
        }
        let query =
            format!("SELECT checksum FROM schema_version WHERE version = {}", migration.version());
        assert_eq!(fixture.text(&query), sum, "{}", migration.name());
    }
}

#[test]
fn a_checksum_that_differs_is_reported_by_the_health_check() {
    for change in ["checksum = replace(replace(checksum, '0', '1'), '2', '3')", "checksum = NULL"] {
        for migration in all() {
            let fixture = Fixture::created();
            let version = migration.version();
            fixture.sql(&format!("UPDATE schema_version SET {change} WHERE version = {version}"));
            let report = fixture.manager().health_check();
            assert_eq!(failed(&report), ["Schema Version"]);
            assert!(!report.healthy);
            let check = report.failures().next().expect("one");
            assert!(check.details.contains(migration.name()), "{}", check.details);
        }
    }
}

#[test]
fn ledgers_that_disagree_are_reported_by_the_health_check() {
    let newest = latest();
    for (change, fault) in [
        (format!("DELETE FROM schema_version WHERE version = {newest}"), "is not recorded"),
        ("INSERT INTO schema_version (version) VALUES (7)".into(), "version 7"),
    ] {
        let fixture = Fixture::created();
        fixture.sql(&change);
        let report = fixture.manager().health_check();
        assert_eq!(failed(&report), ["Schema Version"]);
        let check = report.failures().next().expect("one");
        assert!(check.details.contains(fault), "{}", check.details);
        fixture.manager().migrate().expect("mended");
        ledgers_agree(&fixture, all());
        assert!(fixture.manager().health_check().all_checks_passed);
    }
}

/// As `diesel migration run` does it.
fn apply_with_diesel(fixture: &Fixture, migrations: &[EmbeddedMigration]) {
    let mut connection = fixture.raw();
    connection
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (
                 version VARCHAR(50) PRIMARY KEY NOT NULL,
                 run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
             )",
        )
        .expect("Diesel's ledger");
    for migration in migrations {
        connection
            .batch_execute(migration.script(fixture.backend()).expect("scripts").up)
            .expect("up.sql");
        let version = migration.version();
        let record =
            format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')");
        connection.batch_execute(&record).expect("recorded");
    }
}

#[test]
fn what_the_diesel_cli_applied_is_recorded_by_migrate() {
    let fixture = Fixture::blank();
    apply_with_diesel(&fixture, all());
    assert_eq!(fixture.text("SELECT count(*) FROM schema_version"), "0");
    let report = fixture.manager().migrate().expect("nothing to apply");
    assert_eq!(report.steps, []);
    assert_eq!(report.version, Some(latest()));
    ledgers_agree(&fixture, all());
}

/// The Diesel CLI keeps no text: only the structure tells that it was another one.
#[test]
fn what_the_diesel_cli_applied_from_another_text_is_told_and_accepted_by_a_repair_only() {
    let fixture = Fixture::blank();
    apply_with_diesel(&fixture, all());
    let index = "idx_notifications";
    let index = fixture.text(&fixture.either(
        format!("SELECT min(name) FROM sqlite_schema WHERE name LIKE '{index}%'"),
        format!("SELECT min(relname) FROM pg_class WHERE relname LIKE '{index}%'"),
    ));
    fixture.sql(&format!("DROP INDEX {index}"));
    let manager = fixture.manager();
    let faults = manager.status().expect("a status").history_faults;
    assert_eq!(faults.len(), all().len());
    let another =
        |fault: &HistoryFault| matches!(fault, HistoryFault::Edited { recorded: None, .. });
    assert!(faults.iter().all(another), "{faults:?}");
    for error in [
        manager.migrate().expect_err("another text"),
        manager.plan_migration().expect_err("another text"),
    ] {
        let edited = matches!(error, Error::Migration(MigrationFault::EditedMigrations { .. }));
        assert!(edited, "{error}");
    }
    assert_eq!(fixture.text("SELECT count(*) FROM schema_version"), "0");
    let report = manager.repair().expect("accepted");
    assert_eq!(report.edited, faults);
    assert!(report.missing.iter().any(|line| line.contains(&index)), "{report:?}");
    ledgers_agree(&fixture, all());
    manager.migrate().expect("nothing to do");
}

#[test]
fn what_the_diesel_cli_began_is_finished_by_migrate_and_by_create() {
    for half in 1..all().len() {
        let fixture = Fixture::blank();
        apply_with_diesel(&fixture, &all()[..half]);
        let report = fixture.manager().migrate().expect("the rest");
        assert_eq!(report.steps.len(), all().len() - half);
        ledgers_agree(&fixture, all());
    }
    let fixture = Fixture::blank();
    apply_with_diesel(&fixture, &all()[..1]);
    let report = fixture.manager().initialize(&administrator()).expect("the rest");
    assert!(report.details.health.healthy);
    ledgers_agree(&fixture, all());
}

#[test]
fn what_the_diesel_cli_reverted_is_forgotten_by_migrate() {
    let fixture = Fixture::created();
    let (last, rest) = all().split_last().expect("a migration");
    fixture.sql(last.script(fixture.backend()).expect("scripts").down);
    let version = last.version();
    fixture.sql(&format!("DELETE FROM __diesel_schema_migrations WHERE version = '{version}'"));
    let current = rest.last().expect("another migration").version();
    fixture.manager().migrate_to(&current).expect("nothing to apply");
    ledgers_agree(&fixture, rest);
}

#[test]
fn a_failed_migration_is_in_neither_ledger_and_the_error_tells_of_it() {
    let fixture = Fixture::created();
    let manager = fixture.manager();
    // The one before it is applied first, and taken back with it.
    let failing = notifications();
    manager.rollback(&before(failing - 1)).expect("back");
    fixture.sql("CREATE TABLE notifications (x INTEGER)");
    let error = manager.migrate().expect_err("the table is there");
    let Error::Migration(MigrationFault::RolledBack { backup, source, .. }) = &error else {
        panic!("{error}")
    };
    assert!(error.to_string().contains(&backup.display().to_string()), "{error}");
    assert!(backup.is_file());
    assert!(source.to_string().contains(all()[failing].name()), "{source}");
    assert!(source.to_string().contains("nothing was changed"), "{source}");
    let cause = std::error::Error::source(source.as_ref()).expect("a cause");
    let said = fixture.either("notifications already exists", "\"notifications\" already exists");
    assert!(cause.to_string().contains(said), "{cause}");
    let count = fixture.text("SELECT count(*) FROM __diesel_schema_migrations");
    assert_eq!(count, (failing - 1).to_string());

    fixture.sql("DROP TABLE notifications");
    manager.migrate().expect("applied");
    ledgers_agree(&fixture, all());
}
