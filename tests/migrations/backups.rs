//! What runs against a database's structure takes a backup first.

use crate::support::rows;
use std::path::Path;

use crate::support::embedded::{before, notifications};
use crate::support::{Fixture, administrator, backups_in, files_in};
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RollbackTarget};

fn manager(fixture: &Fixture, auto_backup: bool) -> DatabaseManager {
    let backups = fixture.directory.path().join("elsewhere").display().to_string();
    DatabaseManager::new(
        fixture.config_with(&[
            (Key::BackupDir, &backups),
            (Key::AutoBackup, &auto_backup.to_string()),
        ]),
    )
}

fn backups(fixture: &Fixture) -> Vec<String> {
    let directory = fixture.directory.path().join("elsewhere");
    if directory.exists() { backups_in(&directory) } else { Vec::new() }
}

const LAST: &RollbackTarget = &RollbackTarget::Steps(1);

fn rows_of(fixture: &Fixture) -> std::collections::BTreeMap<String, Vec<String>> {
    rows::contents(&mut fixture.raw())
}

#[test]
fn a_rollback_and_a_migration_take_a_backup_first_into_the_configured_directory() {
    let fixture = Fixture::created();
    rows::fill(&mut fixture.raw());
    let manager = manager(&fixture, true);

    let before = rows_of(&fixture);
    let report = manager.rollback(LAST).expect("rolled back").backup.expect("a backup");
    assert_eq!(backups(&fixture).len(), 1);
    assert_eq!(rows_of(&fixture.restored(&report.path)), before);

    let before = rows_of(&fixture);
    let report = manager.migrate().expect("migrated").backup.expect("a backup");
    assert_eq!(backups(&fixture).len(), 2);
    assert_eq!(rows_of(&fixture.restored(&report.path)), before);
    let usual = fixture.backups();
    assert!(!usual.exists() || files_in(&usual).is_empty());
}

#[test]
fn a_backup_before_a_migration_that_fails_is_kept() {
    let fixture = Fixture::created();
    let manager = manager(&fixture, true);
    manager.rollback(&before(notifications())).expect("rolled back");
    fixture.sql("CREATE TABLE notifications (x INTEGER)");
    let before = rows_of(&fixture);
    manager.migrate().expect_err("the table is there");
    let kept = backups(&fixture);
    assert_eq!(kept.len(), 2);
    let newest = fixture.directory.path().join("elsewhere").join(kept.last().expect("one"));
    assert_eq!(rows_of(&fixture.restored(&newest)), before);
}

#[test]
fn no_backup_is_taken_when_it_is_switched_off() {
    let fixture = Fixture::created();
    let manager = manager(&fixture, false);
    assert_eq!(manager.rollback(LAST).expect("rolled back").backup, None);
    assert_eq!(manager.migrate().expect("migrated").backup, None);
    let report = manager.recreate(&administrator()).expect("recreated");
    assert_eq!(report.details.backup, None);
    assert_eq!(backups(&fixture), Vec::<String>::new());
}

#[test]
fn no_backup_is_taken_when_there_is_nothing_to_do_or_nothing_to_save() {
    let fixture = Fixture::empty();
    let manager = manager(&fixture, true);
    let report = manager.initialize(&administrator()).expect("created");
    assert_eq!(report.details.backup, None);
    assert_eq!(manager.migrate().expect("nothing").backup, None);
    let report = manager.initialize(&administrator()).expect("nothing");
    assert_eq!(report.details.backup, None);
    manager.rollback(&RollbackTarget::Version("7".into())).expect_err("no such version");
    assert_eq!(backups(&fixture), Vec::<String>::new());
}

#[test]
fn backups_within_one_second_have_names_of_their_own_and_are_all_kept() {
    let fixture = Fixture::created();
    let manager = manager(&fixture, true);
    let mut paths: Vec<_> = std::thread::scope(|scope| {
        let take = || manager.backup().expect("a backup").path;
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 4);
    assert_eq!(backups(&fixture).len(), 4);
    assert_eq!(fixture.text("SELECT count(DISTINCT backup_path) FROM backup_jobs"), "4");
}

#[test]
fn each_backup_is_recorded_once_where_there_is_a_table_for_it() {
    let fixture = Fixture::created();
    let manager = manager(&fixture, true);
    let jobs = || fixture.text("SELECT string_agg(triggered_by, ',' ORDER BY id) FROM backup_jobs");
    manager.backup().expect("a backup");
    assert_eq!(jobs(), "backup");
    manager.rollback(LAST).expect("rolled back");
    manager.migrate().expect("migrated");
    assert_eq!(jobs(), "backup,rollback,migrate");
    // The table goes with this rollback; the backup before the migration is recorded once it is back.
    manager.rollback(&RollbackTarget::Version("0".into())).expect("rolled back");
    fixture.sql("CREATE TABLE something (x INTEGER)");
    manager.migrate().expect("migrated");
    assert_eq!(jobs(), "migrate");
    let path = fixture.text("SELECT backup_path FROM backup_jobs");
    assert!(Path::new(&path).is_file(), "{path}");
}
