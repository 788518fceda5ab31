//! Backups: whole, private, never overwritten, and known to the database that they are of.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{SqliteFixture, administrator, backups_in, text};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::config::{Key, Loader};
use zenith_db::manager::{DatabaseManager, Fidelity};
use zenith_db::{Config, Database, Error};

fn config(path: &Path, backup_dir: &Path) -> Config {
    Loader::new()
        .flag(Key::Path, "path", path.to_str().expect("UTF-8"))
        .flag(Key::BackupDir, "test", backup_dir.to_str().expect("UTF-8"))
        .load()
        .expect("a valid configuration")
}

/// A manager of a finished database at this path.
fn created(path: &Path, backup_dir: &Path) -> DatabaseManager {
    let manager = DatabaseManager::new(config(path, backup_dir));
    let _ = manager.initialize(&administrator()).expect("a database");
    manager
}

/// Opens a backup where its name means nothing to SQLite, as a plain database.
fn open_copy(backup: &Path, scratch: &Path) -> SqliteConnection {
    let copy = scratch.join("copy.db");
    fs::copy(backup, &copy).expect("a copy");
    SqliteConnection::establish(copy.to_str().expect("UTF-8")).expect("a database")
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// Keeps committing until the work is done. Each transaction writes a pair of rows.
fn while_another_commits<T>(database: &Database, work: impl FnOnce(&AtomicI64) -> T) -> T {
    struct StopOnDrop<'a>(&'a AtomicBool);
    impl Drop for StopOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (stop, committed) = (AtomicBool::new(false), AtomicI64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let number = committed.load(Ordering::SeqCst) + 1;
                database
                    .write(|conn| {
                        Ok(conn.batch_execute(&format!(
                            "INSERT INTO system_metrics (metric_name, metric_value, metric_type)
                             VALUES ('left', {number}, 'counter');
                             INSERT INTO system_metrics (metric_name, metric_value, metric_type)
                             VALUES ('right', {number}, 'counter')"
                        ))?)
                    })
                    .expect("a commit");
                committed.store(number, Ordering::SeqCst);
                // Sometimes a backup falls between two commits, sometimes not.
                thread::sleep(Duration::from_millis(number.unsigned_abs() % 12));
            }
        });
        let _stop = StopOnDrop(&stop);
        work(&committed)
    })
}

