//! Writes that wait share a commit, and nobody else does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::{Database, DbConnection, Error, Result, Writer};

use super::together::{Work, is_ok, is_shared, spawn, together, together_within, wait_until};
use super::writes::{insert, names, open, panic_quietly};
use crate::support::{Fixture, SqliteFixture, text};

/// Number of commits that the log of the file has seen: each begins with a page of its own.
fn commits(fixture: &SqliteFixture) -> usize {
    // The last frame of a transaction has the size of the database after it, and the others 0.
    let log = std::fs::read(fixture.path().with_extension("db-wal")).expect("a log");
    let (header, page) = (32, 4096);
    let frames = log[header..].chunks_exact(24 + page);
    frames.filter(|frame| frame[4..8] != [0; 4] && frame[8..16] == log[16..24]).count()
}

#[test]
fn those_who_wait_share_one_commit_and_see_who_was_before() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "4");
    database.write(|conn| insert(conn, "a")).expect("a log");
    let before = commits(&fixture);
    let see_b: Work = |conn| {
        assert!(
            text(&mut **conn, "SELECT string_agg(metric_name, '') FROM system_metrics")
                .contains('b')
        );
        insert(conn, "d")
    };
    let results = together(&database, &[|conn| insert(conn, "b"), |conn| insert(conn, "c"), see_b]);
    assert!(results.iter().all(is_ok), "{results:?}");
    assert_eq!(commits(&fixture) - before, 1, "one transaction");
    assert_eq!(names(&fixture), "a b c d");
}

#[test]
fn who_writes_alone_shares_with_nobody() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    database.write(|conn| insert(conn, "a")).expect("a log");
    let before = commits(&fixture);
    thread::scope(|scope| {
        let (began, has_begun) = channel();
        let (go, may_go) = channel();
        let first = spawn(scope, &database, |conn| insert(conn, "b"), Some((began, may_go)));
        has_begun.recv().expect("the first one begins");
        let alone = scope.spawn(|| {
            database.write_alone(|conn| {
                // What was before is committed already, as others see it.
                assert_eq!(names(&fixture), "a b");
                insert(conn, "c")
            })
        });
        wait_until(|| database.pool_status().waits == 1);
        let last = spawn(scope, &database, |conn| insert(conn, "d"), None);
        wait_until(|| database.pool_status().waits == 2);
        go.send(()).expect("the first one goes on");
        assert!(is_ok(&first.join().expect("no panic")));
        alone.join().expect("no panic").expect("a write");
        assert!(is_ok(&last.join().expect("no panic")));
    });
    assert_eq!(commits(&fixture) - before, 3);
    assert_eq!(names(&fixture), "a b c d");
}

#[test]
fn no_more_than_64_writes_share_a_commit() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    database.write(|conn| insert(conn, "a")).expect("a log");
    let before = commits(&fixture);
    let insert: Work = |conn| insert(conn, "b");
    let results = together(&database, &[insert; 66]);
    assert!(results.iter().all(is_ok), "{results:?}");
    assert_eq!(commits(&fixture) - before, 2);
}

#[test]
fn nobody_joins_a_transaction_whose_time_is_over() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    database.write(|conn| insert(conn, "a")).expect("a log");
    let before = commits(&fixture);
    let insert: Work = |conn| insert(conn, "b");
    let results = together_within(&database, Duration::ZERO, &[insert; 3]);
    assert!(results.iter().all(is_ok), "{results:?}");
    assert_eq!(commits(&fixture) - before, 3);
}

#[test]
fn a_read_on_the_only_connection_sees_no_transaction_that_is_open() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "1");
    thread::scope(|scope| {
        let (began, has_begun) = channel();
        let (go, may_go) = channel();
        let first = spawn(scope, &database, |conn| insert(conn, "a"), Some((began, may_go)));
        has_begun.recv().expect("the first one begins");
        let reader = scope.spawn(|| {
            database.read(|conn| {
                assert_eq!(names(&fixture), "a", "not committed yet");
                let refused = conn.batch_execute("DELETE FROM system_metrics");
                assert!(refused.is_err(), "a read can write");
                Ok(())
            })
        });
        wait_until(|| database.pool_status().waits == 1);
        go.send(()).expect("the first one goes on");
        assert!(is_ok(&first.join().expect("no panic")));
        reader.join().expect("no panic").expect("a read");
    });
}

#[test]
fn who_gives_up_waiting_leaves_the_others_in_the_queue() {
    let fixture = SqliteFixture::created();
    let config = fixture.config_with(&[(Key::MaxConnections, "2"), (Key::PoolTimeout, "400")]);
    let database = Database::open(&config).expect("a database");
    thread::scope(|scope| {
        let (began, has_begun) = channel();
        let (go, may_go) = channel();
        let first = spawn(scope, &database, |conn| insert(conn, "a"), Some((began, may_go)));
        has_begun.recv().expect("the first one begins");
        let late = spawn(scope, &database, |conn| insert(conn, "late"), None);
        wait_until(|| database.pool_status().waits == 1);
        wait_until(|| late.is_finished());
        // It gives up too if the machine stands still, and tries again.
        let next = scope.spawn(|| {
            let mut attempts = std::iter::repeat_with(|| database.write(|conn| insert(conn, "b")));
            attempts.find(|done| !matches!(done, Err(Error::PoolTimeout(_)))).expect("an attempt")
        });
        wait_until(|| database.pool_status().waits >= 2);
        go.send(()).expect("the first one goes on");
        let late = late.join().expect("caught");
        assert!(matches!(late, Ok(Err(Error::PoolTimeout(_)))), "{late:?}");
        next.join().expect("no panic").expect("a write");
        let first = first.join().expect("caught");
        assert!(is_ok(&first), "{first:?}");
    });
    assert_eq!(names(&fixture), "a b");
}

