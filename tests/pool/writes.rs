//! `write`: all or nothing, on error and on panic, nested and under many threads.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Fixture, SqliteFixture};
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use zenith_db::config::Key;
use zenith_db::{Database, DbConnection, Error, Result, dispatch};

pub(super) fn open(fixture: &Fixture, limit: &str) -> Database {
    Database::open(&fixture.config_with(&[(Key::MaxConnections, limit)])).expect("a database")
}

pub(super) fn insert(conn: &mut DbConnection, name: &str) -> Result<()> {
    Ok(conn.batch_execute(&format!(
        "INSERT INTO system_metrics (metric_name, metric_value, metric_type)
         VALUES ('{name}', 1, 'gauge')"
    ))?)
}

/// The names that were inserted, as another process would see them.
pub(super) fn names(fixture: &Fixture) -> String {
    fixture.text("SELECT string_agg(metric_name, ' ' ORDER BY metric_name) FROM system_metrics")
}

/// What a caller's own code does when it goes wrong, without the message on standard error.
pub(super) fn panic_quietly() -> ! {
    resume_unwind(Box::new("on purpose"))
}

/// Runs what panics, and goes on.
fn caught<T>(work: impl FnOnce() -> T) {
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err(), "it should have panicked");
}

fn failure<T>() -> Result<T> {
    Err(Error::Internal("on purpose".into()))
}

fn counter(conn: &mut DbConnection) -> Result<i64> {
    let query = "(SELECT consecutive_failures FROM system_health WHERE component = 'counter')";
    Ok(dispatch!(conn, |conn| diesel::select(sql::<BigInt>(query)).get_result(conn))?)
}

fn set_counter(conn: &mut DbConnection, value: i64) -> Result<()> {
    Ok(conn.batch_execute(&format!(
        "UPDATE system_health SET consecutive_failures = {value} WHERE component = 'counter'"
    ))?)
}

/// On a server a counter is counted by the database (`n = n + 1`), not read and written back.
fn with_counter() -> SqliteFixture {
    let fixture = SqliteFixture::created();
    fixture.sql("INSERT INTO system_health (component, status) VALUES ('counter', 'healthy')");
    fixture
}

#[test]
fn write_commits_on_ok_and_returns_the_value() {
    let fixture = Fixture::created();
    let database = open(&fixture, "2");
    let value = database.write(|conn| insert(conn, "a").map(|()| 42));
    assert_eq!(value.expect("a write"), 42);
    assert_eq!(names(&fixture), "a");
}

#[test]
fn write_rolls_back_on_error_and_returns_that_error() {
    for limit in ["1", "3"] {
        let fixture = Fixture::created();
        let database = open(&fixture, limit);
        let result: Result<()> = database.write(|conn| {
            insert(conn, "lost")?;
            failure()
        });
        assert!(matches!(result, Err(Error::Internal(text)) if text == "on purpose"));
        database.write(|conn| insert(conn, "kept")).expect("a write");
        assert_eq!(names(&fixture), "kept");
    }
}

#[test]
fn write_rolls_back_when_a_statement_is_refused() {
    let fixture = Fixture::created();
    let database = open(&fixture, "2");
    let result: Result<()> = database.write(|conn| {
        insert(conn, "lost")?;
        Ok(conn.batch_execute("INSERT INTO system_metrics (metric_name) VALUES (NULL)")?)
    });
    assert!(matches!(result, Err(Error::Violation(_))), "{result:?}");
    assert_eq!(names(&fixture), "NULL");
}

#[test]
fn a_commit_that_is_refused_changes_nothing_and_the_pool_works_after() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "1");
    // A deferred reference is looked at by COMMIT itself.
    let result: Result<()> = database.write(|conn| {
        insert(conn, "lost")?;
        Ok(conn.batch_execute(
            "PRAGMA defer_foreign_keys = ON;
             INSERT INTO role_permissions (role_id, permission_id) VALUES (999, 1)",
        )?)
    });
    assert!(matches!(result, Err(Error::Violation(_))), "{result:?}");
    database.write(|conn| insert(conn, "kept")).expect("a write");
    assert_eq!(names(&fixture), "kept");
}

#[test]
fn write_rolls_back_on_panic_and_the_pool_works_after() {
    for limit in ["1", "2", "10"] {
        let fixture = Fixture::created();
        let database = open(&fixture, limit);
        for _ in 0..5 {
            caught(|| {
                database.write(|conn| -> Result<()> {
                    insert(conn, "lost")?;
                    panic_quietly()
                })
            });
        }
        database.write(|conn| insert(conn, "kept")).expect("a write");
        database.read(counter_of_metrics).expect("a read");
        assert_eq!(names(&fixture), "kept");
    }
}

fn counter_of_metrics(conn: &mut DbConnection) -> Result<i64> {
    let query = "(SELECT count(*) FROM system_metrics)";
    Ok(dispatch!(conn, |conn| diesel::select(sql::<BigInt>(query)).get_result(conn))?)
}

#[test]
fn a_panic_while_reading_leaves_a_pool_that_reads_and_writes() {
    for limit in ["1", "2"] {
        let fixture = Fixture::created();
        let database = open(&fixture, limit);
        for _ in 0..5 {
            caught(|| database.read(|_| -> Result<()> { panic_quietly() }));
        }
        database.write(|conn| insert(conn, "kept")).expect("a write");
        assert_eq!(database.read(counter_of_metrics).expect("a read"), 1);
    }
}

