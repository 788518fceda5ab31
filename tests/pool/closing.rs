//! `close`: whoever was before is served, whoever comes after is refused, and the log is in the file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;

use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::{CallRefused, Database, Error, PragmaFault, Result, SharedCommit, StillRunning};

use super::together::wait_until;
use super::writes::{insert, names, open, panic_quietly};
use crate::support::wait::wait_for;
use crate::support::{Fixture, SqliteFixture};

fn assert_closed(database: &Database) {
    let calls: [Result<()>; 3] = [
        database.write(|conn| insert(conn, "late")),
        database.read(|_| Ok(())),
        database.read_primary(|_| Ok(())),
    ];
    for call in calls {
        assert!(matches!(call, Err(Error::CallRefused(CallRefused::Closed))), "{call:?}");
    }
}

#[test]
fn a_closed_database_refuses_calls_of_all_clones_and_can_be_closed_again() {
    for limit in ["1", "3"] {
        let fixture = Fixture::created();
        let database = open(&fixture, limit);
        database.write(|conn| insert(conn, "a")).expect("a write");
        let clone = database.clone();
        database.close().expect("closed");
        assert_closed(&clone);
        clone.close().expect("closed already");
        assert_eq!(names(&fixture), "a");
        // Another opens it.
        open(&fixture, limit).write(|conn| insert(conn, "b")).expect("a write");
    }
}

#[test]
fn closing_writes_the_log_to_the_file() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    database.read(|_| Ok(())).expect("a reader, which stays open");
    database.write(|conn| insert(conn, "a")).expect("a write");
    let log = fixture.path().with_extension("db-wal");
    assert!(std::fs::metadata(&log).expect("a log").len() > 0);
    database.close().expect("closed");
    assert_eq!(std::fs::metadata(&log).map_or(0, |log| log.len()), 0, "the log is not empty");
    drop(database);
    assert!(!log.exists());
}

#[test]
fn closing_does_not_wait_for_those_who_read_elsewhere() {
    let fixture = SqliteFixture::created();
    let settings = [(Key::MaxConnections, "2"), (Key::BusyTimeout, "3600000")];
    let database = Database::open(&fixture.config_with(&settings)).expect("a database");
    let mut reader = fixture.raw();
    reader.batch_execute("BEGIN; SELECT count(*) FROM roles").expect("a transaction");
    database.write(|conn| insert(conn, "a")).expect("a write");
    let closing = thread::spawn(move || database.close());
    wait_for("the end of close", || closing.is_finished());
    closing.join().expect("no panic").expect("closed");
    reader.batch_execute("COMMIT").expect("over");
    assert_eq!(names(&fixture), "a");
}

#[test]
fn closing_writes_the_log_although_the_connection_for_writing_was_lost() {
    let panics = |database: &Database| {
        let write = || database.write(|_| -> Result<()> { panic_quietly() });
        assert!(catch_unwind(AssertUnwindSafe(write)).is_err());
    };
    let changes = |database: &Database| {
        database.write(|conn| Ok(conn.batch_execute("PRAGMA busy_timeout = 1")?)).expect("set");
        let asked = database.ready();
        assert!(matches!(asked, Err(Error::Pragma(PragmaFault::Changed { .. }))), "{asked:?}");
    };
    for lose in [panics as fn(&Database), changes] {
        let fixture = SqliteFixture::created();
        let database = open(&fixture, "2");
        database.read(|_| Ok(())).expect("a reader, which stays open");
        database.write(|conn| insert(conn, "a")).expect("a write");
        lose(&database);
        database.close().expect("closed");
        let log = fixture.path().with_extension("db-wal");
        assert_eq!(std::fs::metadata(log).map_or(0, |log| log.len()), 0, "the log is not empty");
    }
}

#[test]
fn closing_waits_for_the_next_attempt_of_a_write_that_is_repeated() {
    let fixture = Fixture::created();
    let database = open(&fixture, "2");
    thread::scope(|scope| {
        let mut attempts = 0;
        let written = database.write_with_retry(|conn| {
            attempts += 1;
            if attempts == 1 {
                let closing = scope.spawn(|| database.close());
                let read = || database.read(|_| Ok(()));
                wait_until(|| scope.spawn(read).join().expect("no panic").is_err());
                assert!(!closing.is_finished());
                return Err(SharedCommit::Ended.into());
            }
            insert(conn, "a")
        });
        written.expect("the second attempt");
        assert_eq!(attempts, 2);
    });
    assert_eq!(names(&fixture), "a");
}

#[test]
fn closing_waits_for_calls_that_run_and_for_those_that_wait() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "3");
    let (go, may_go) = channel();
    let (began, has_begun) = channel();
    thread::scope(|scope| {
        let (began_reading, database) = (began.clone(), &database);
        let running = scope.spawn(move || {
            database.write(|conn| {
                began.send(()).expect("it waits");
                may_go.recv().expect("the signal");
                insert(conn, "a")
            })
        });
        let (end, may_end) = channel();
        let reading = scope.spawn(move || {
            database.read(|_| {
                began_reading.send(()).expect("it waits");
                may_end.recv().expect("the signal");
                Ok(())
            })
        });
        has_begun.recv().and_then(|()| has_begun.recv()).expect("both have begun");
        let waiting = scope.spawn(|| database.write(|conn| insert(conn, "b")));
        wait_until(|| database.pool_status().waits > 0);
        let closing = scope.spawn(|| database.close());
        // It has begun, and waits.
        wait_until(|| database.read(|_| Ok(())).is_err());
        go.send(()).expect("it waits");
        wait_until(|| names(&fixture) == "a b");
        assert!(!closing.is_finished(), "a read still runs");
        end.send(()).expect("it waits");
        closing.join().expect("no panic").expect("closed");
        assert_closed(database);
        for call in [running, reading, waiting] {
            call.join().expect("no panic").expect("it was accepted");
        }
    });
    assert_eq!(names(&fixture), "a b");
}

#[test]
fn closing_does_not_wait_for_ever_and_not_for_itself() {
    let fixture = SqliteFixture::created();
    let settings = [(Key::MaxConnections, "2"), (Key::PoolTimeout, "50")];
    let database = Database::open(&fixture.config_with(&settings)).expect("a database");
    let nested = database.write(|_| database.close());
    assert!(matches!(nested, Err(Error::NestedCall(_))), "{nested:?}");
    let late = database
        .read(|_| thread::scope(|scope| scope.spawn(|| database.close()).join().expect("it")));
    let Err(Error::StillRunning(late)) = late else { panic!("{late:?}") };
    assert_eq!(late, StillRunning { timeout_ms: 50, calls: 1 });
    assert_closed(&database);
    database.close().expect("nothing runs");
}

#[test]
fn two_who_close_at_once_both_see_it_closed() {
    let fixture = Fixture::created();
    let database = open(&fixture, "2");
    database.write(|conn| insert(conn, "a")).expect("a write");
    thread::scope(|scope| {
        let closing: Vec<_> = (0..8).map(|_| scope.spawn(|| database.close())).collect();
        for closing in closing {
            closing.join().expect("no panic").expect("closed");
        }
    });
    assert_closed(&database);
}
