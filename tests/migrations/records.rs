//! Going back keeps what tells of the database itself: the history of what is still applied, the
//! records of its backups and of its health.

use std::collections::BTreeMap;

use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RollbackTarget};
use zenith_db::migrations::all;

use crate::support::embedded::{before, notifications};
use crate::support::{Fixture, rows};

const KEPT: [&str; 2] = ["backup_jobs", "system_health"];

/// One step, and every step but the first.
fn ways_back() -> [(RollbackTarget, usize); 2] {
    let count = all().len();
    [(RollbackTarget::Steps(1), count - 1), (RollbackTarget::Steps(count - 1), 1)]
}

fn manager(fixture: &Fixture, auto_backup: bool) -> DatabaseManager {
    let auto_backup = auto_backup.to_string();
    DatabaseManager::new(fixture.config_with(&[(Key::AutoBackup, &auto_backup)]))
}

fn contents(fixture: &Fixture) -> BTreeMap<String, Vec<String>> {
    rows::contents(&mut fixture.raw())
}

/// The rows of the history up to the migration that is still applied, all of them as they were.
fn history(fixture: &Fixture, version: &str) -> String {
    fixture.text(&format!(
        "SELECT string_agg(concat_ws('|', id, version, applied_at, description, checksum), ',' ORDER BY id)
         FROM schema_version WHERE version <= {version}"
    ))
}

#[test]
fn a_rollback_keeps_the_history_of_what_stays_and_every_record() {
    for (target, applied) in ways_back() {
        let fixture = Fixture::created();
        rows::fill(&mut fixture.raw());
        let manager = manager(&fixture, false);
        let taken = manager.backup().expect("a backup");
        let current = all()[applied - 1].version();
        let (before, recorded) = (contents(&fixture), history(&fixture, &current));
        assert!(KEPT.iter().all(|table| !before[*table].is_empty()));

        let report = manager.rollback(&target).expect("rolled back");
        assert_eq!(report.version, Some(current.clone()));
        let after = contents(&fixture);
        for table in KEPT {
            assert_eq!(after[table], before[table], "{table} after {target:?}");
        }
        assert_eq!(history(&fixture, &current), recorded, "after {target:?}");
        assert_eq!(after["schema_version"].len(), applied, "after {target:?}");

        let status = manager.status().expect("a status");
        assert_eq!(status.history_faults, []);
        assert_eq!(status.applied_migrations.len(), applied);
        let last = status.last_backup.expect("a backup");
        assert_eq!((last.path, last.exists), (taken.path, true), "after {target:?}");
    }
}

#[test]
fn the_backup_before_a_rollback_is_recorded_and_shown() {
    for (target, _) in ways_back() {
        let fixture = Fixture::created();
        let manager = manager(&fixture, true);
        let taken = manager.rollback(&target).expect("rolled back").backup.expect("a backup");
        let last = manager.status().expect("a status").last_backup.expect("a backup");
        assert_eq!((last.path, last.exists), (taken.path, true), "after {target:?}");
    }
}

#[test]
fn a_run_that_fails_after_going_back_is_recorded_and_shown() {
    for target in [before(notifications()), before(1)] {
        let fixture = Fixture::created();
        let manager = manager(&fixture, false);
        manager.rollback(&target).expect("rolled back");
        fixture.sql("CREATE TABLE notifications (x INTEGER)");
        manager.migrate().expect_err("the table is there");
        let failed = manager.status().expect("a status").failed_migration.expect("a record");
        assert!(failed.error.contains("create_notifications"), "{}", failed.error);
    }
}