#[test]
fn those_who_wait_while_the_writer_panics_are_served() {
    for limit in ["1", "4"] {
        let fixture = Fixture::created();
        // A server has as many writers as connections.
        let database = open(&fixture, fixture.either(limit, "1"));
        thread::scope(|scope| {
            let mut waiting = Vec::new();
            caught(|| {
                database.write(|conn| -> Result<()> {
                    insert(conn, "lost")?;
                    for _ in 0..6 {
                        let database = &database;
                        waiting.push(scope.spawn(|| database.write(|conn| insert(conn, "w"))));
                    }
                    let begun = Instant::now();
                    while database.pool_status().waits < 6 {
                        assert!(begun.elapsed() < Duration::from_secs(10), "they should wait");
                        thread::sleep(Duration::from_millis(1));
                    }
                    panic_quietly()
                })
            });
            for thread in waiting {
                thread.join().expect("no panic of its own").expect("a write");
            }
        });
        assert_eq!(names(&fixture), "w w w w w w");
    }
}

#[test]
fn a_nested_write_that_fails_undoes_its_own_work_and_no_more() {
    let fixture = Fixture::created();
    let database = open(&fixture, "2");
    database
        .write(|conn| {
            insert(conn, "a")?;
            let inner: Result<()> = conn.write(|conn| {
                insert(conn, "lost")?;
                conn.write(|conn| insert(conn, "also lost"))?;
                failure()
            });
            assert!(inner.is_err());
            conn.write(|conn| insert(conn, "b"))?;
            insert(conn, "c")
        })
        .expect("a write");
    assert_eq!(names(&fixture), "a b c");
}

#[test]
fn a_nested_write_that_succeeds_goes_when_the_outer_one_fails() {
    let fixture = Fixture::created();
    let database = open(&fixture, "2");
    let outer: Result<()> = database.write(|conn| {
        conn.write(|conn| insert(conn, "lost"))?;
        failure()
    });
    assert!(outer.is_err());
    assert_eq!(names(&fixture), "NULL");
}

#[test]
fn a_nested_write_that_panics_and_is_caught_inside_undoes_its_own_work_and_no_more() {
    for limit in ["1", "3"] {
        let fixture = Fixture::created();
        let database = open(&fixture, limit);
        database
            .write(|conn| {
                insert(conn, "a")?;
                caught(|| {
                    conn.write(|conn| -> Result<()> {
                        insert(conn, "lost")?;
                        conn.write(|conn| -> Result<()> {
                            insert(conn, "also lost")?;
                            panic_quietly()
                        })
                    })
                });
                insert(conn, "b")
            })
            .expect("a write");
        database.write(|conn| insert(conn, "c")).expect("a write");
        assert_eq!(names(&fixture), "a b c");
    }
}

#[test]
fn a_nested_write_that_panics_takes_the_outer_one_with_it_if_nobody_catches() {
    let fixture = Fixture::created();
    let database = open(&fixture, "1");
    caught(|| {
        database.write(|conn| {
            insert(conn, "lost")?;
            conn.write(|_| -> Result<()> { panic_quietly() })
        })
    });
    database.write(|conn| insert(conn, "kept")).expect("a write");
    assert_eq!(names(&fixture), "kept");
}

#[test]
fn what_is_read_inside_write_cannot_have_changed_by_the_time_it_is_written() {
    let fixture = with_counter();
    let database = open(&fixture, "8");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    database
                        .write(|conn| {
                            let value = counter(conn)?;
                            set_counter(conn, value + 1)
                        })
                        .expect("never BUSY");
                }
            });
        }
    });
    assert_eq!(database.read(counter).expect("a count"), 160);
}

#[test]
fn two_pools_on_one_file_lose_no_update_and_are_never_told_that_it_is_busy() {
    let fixture = with_counter();
    // Two pools lock each other out as two processes do; within one, the pool itself queues.
    let databases = [open(&fixture, "3"), open(&fixture, "3")];
    thread::scope(|scope| {
        for database in databases.iter().cycle().take(8) {
            scope.spawn(|| {
                for _ in 0..20 {
                    database
                        .write(|conn| {
                            let value = counter(conn)?;
                            set_counter(conn, value + 1)
                        })
                        .expect("never BUSY");
                }
            });
        }
    });
    assert_eq!(fixture.text("SELECT max(consecutive_failures) FROM system_health"), "160");
}

#[test]
fn the_write_lock_is_taken_before_the_first_statement() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    let mut other = fixture.raw();
    other.batch_execute("PRAGMA busy_timeout = 0").expect("a pragma");
    database
        .write(|_| {
            let refused = other.batch_execute("BEGIN IMMEDIATE").expect_err("the lock is taken");
            assert!(refused.to_string().contains("locked"), "{refused}");
            Ok(())
        })
        .expect("a write");
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock is free");
}

#[test]
fn a_lock_that_is_held_too_long_is_an_error_and_changes_nothing() {
    let fixture = SqliteFixture::created();
    let config = fixture.config_with(&[(Key::BusyTimeout, "20")]);
    let database = Database::open(&config).expect("a database");
    let mut other = fixture.raw();
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock");
    let result = database.write(|conn| insert(conn, "lost"));
    assert!(matches!(result, Err(Error::Query(_) | Error::Locked { .. })), "{result:?}");
    other.batch_execute("ROLLBACK").expect("the lock is free");
    database.write(|conn| insert(conn, "kept")).expect("a write");
    assert_eq!(names(&fixture), "kept");
}
