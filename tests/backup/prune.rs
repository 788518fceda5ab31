//! `DatabaseManager::prune_backups`: what a rule keeps stays, and always one that can be restored.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, PruneReport, RetentionPolicy, RollbackTarget};
use zenith_db::{BackupFault, Config, Error};

use crate::support::own_migrations::{migration, migrations};
use crate::support::{Fixture, SqliteFixture, backups_in, files_in};

fn count(count: usize) -> Option<NonZeroUsize> {
    NonZeroUsize::new(count)
}

/// Copies a backup and its manifest under the name of another time.
fn aged(backup: &Path, time: DateTime<Utc>) -> PathBuf {
    let name = backup.file_name().expect("a name").to_str().expect("UTF-8");
    let (stem, rest) = name.split_at(name.rfind('-').expect("a time"));
    let extension = rest.rsplit_once('.').expect("an extension").1;
    let name = format!("{stem}-{}.{extension}", time.format("%Y%m%dT%H%M%S%.6fZ"));
    let path = backup.with_file_name(name);
    fs::copy(backup, &path).expect("a copy");
    let manifest = |path: &Path| PathBuf::from(format!("{}.json", path.display()));
    fs::copy(manifest(backup), manifest(&path)).expect("a copy");
    path
}

/// A database with a backup of each of the last days, the newest first.
fn daily(fixture: &Fixture, days: i64) -> Vec<PathBuf> {
    let newest = fixture.manager().backup().expect("a backup").path;
    let older = (1..days).map(|day| aged(&newest, Utc::now() - TimeDelta::days(day)));
    let older: Vec<_> = older.collect();
    [newest].into_iter().chain(older).collect()
}

fn kept(report: &PruneReport) -> Vec<PathBuf> {
    report.kept.iter().map(|kept| kept.path.clone()).collect()
}

#[test]
fn the_newest_are_kept_and_the_others_go_with_their_manifests() {
    let fixture = Fixture::created();
    let backups = daily(&fixture, 5);
    let manager = fixture.manager();
    let policy = RetentionPolicy { keep_last: count(2), ..RetentionPolicy::default() };
    let plan = manager.prune_backups(&policy, true).expect("a plan");
    assert!(plan.dry_run);
    assert_eq!(backups_in(&fixture.backups()).len(), 5);
    let report = manager.prune_backups(&policy, false).expect("a report");
    assert_eq!((kept(&plan), &plan.removed), (kept(&report), &report.removed));
    assert_eq!(kept(&report), backups[..2]);
    assert_eq!(report.removed, backups[2..]);
    assert_eq!(files_in(&fixture.backups()).len(), 4, "two backups, each with its manifest");
    assert!(report.removed_bytes > 0);
}

#[test]
fn days_and_weeks_keep_the_newest_of_each() {
    let fixture = SqliteFixture::created();
    let backups = daily(&fixture, 30);
    let second = aged(&backups[0], Utc::now() - TimeDelta::minutes(1));
    let manager = fixture.manager();
    let policy = RetentionPolicy { keep_daily: count(3), ..RetentionPolicy::default() };
    let report = manager.prune_backups(&policy, true).expect("a plan");
    let days: Vec<_> = kept(&report);
    // The second of today, unless midnight has just passed, is not the newest of its day.
    assert_eq!(days.len(), 3);
    assert_eq!(days[0], backups[0]);
    assert!(!days.contains(&second) || days[1] == second, "{days:?}");
    let policy = RetentionPolicy { keep_weekly: count(3), ..RetentionPolicy::default() };
    assert_eq!(kept(&manager.prune_backups(&policy, true).expect("a plan")).len(), 3);
    let both = RetentionPolicy { keep_daily: count(3), keep_weekly: count(4), ..policy };
    let report = manager.prune_backups(&both, true).expect("a plan");
    assert!((4..=7).contains(&report.kept.len()), "{report:?}");
}

#[test]
fn the_maximum_age_removes_what_other_rules_keep() {
    let fixture = SqliteFixture::created();
    let backups = daily(&fixture, 6);
    let two_and_a_half = Some(Duration::from_secs(60 * 3600));
    let alone = RetentionPolicy { max_age: two_and_a_half, ..RetentionPolicy::default() };
    let manager = fixture.manager();
    assert_eq!(kept(&manager.prune_backups(&alone, true).expect("a plan")), backups[..3]);
    let with = RetentionPolicy { keep_last: count(5), ..alone };
    assert_eq!(kept(&manager.prune_backups(&with, true).expect("a plan")), backups[..3]);
}

