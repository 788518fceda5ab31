//! The health check changes nothing, and sees what others have committed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::support::{SqliteFixture, failed, run};
use diesel::connection::SimpleConnection;
use zenith_db::Database;
use zenith_db::config::{Key, Loader};
use zenith_db::manager::DatabaseManager;

const NONE: [&str; 0] = [];

/// The content and the time of change of each file below a directory.
fn snapshot(directory: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let (name, metadata) = (entry.path(), entry.metadata().expect("metadata"));
        let modified = metadata.modified().expect("a time");
        if metadata.is_dir() {
            files.extend(snapshot(&name));
        } else {
            let content = fs::read(&name).expect("a file");
            files.insert(name.display().to_string(), (content, modified));
        }
    }
    files
}

#[test]
fn checking_creates_nothing_and_alters_nothing() {
    let fixture = SqliteFixture::created();
    let before = snapshot(fixture.directory.path());
    assert_eq!(failed(&fixture.manager().health_check()), NONE);
    assert_eq!(snapshot(fixture.directory.path()), before);
}

#[test]
fn checking_a_database_with_a_rollback_journal_alters_nothing() {
    let fixture = SqliteFixture::created();
    fixture.sql("PRAGMA journal_mode = DELETE");
    let before = snapshot(fixture.directory.path());
    assert_eq!(failed(&fixture.manager().health_check()), ["WAL Mode"]);
    assert_eq!(snapshot(fixture.directory.path()), before);
}

#[test]
fn checking_what_is_not_a_database_alters_nothing() {
    for content in [b"".as_slice(), b"short", b"SQLite format 3\0 and then nothing more of it"] {
        let fixture = SqliteFixture::empty();
        fs::write(fixture.path(), content).expect("a file");
        let before = snapshot(fixture.directory.path());
        assert!(!fixture.manager().health_check().healthy);
        assert_eq!(snapshot(fixture.directory.path()), before);
    }
}

#[test]
fn checking_sees_the_rows_that_are_committed_only_in_the_wal() {
    let fixture = SqliteFixture::created();
    let mut other = fixture.raw();
    other.batch_execute("PRAGMA wal_autocheckpoint = 0").expect("a pragma");
    other.batch_execute("UPDATE users SET is_active = 0").expect("a commit");
    let wal = fixture.directory.path().join("zenith.db-wal");
    let content = fs::read(&wal).expect("a WAL");
    assert!(!content.is_empty(), "the change is not in the file yet");
    let listing = fixture.files();

    assert_eq!(failed(&fixture.manager().health_check()), ["Admin User Exists"]);
    assert_eq!(fixture.files(), listing);
    assert_eq!(fs::read(&wal).expect("a WAL"), content, "checking does not checkpoint");
    drop(other);
}

#[test]
fn checking_does_not_see_what_is_not_committed() {
    let fixture = SqliteFixture::created();
    let mut other = fixture.raw();
    other.batch_execute("BEGIN IMMEDIATE; UPDATE users SET is_active = 0").expect("a change");
    assert_eq!(failed(&fixture.manager().health_check()), NONE);
    other.batch_execute("COMMIT").expect("a commit");
    assert_eq!(failed(&fixture.manager().health_check()), ["Admin User Exists"]);
}

#[test]
fn checking_after_a_crash_sees_the_wal_that_was_left() {
    let fixture = SqliteFixture::created();
    let mut other = fixture.raw();
    other.batch_execute("PRAGMA wal_autocheckpoint = 0").expect("a pragma");
    other.batch_execute("UPDATE users SET is_active = 0").expect("a commit");
    // What a process that was killed leaves behind.
    let crashed = SqliteFixture::empty();
    for name in ["zenith.db", "zenith.db-wal", "zenith.db-shm"] {
        let (from, to) = (fixture.directory.path().join(name), crashed.directory.path().join(name));
        fs::copy(from, to).expect("a copy");
    }
    drop(other);

    let names = crashed.files();
    let database = fs::read(crashed.path()).expect("the database");
    let report = crashed.manager().health_check();
    assert_eq!(failed(&report), ["Admin User Exists"], "{report:#?}");
    assert_eq!(crashed.files(), names);
    assert_eq!(fs::read(crashed.path()).expect("the database"), database);
}

/// Closing any descriptor of a file drops every POSIX lock that the process has on it, those that
/// SQLite holds for another connection included. Two processes can then write at once.
#[cfg(unix)]
#[test]
fn checking_while_this_process_writes_does_not_let_another_process_write_too() {
    let fixture = SqliteFixture::created();
    let path = fixture.path();
    let config = Loader::new()
        .flag(Key::Path, "path", path.to_str().expect("UTF-8"))
        .flag(Key::WalMode, "test", "false")
        .flag(Key::MaxConnections, "test", "1")
        .load()
        .expect("a valid configuration");
    let database = Database::open(&config).expect("a database");
    // Seeding takes the write lock before it looks for what is missing.
    let other_process_writes = |exit| {
        let mut command = fixture.zenith();
        command.env("DATABASE_BUSY_TIMEOUT_MS", "100").args(["--no-wal-mode", "seed"]);
        run(&mut command, exit);
    };
    database
        .write(|conn| {
            conn.batch_execute("UPDATE users SET full_name = 'Ada'")?;
            other_process_writes(1);
            assert_eq!(failed(&DatabaseManager::new(config).health_check()), NONE);
            other_process_writes(1);
            Ok(())
        })
        .expect("a commit");
    other_process_writes(0);
}