#[test]
fn what_a_read_leaves_open_is_ended_with_its_error() {
    for limit in ["1", "2"] {
        let fixture = SqliteFixture::created();
        let database = open(&fixture, limit);
        let failed: Result<()> = database.read(|conn| {
            conn.batch_execute("BEGIN; SELECT count(*) FROM users")?;
            Err(Error::Internal("on purpose".into()))
        });
        assert!(matches!(failed, Err(Error::Internal(_))));
        database.write(|conn| insert(conn, "a")).expect("a write");
        let seen = |conn: &mut DbConnection| {
            Ok(text(conn, "SELECT CAST(count(*) AS TEXT) FROM system_metrics"))
        };
        assert_eq!(database.read(seen).expect("a read"), "1", "an old state");
    }
}

#[test]
fn without_foreign_keys_nobody_shares() {
    let fixture = SqliteFixture::created();
    let config = fixture.config_with(&[(Key::ForeignKeys, "false"), (Key::MaxConnections, "2")]);
    let database = Database::open(&config).expect("a database");
    let commits: Work = |conn| {
        insert(conn, "committed")?;
        Ok(conn.batch_execute("COMMIT")?)
    };
    let results =
        together(&database, &[|conn| insert(conn, "a"), commits, |conn| insert(conn, "b")]);
    assert_eq!(results.iter().map(is_ok).collect::<Vec<_>>(), [true, false, true], "{results:?}");
    assert!(!results.iter().any(is_shared), "{results:?}");
    assert_eq!(names(&fixture), "a b committed");
}

/// SQLite counts what breaks such keys for the whole transaction, the guard against a `COMMIT` of others included.
#[test]
fn with_keys_that_only_the_commit_looks_at_nobody_shares() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    let breaks: Work = |conn| Ok(conn.batch_execute("INSERT INTO child VALUES (99)")?);
    let forgets: Work = |conn| {
        Ok(conn.batch_execute("PRAGMA defer_foreign_keys = ON; PRAGMA defer_foreign_keys = OFF")?)
    };
    // The table comes while the database is open, and goes again.
    fixture.sql(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
    );
    let results = together(&database, &[|conn| insert(conn, "a"), breaks, forgets]);
    assert_eq!(results.iter().map(is_ok).collect::<Vec<_>>(), [true, false, true], "{results:?}");
    assert!(!results.iter().any(is_shared), "{results:?}");
    assert_eq!(fixture.text("SELECT count(*) FROM child"), "0");
    // What is broken already takes nothing from what a write breaks now.
    fixture.sql("PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (5)");
    let exchanges: Work = |conn| {
        Ok(conn.batch_execute("DELETE FROM child WHERE id = 5; INSERT INTO child VALUES (99)")?)
    };
    let results = together(&database, &[|conn| insert(conn, "b"), exchanges]);
    assert_eq!(results.iter().map(is_ok).collect::<Vec<_>>(), [true, false], "{results:?}");
    assert_eq!(fixture.text("SELECT id FROM child"), "5");

    fixture.sql("DROP TABLE child");
    let before = commits(&fixture);
    let results = together(&database, &[|conn| insert(conn, "c"), |conn| insert(conn, "d")]);
    assert!(results.iter().all(is_ok), "{results:?}");
    assert_eq!(commits(&fixture) - before, 1);
}

#[test]
fn many_threads_lose_no_write_that_was_acknowledged_and_keep_none_that_was_not() {
    for limit in ["1", "8"] {
        let fixture = Fixture::created();
        let database = open(&fixture, limit);
        let acknowledged: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|number| {
                    let database = &database;
                    scope.spawn(move || {
                        let write = |attempt: usize| {
                            let work = |conn: &mut Writer<'_>| {
                                insert(conn, "w")?;
                                match (number + attempt) % 5 {
                                    0 => Err(Error::Internal("on purpose".into())),
                                    1 => panic_quietly(),
                                    _ => Ok(()),
                                }
                            };
                            let done = catch_unwind(AssertUnwindSafe(|| database.write(work)));
                            matches!(done, Ok(Ok(())))
                        };
                        (0..25).filter(|attempt| write(*attempt)).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        let stored = fixture.text("SELECT CAST(count(*) AS TEXT) FROM system_metrics");
        assert_eq!(stored, acknowledged.to_string());
        assert_eq!(acknowledged, 16 * 15);
    }
}