#[test]
fn the_newest_that_can_be_restored_stays_whatever_the_rules_say() {
    let fixture = Fixture::created();
    let backups = daily(&fixture, 4);
    // The two newest are damaged.
    for path in &backups[..2] {
        fs::write(path, "damaged").expect("a change");
    }
    let policy = RetentionPolicy { keep_last: count(1), ..RetentionPolicy::default() };
    let report = fixture.manager().prune_backups(&policy, false).expect("a report");
    assert_eq!(kept(&report), [backups[0].clone(), backups[2].clone()]);
    assert!(report.kept[1].reason.contains("verification"), "{report:?}");
    let ages = RetentionPolicy { max_age: Some(Duration::ZERO), ..RetentionPolicy::default() };
    let report = fixture.manager().prune_backups(&ages, false).expect("a report");
    assert_eq!(kept(&report), [backups[2].clone()]);
}

#[test]
fn a_backup_that_a_failed_migration_names_stays() {
    // Its name is quoted in the error.
    let fixture = SqliteFixture::created();
    let path = fixture.path().with_file_name("it's new.db");
    fs::copy(fixture.path(), &path).expect("a copy");
    let manager = DatabaseManager::new(Config::for_path(&path).expect("a configuration"));
    let own = migration("SELECT nothing", "SELECT 1");
    let failing = DatabaseManager::with(manager.config().clone(), migrations(&[], &[own]));
    let error = failing.migrate().expect_err("a failure").to_string();
    assert!(error.contains("`zenith-db restore '"), "{error}");
    let named = backups_in(&fixture.backups());
    for _ in 0..3 {
        manager.backup().expect("a backup");
    }
    let policy = RetentionPolicy { keep_last: count(1), ..RetentionPolicy::default() };
    let report = manager.prune_backups(&policy, false).expect("a report");
    for name in named {
        assert!(fixture.backups().join(&name).exists(), "{name}: {report:?}");
    }
}

#[test]
fn without_a_rule_nothing_is_removed_and_files_of_others_never_are() {
    let fixture = SqliteFixture::created();
    daily(&fixture, 3);
    let former = fixture.backups().join("zenith_backup_20250908_120000.db");
    let other = fixture.backups().join("notes.txt");
    for path in [&former, &other] {
        fs::write(path, "").expect("a file");
    }
    let manager = fixture.manager();
    let error = manager.prune_backups(&RetentionPolicy::default(), false).expect_err("no rule");
    assert!(matches!(error, Error::Backup(BackupFault::NoRule)), "{error}");
    let policy = RetentionPolicy { max_age: Some(Duration::ZERO), ..RetentionPolicy::default() };
    let report = manager.prune_backups(&policy, false).expect("a report");
    assert_eq!((report.removed.len(), report.kept.len()), (2, 1));
    assert!(former.exists() && other.exists());
}

#[test]
fn automatic_backups_are_limited_and_those_taken_by_hand_do_not_count() {
    let fixture = Fixture::created();
    let manager = DatabaseManager::new(fixture.config_with(&[(Key::BackupKeep, "2")]));
    let by_hand = manager.backup().expect("a backup").path;
    for _ in 0..3 {
        manager.rollback(&RollbackTarget::Steps(1)).expect("a rollback");
        manager.migrate().expect("a migration");
    }
    let names = backups_in(&fixture.backups());
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(by_hand.exists());
    let all = DatabaseManager::new(fixture.config_with(&[(Key::BackupKeep, "0")]));
    all.redo().expect("a redo");
    assert_eq!(backups_in(&fixture.backups()).len(), 4);
}

/// With the same stem and a shared directory, and older than every user of this database.
#[test]
fn backups_of_a_neighbour_are_never_removed() {
    let fixture = SqliteFixture::created();
    let shared = fixture.directory.path().join("shared");
    let in_shared = [(Key::BackupDir, shared.to_str().expect("UTF-8"))];
    let manager = DatabaseManager::new(fixture.config_with(&in_shared));
    let neighbour = SqliteFixture::created();
    let neighbour = DatabaseManager::new(neighbour.config_with(&in_shared));
    let theirs = neighbour.backup().expect("a backup").path;
    let theirs = aged(&theirs, Utc::now() - TimeDelta::days(400));
    for _ in 0..2 {
        manager.backup().expect("a backup");
    }
    let policy = RetentionPolicy { keep_last: count(1), ..RetentionPolicy::default() };
    let report = manager.prune_backups(&policy, false).expect("a report");
    assert_eq!((report.removed.len(), theirs.exists()), (1, true));
    // Without the database, nothing says whose they are.
    manager.backup().expect("a backup");
    fs::write(fixture.path(), "damaged").expect("a file");
    let before = files_in(&shared);
    manager.prune_backups(&policy, false).expect_err("no database");
    assert_eq!(files_in(&shared), before);
}
