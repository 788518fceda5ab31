//! A lock of another connection that is met outside `BEGIN`: the error says what it is and who holds it.

use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::internal::connection::LockedDatabase;
use zenith_db::{Database, Error};

use crate::support::{SqliteFixture, run, stderr, text};

/// Runs the command in a journal mode, and fails unless it says that this process holds a lock.
fn assert_names_this_process(fixture: &SqliteFixture, wal: bool, arguments: &[&str]) {
    let mut command = fixture.zenith();
    command.args(arguments).env("DATABASE_BUSY_TIMEOUT_MS", "50");
    command.env("DATABASE_WAL_MODE", wal.to_string());
    let said = stderr(&run(&mut command, 1));
    let holder = format!("(process {}) holds", std::process::id());
    let words = [holder.as_str(), "lock", "DATABASE_BUSY_TIMEOUT_MS", "try again"];
    for words in words {
        assert!(said.contains(words), "{arguments:?}: no {words:?} in {said}");
    }
}

fn in_rollback_mode() -> SqliteFixture {
    let fixture = SqliteFixture::created();
    fixture.sql("PRAGMA journal_mode = DELETE");
    fixture
}

const ADD: &str = "CREATE TABLE added (x); INSERT INTO added VALUES (1);";

#[test]
fn a_read_that_meets_an_exclusive_lock_names_who_holds_it() {
    let fixture = in_rollback_mode();
    let mut other = fixture.raw();
    other.batch_execute(&format!("BEGIN EXCLUSIVE; {ADD}")).expect("the lock");
    for arguments in [&["status"] as &[&str], &["backup"], &["migrate", "--plan"]] {
        assert_names_this_process(&fixture, false, arguments);
    }
    other.batch_execute("ROLLBACK").expect("still its own");
}

#[test]
fn a_commit_that_waits_for_a_reader_names_the_reader_and_changes_nothing() {
    let fixture = in_rollback_mode();
    fixture.sql("DELETE FROM system_settings");
    let mut reader = fixture.raw();
    reader.batch_execute("BEGIN").expect("a transaction");
    assert_eq!(text(&mut reader, "SELECT count(*) FROM system_settings"), "0");
    assert_names_this_process(&fixture, false, &["seed"]);
    assert_eq!(text(&mut reader, "SELECT count(*) FROM system_settings"), "0");
    reader.batch_execute("COMMIT").expect("over");
    run(fixture.zenith().arg("seed").env("DATABASE_WAL_MODE", "false"), 0);
    assert_ne!(fixture.text("SELECT count(*) FROM system_settings"), "0");
}

#[test]
fn a_change_of_the_journal_mode_that_waits_names_who_has_the_database_open() {
    let fixture = SqliteFixture::created();
    let mut other = fixture.raw();
    assert_eq!(text(&mut other, "SELECT count(*) FROM roles"), "5");
    assert_names_this_process(&fixture, false, &["seed"]);
    drop(other);
    run(fixture.zenith().arg("seed").env("DATABASE_WAL_MODE", "false"), 0);
}

#[test]
fn with_a_write_ahead_log_a_read_names_who_has_the_database_for_itself() {
    let fixture = SqliteFixture::created();
    let mut other = fixture.raw();
    other.batch_execute(&format!("PRAGMA locking_mode = EXCLUSIVE; {ADD}")).expect("the lock");
    for arguments in [&["status"] as &[&str], &["backup"], &["seed"]] {
        assert_names_this_process(&fixture, true, arguments);
    }
}

/// The operating system does not tell a process of its own locks.
#[test]
fn a_lock_of_a_connection_of_the_same_process_is_that_of_another_connection() {
    let fixture = in_rollback_mode();
    let settings = [(Key::BusyTimeout, "20"), (Key::WalMode, "false"), (Key::MaxConnections, "1")];
    let database = Database::open(&fixture.config_with(&settings)).expect("a database");
    let mut other = fixture.raw();
    other.batch_execute(&format!("BEGIN EXCLUSIVE; {ADD}")).expect("the lock");
    let read =
        database.read(|connection| Ok(connection.batch_execute("SELECT count(*) FROM roles")?));
    let error = read.expect_err("locked");
    assert!(matches!(error, Error::Locked { lock_owner: None, .. }), "{error:?}");
    assert!(error.to_string().contains("another connection"), "{error}");
}

/// A shared lock that one keeps while it waits would keep the other from the exclusive lock for ever.
#[test]
fn those_who_wait_to_replace_a_database_do_not_keep_it_from_each_other() {
    for mode in ["wal", "delete"] {
        let fixture = SqliteFixture::created();
        let mut reader = fixture.raw();
        let read = format!("PRAGMA journal_mode = {mode}; BEGIN; SELECT count(*) FROM users");
        reader.batch_execute(&read).expect("a reader");
        let config = fixture.config();
        let path = config.location().path().expect("a file");
        let lock = || LockedDatabase::lock(path, Duration::from_secs(60), "trying").map(drop);
        thread::scope(|scope| {
            let waiting: Vec<_> = (0..3).map(|_| scope.spawn(lock)).collect();
            // Long enough for each to have tried.
            thread::sleep(Duration::from_millis(500));
            drop(reader);
            for waiting in waiting {
                waiting.join().expect("no panic").expect("the lock");
            }
        });
    }
}