fn wait_for(committed: &AtomicI64, number: i64) {
    let begun = Instant::now();
    while committed.load(Ordering::SeqCst) < number {
        assert!(begun.elapsed() < Duration::from_secs(20), "the writer does not commit");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_backup_taken_while_another_commits_is_whole_and_has_every_row_committed_before() {
    let fixture = SqliteFixture::created();
    let database = Database::open(&fixture.config()).expect("a database");
    while_another_commits(&database, |committed| {
        for _ in 0..25 {
            let before = committed.load(Ordering::SeqCst);
            wait_for(committed, before + 1);
            let before = committed.load(Ordering::SeqCst);
            let report = fixture.manager().backup().expect("a backup");

            let scratch = scratch();
            let mut copy = open_copy(&report.path, scratch.path());
            assert_eq!(text(&mut copy, "SELECT integrity_check FROM pragma_integrity_check"), "ok");
            let last = |name: &str| {
                format!(
                    "SELECT max(metric_value) || ' of ' || count(*) FROM system_metrics
                     WHERE metric_name = '{name}'"
                )
            };
            let (left, right) = (text(&mut copy, &last("left")), text(&mut copy, &last("right")));
            assert_eq!(left, right, "half a transaction was copied");
            let rows: i64 = left.split(" of ").nth(1).expect("a count").parse().expect("a number");
            assert!(rows >= before, "{rows} pairs were copied, {before} had been committed");
        }
    });
}

#[test]
fn a_backup_has_the_rows_that_are_only_in_the_wal() {
    let fixture = SqliteFixture::created();
    let mut other = fixture.raw();
    other
        .batch_execute(
            "PRAGMA wal_autocheckpoint = 0;
             INSERT INTO system_metrics (metric_name, metric_value, metric_type)
             VALUES ('m', 1, 'gauge')",
        )
        .expect("a commit");
    let report = fixture.manager().backup().expect("a backup");
    let scratch = scratch();
    let mut copy = open_copy(&report.path, scratch.path());
    assert_eq!(text(&mut copy, "SELECT count(*) FROM system_metrics"), "1");
    drop(other);
}

#[test]
fn a_backup_has_every_row_of_every_table_whatever_its_directory_is_called() {
    for name in
        ["it's", "two words", "50%20off", "a#b?c=d&cache=shared", "größe \u{1f4be}", "\"q\""]
    {
        let directory = scratch();
        let directory = directory.path().join(name);
        let path = directory.join("zenith's 100%.db");
        let manager = created(&path, &directory.join(format!("{name} backups")));
        let before = manager.status().expect("a status");
        let report = manager.backup().expect("a backup");
        assert_eq!(report.fidelity, Fidelity::ExactRowCounts);

        let copied = DatabaseManager::new(config(&report.path, &directory.join("other")));
        let status = copied.status().expect("the backup is a database");
        assert_eq!(status.record_counts, before.record_counts);
        assert_eq!(status.applied_migrations, before.applied_migrations);
        let rows: i64 = before.record_counts.values().sum();
        let ledger = i64::try_from(before.applied_migrations.len()).expect("a few");
        assert_eq!(report.rows, rows + ledger);
        let health = copied.health_check();
        assert!(health.healthy, "{health:#?}");
        let mut copy = open_copy(&report.path, &directory);
        assert_eq!(text(&mut copy, "SELECT integrity_check FROM pragma_integrity_check"), "ok");
    }
}

#[test]
fn a_backup_leaves_no_other_file_behind() {
    let fixture = SqliteFixture::created();
    let before = fixture.files();
    let report = fixture.manager().backup().expect("a backup");
    let name = report.path.file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(backups_in(&fixture.directory.path().join("backups")), [name]);
    assert_eq!(fixture.files(), before);
}

#[test]
fn backups_are_recorded_with_their_size_and_their_check() {
    let fixture = SqliteFixture::created();
    let report = fixture.manager().backup().expect("a backup");
    assert_eq!(report.size_bytes, fs::metadata(&report.path).expect("a file").len());
    assert!(report.completed_at >= report.started_at);
    let recorded = fixture.text(
        "SELECT status || ' ' || verification_status || ' ' || backup_size || ' ' || backup_type
             || ' ' || triggered_by || ' ' || backup_path FROM backup_jobs",
    );
    let (size, path) = (report.size_bytes, report.path.display());
    assert_eq!(recorded, format!("completed verified {size} full backup {path}"));
    let last = fixture.manager().last_backup().expect("a record").expect("one");
    assert_eq!(last.job_id, report.job_id);
}

#[test]
fn two_backups_in_a_row_are_two_files() {
    let fixture = SqliteFixture::created();
    let first = fixture.manager().backup().expect("a backup");
    let content = fs::read(&first.path).expect("the first");
    let second = fixture.manager().backup().expect("a backup");
    assert_ne!(first.path, second.path);
    assert_eq!(fs::read(&first.path).expect("the first"), content);
    let last = fixture.manager().last_backup().expect("a record").expect("one");
    assert_eq!(last.job_id, second.job_id);
}

#[test]
fn backups_taken_at_once_do_not_meet() {
    let fixture = SqliteFixture::created();
    let reports: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| fixture.manager().backup())).collect();
        threads.into_iter().map(|t| t.join().expect("a thread").expect("a backup")).collect()
    });
    let names: BTreeSet<_> = reports.iter().map(|report| &report.path).collect();
    assert_eq!(names.len(), 8);
    assert_eq!(backups_in(&fixture.directory.path().join("backups")).len(), 8);
    let recorded = "SELECT count(DISTINCT backup_path) FROM backup_jobs WHERE status = 'completed'
                        AND verification_status = 'verified'";
    assert_eq!(fixture.text(recorded), "8");
}

