//! A copy put in the place of a database whose log or journal remained.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;

use super::side_files::assert_refused;
use crate::support::SqliteFixture;

const REASON: &str = "does not belong to the database beside it";

/// Copies the database and its log, as they are while others use it: what a killed process leaves.
fn stopped(source: &SqliteFixture, suffixes: &[&str]) -> SqliteFixture {
    let copy = SqliteFixture::empty();
    for suffix in suffixes {
        let from = source.path().with_file_name(format!("zenith.db{suffix}"));
        fs::copy(from, copy.path().with_file_name(format!("zenith.db{suffix}"))).expect("a copy");
    }
    copy
}

fn is_wal(path: &Path) -> bool {
    fs::read(path).expect("a database")[18] == 2
}

/// A database with a log that changes its number of pages.
fn with_log() -> (SqliteFixture, diesel::SqliteConnection) {
    let fixture = SqliteFixture::created();
    let mut writer = fixture.raw();
    writer
        .batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
             UPDATE roles SET description = 'after the backup';
             INSERT INTO system_metrics (metric_name, metric_value, metric_type, metadata)
             VALUES ('m', 1, 'gauge', json_object('text', hex(zeroblob(20000))))",
        )
        .expect("a log");
    (fixture, writer)
}

#[test]
fn a_backup_over_a_database_whose_log_remained_is_neither_undone_nor_called_damaged() {
    let (live, _writer) = with_log();
    let killed = stopped(&live, &["", "-wal"]);
    assert_eq!(killed.text("SELECT min(description) FROM roles"), "after the backup");

    let killed = stopped(&live, &["", "-wal"]);
    let backup = live.manager().backup().expect("a backup").path;
    assert!(!is_wal(&backup));
    fs::copy(backup, killed.path()).expect("a copy");
    assert_refused(&killed, REASON);
}

#[test]
fn the_same_holds_for_a_copy_of_the_file_itself() {
    let earlier = SqliteFixture::created();
    let closed = fs::read(earlier.path()).expect("a database");
    // Several sessions later, each with a log of its own.
    for _ in 0..3 {
        earlier.sql(
            "INSERT INTO system_metrics (metric_name, metric_value, metric_type, metadata)
             VALUES ('m', 1, 'gauge', json_object('text', hex(zeroblob(20000))))",
        );
    }
    let mut writer = earlier.raw();
    writer
        .batch_execute(
            "PRAGMA wal_autocheckpoint = 0; CREATE TABLE big (t); DROP TABLE big;
             UPDATE roles SET description = 'after the copy'",
        )
        .expect("a log");
    let killed = stopped(&earlier, &["", "-wal"]);
    fs::write(killed.path(), closed).expect("the earlier file");
    assert!(is_wal(&killed.path()));
    assert_refused(&killed, REASON);
}

#[test]
fn a_log_without_its_database_is_not_deleted() {
    let (live, _writer) = with_log();
    let killed = stopped(&live, &["", "-wal"]);
    fs::write(killed.path(), "").expect("an empty file");
    assert_refused(&killed, REASON);
}

#[test]
fn a_journal_of_another_state_is_not_rolled_back_into_the_database() {
    let live = SqliteFixture::created();
    let mut writer = live.raw();
    writer
        .batch_execute(
            "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN IMMEDIATE;
             UPDATE permissions SET description = hex(randomblob(4000)); CREATE TABLE t (a);
             DELETE FROM role_permissions; DELETE FROM system_settings;",
        )
        .expect("pages that no longer fit in the cache");
    let killed = stopped(&live, &["", "-journal"]);
    writer.batch_execute("ROLLBACK").expect("rolled back");
    // SQLite writes no page, and counts no change, for a value that is there already.
    for round in 0..3 {
        let later = format!("UPDATE roles SET description = 'later {round}'");
        writer.batch_execute(&later).expect("later");
    }
    drop(writer);
    fs::copy(live.path(), killed.path()).expect("a later copy");
    assert_refused(&killed, REASON);
}

/// The frames of a transaction that a power failure left half written do not count.
#[test]
fn a_torn_log_belongs_to_its_database() {
    let (live, _writer) = with_log();
    let length = fs::metadata(live.path().with_file_name("zenith.db-wal")).expect("a log").len();
    for torn in [40, 60, 4_000, 4_100, 5_000, length / 2, length - 1] {
        let killed = stopped(&live, &["", "-wal"]);
        let log = killed.path().with_file_name("zenith.db-wal");
        let mut bytes = fs::read(&log).expect("a log");
        let from = usize::try_from(torn).expect("small");
        bytes[from..].fill(0);
        fs::write(&log, bytes).expect("torn");
        killed.manager().status().unwrap_or_else(|error| panic!("torn at {torn}: {error}"));
    }
}

/// Whatever others are doing to a database, its files are its own.
#[test]
fn a_database_in_use_is_never_mistaken_for_another() {
    for (mode, reads, rest) in [("WAL", 400, 0), ("DELETE", 60, 30)] {
        let fixture = SqliteFixture::created();
        fixture.sql(&format!("PRAGMA journal_mode = {mode}"));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut writer = fixture.raw();
                writer.batch_execute("PRAGMA wal_autocheckpoint = 3").expect("a pragma");
                let mut rounds = 0;
                while !over.load(Ordering::Relaxed) {
                    // Page 1, the number of pages and the freelist change each time.
                    let round = "CREATE TABLE big (t); INSERT INTO big VALUES (zeroblob(9000));
                                 DROP TABLE big; UPDATE roles SET description = 'again'";
                    writer.batch_execute(round).expect("written");
                    if rounds % 10 == 0 {
                        writer.batch_execute("PRAGMA wal_checkpoint(RESTART)").expect("begun anew");
                    }
                    rounds += 1;
                    // Without a log, a writer that never rests keeps readers out.
                    std::thread::sleep(std::time::Duration::from_millis(rest));
                }
                rounds
            });
            for _ in 0..reads {
                let seen = fixture.manager().origin();
                if seen.is_err() {
                    over.store(true, Ordering::Relaxed);
                }
                seen.unwrap_or_else(|error| panic!("{mode}: {error:?}"));
            }
            over.store(true, Ordering::Relaxed);
            assert!(writer.join().expect("the writer") > 5, "nothing was written meanwhile");
        });
    }
}
