//! `DatabaseManager::restore`: the backup is in place, and the existing database is kept.

use std::fs;

use zenith_db::manager::{DatabaseManager, RestoreOptions, RestoreReport, RollbackTarget};
use zenith_db::{BackupFault, Database, Error, Result};

use super::{IS_LATER, backed_up, filled};
use crate::support::legacy::{Shape, former};
use crate::support::{SqliteFixture, backups_in, files_in, rows};

fn restore(manager: &DatabaseManager, path: &std::path::Path) -> Result<RestoreReport> {
    manager.restore(path, &RestoreOptions::default(), &mut |_| ())
}

/// A backup and later rows, on SQLite.
fn prepared() -> (crate::support::Fixture, std::path::PathBuf) {
    let fixture = filled(SqliteFixture::created().fixture());
    let backup = backed_up(&fixture);
    (fixture, backup)
}

#[test]
fn every_row_of_the_backup_is_back_and_the_existing_database_becomes_a_backup() {
    let (fixture, backup) = prepared();
    let before = rows::contents(&mut fixture.raw());
    let report = restore(&fixture.manager(), &backup).expect("a restore");
    assert!(report.health.healthy, "{:?}", report.health);
    assert_eq!(report.migrations, Vec::<String>::new());
    assert_eq!(fixture.text(IS_LATER), "0");
    let kept = report.kept.expect("the existing database");
    assert!(kept.backup.is_some());
    // Which restores what was there.
    let back = restore(&fixture.manager(), &kept.path).expect("a restore");
    assert_eq!(back.backup.rows(), kept.backup.expect("a report").rows);
    assert_eq!(fixture.text(IS_LATER), "1");
    let mut after = rows::contents(&mut fixture.raw());
    let (mut before, table) = (before, "backup_jobs");
    assert_ne!(before.remove(table), after.remove(table), "the restores are recorded there");
    assert_eq!(after, before);
}

#[test]
fn a_database_that_is_gone_is_created_from_the_backup() {
    let (fixture, backup) = prepared();
    let path = fixture.config().location().path().expect("a file").as_path().to_owned();
    fs::remove_file(&path).expect("the database");
    let report = restore(&fixture.manager(), &backup).expect("a restore");
    assert!(report.kept.is_none() && report.health.healthy);
    assert_eq!(fixture.text(IS_LATER), "0");
}

#[test]
fn an_older_backup_is_migrated_unless_that_is_not_wanted() {
    let fixture = SqliteFixture::created();
    let manager = fixture.manager();
    manager.rollback(&RollbackTarget::Steps(2)).expect("an older schema");
    let backup = manager.backup().expect("a backup").path;
    manager.migrate().expect("a migration");
    let report = restore(&manager, &backup).expect("a restore");
    assert_eq!(report.migrations.len(), 2);
    assert_eq!(manager.status().expect("a status").pending_migrations, Vec::<String>::new());
    let as_it_was = RestoreOptions { migrate: false, ..RestoreOptions::default() };
    let report = manager.restore(&backup, &as_it_was, &mut |_| ()).expect("a restore");
    assert_eq!(report.migrations, Vec::<String>::new());
    assert_eq!(manager.status().expect("a status").pending_migrations.len(), 2);
}

#[test]
fn a_newer_backup_is_refused() {
    let (fixture, _) = prepared();
    fixture.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    let backup = fixture.manager().backup().expect("a backup").path;
    fixture.sql("DELETE FROM __diesel_schema_migrations WHERE version = '29990101000000'");
    let before = fixture.everything();
    let error = restore(&fixture.manager(), &backup).expect_err("a newer schema");
    assert!(matches!(error, Error::Backup(BackupFault::Newer { .. })), "{error:?}");
    assert!(fixture.everything() == before);
}

#[test]
fn what_is_no_backup_of_this_program_is_refused_and_nothing_is_changed() {
    let (fixture, backup) = prepared();
    let former = former(Shape::Plain);
    let path = fixture.config().location().path().expect("a file").as_path().to_owned();
    let text = fixture.directory.path().join("text.db");
    fs::write(&text, "no database").expect("a file");
    let before = fixture.everything();
    let error = restore(&fixture.manager(), &former.path()).expect_err("the former application's");
    assert!(matches!(error, Error::Backup(BackupFault::Former { .. })), "{error:?}");
    let error = restore(&fixture.manager(), &path).expect_err("the database itself");
    assert!(error.to_string().contains("the database itself"), "{error}");
    let error = restore(&fixture.manager(), &text).expect_err("a text");
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    let mut bytes = fs::read(&backup).expect("the backup");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = fixture.backups().join("damaged.db");
    fs::write(&damaged, bytes).expect("a file");
    fs::copy(format!("{}.json", backup.display()), fixture.backups().join("damaged.db.json"))
        .expect("a manifest");
    let error = restore(&fixture.manager(), &damaged).expect_err("damage");
    assert!(matches!(error, Error::Backup(BackupFault::Damaged { .. })), "{error:?}");
    fs::remove_file(&damaged).expect("the file");
    fs::remove_file(fixture.backups().join("damaged.db.json")).expect("the manifest");
    assert!(fixture.everything() == before);
}

#[test]
fn while_the_database_is_open_nothing_is_restored() {
    let (fixture, backup) = prepared();
    let database: Database = fixture.database();
    database.read(|_| Ok(())).expect("a connection");
    let backups = backups_in(&fixture.backups());
    let error = restore(&fixture.manager(), &backup).expect_err("in use");
    assert!(matches!(error, Error::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains("stop the application first"), "{error}");
    drop(database);
    assert_eq!(fixture.text(IS_LATER), "1");
    assert_eq!(backups_in(&fixture.backups()), backups);
    assert!(!files_in(fixture.directory.path()).iter().any(|name| name.contains("restoring")));
    restore(&fixture.manager(), &backup).expect("a restore");
}

#[test]
fn a_database_of_another_program_is_never_replaced() {
    let (fixture, backup) = prepared();
    let other = SqliteFixture::empty();
    let connection = rusqlite::Connection::open(other.path()).expect("a database");
    connection
        .execute_batch("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)")
        .expect("rows");
    drop(connection);
    let before = fs::read(other.path()).expect("the database");
    let error = restore(&other.manager(), &backup).expect_err("another program's");
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert_eq!(fs::read(other.path()).expect("the database"), before);
    assert!(fixture.manager().health_check().healthy);
}