#[test]
fn the_last_backup_is_of_this_database_and_not_of_its_neighbour() {
    let directory = scratch();
    let backups = directory.path().join("backups");
    // The names of their backups begin alike.
    let one = created(&directory.path().join("one").join("zenith.db"), &backups);
    let two = created(&directory.path().join("two").join("zenith.db"), &backups);
    let report = one.backup().expect("a backup");
    assert!(two.status().expect("a status").last_backup.is_none());
    assert!(two.last_backup().expect("a record").is_none());

    let last = one.status().expect("a status").last_backup.expect("one");
    assert_eq!(last.path, report.path);
    assert_eq!(last.created, report.started_at);
    assert!(last.exists);
    fs::remove_file(&report.path).expect("the backup");
    assert!(!one.status().expect("a status").last_backup.expect("one").exists);
}

#[test]
fn a_backup_that_cannot_be_written_is_recorded_as_failed_and_changes_nothing_else() {
    let fixture = SqliteFixture::created();
    let in_the_way = fixture.directory.path().join("in the way");
    fs::write(&in_the_way, "kept").expect("a file");
    let manager = DatabaseManager::new(config(&fixture.path(), &in_the_way));
    let before = manager.status().expect("a status");
    let files = fixture.files();

    let error = manager.backup().expect_err("a file is not a directory");
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("in the way"), "{error}");
    assert!(error.source().is_some(), "the system's reason is kept");

    assert_eq!(fs::read(&in_the_way).expect("the file"), b"kept");
    assert_eq!(fixture.files(), files);
    let recorded = fixture.text(
        "SELECT status || ' ' || coalesce(backup_path, 'nowhere') || ' ' || error_message
         FROM backup_jobs",
    );
    assert!(recorded.starts_with("failed nowhere "), "{recorded}");
    assert!(recorded.contains("in the way"), "{recorded}");
    assert!(manager.last_backup().expect("a record").is_none(), "a failed one does not count");
    let mut after = manager.status().expect("a status").record_counts;
    assert_eq!(after.insert("backup_jobs".into(), 0), Some(1));
    assert_eq!(after, before.record_counts);
    assert!(manager.health_check().healthy);
}

#[test]
fn migrating_does_not_begin_without_the_backup_that_it_should_take() {
    let fixture = SqliteFixture::created();
    let in_the_way = fixture.directory.path().join("in the way");
    fs::write(&in_the_way, "").expect("a file");
    let manager = DatabaseManager::new(config(&fixture.path(), &in_the_way));
    let before = manager.status().expect("a status").applied_migrations;
    let target = zenith_db::manager::RollbackTarget::Steps(1);
    let error = manager.rollback(&target).expect_err("no backup, no rollback");
    assert!(error.to_string().contains("in the way"), "{error}");
    assert_eq!(manager.status().expect("a status").applied_migrations, before);
}

#[test]
fn backing_up_a_missing_database_creates_nothing() {
    let fixture = SqliteFixture::empty();
    let error = fixture.manager().backup().expect_err("there is none");
    assert!(matches!(error, Error::NoDatabase { .. }), "{error:?}");
    assert_eq!(fixture.files(), Vec::<String>::new());
}

#[test]
fn a_damaged_database_is_not_backed_up_as_if_it_were_whole() {
    let fixture = SqliteFixture::created();
    fixture.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
         INSERT INTO system_metrics (metric_name, metric_value, metric_type, metadata)
         SELECT 'm', i, 'gauge', json_object('text', hex(zeroblob(5000))) FROM n",
    );
    let page: usize = fixture
        .text("SELECT max(pageno) FROM dbstat WHERE name = 'system_metrics' AND pagetype = 'leaf'")
        .parse()
        .expect("a page");
    let mut content = fs::read(fixture.path()).expect("the database");
    content[(page - 1) * 4096..][..64].fill(0xAB);
    fs::write(fixture.path(), content).expect("the database");

    let error = fixture.manager().backup().expect_err("it cannot be copied whole");
    assert!(matches!(error, Error::Damaged(_) | Error::IntegrityFaults { .. }), "{error:?}");
    assert_eq!(backups_in(&fixture.directory.path().join("backups")), Vec::<String>::new());
    // A record could overwrite rows: nothing more is written to a damaged file.
    assert_eq!(fixture.text("SELECT count(*) FROM backup_jobs"), "0");
}
