//! The pool: how many connections there are, what each may do, and what it says when none is free.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::together::wait_until;
use crate::support::{Fixture, SqliteFixture, run};
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use zenith_db::config::Key;
use zenith_db::internal::connection::write;
use zenith_db::{Database, DbConnection, Error, PoolTimeout, Result, dispatch};

const INSERT: &str = "INSERT INTO system_metrics (metric_name, metric_value, metric_type)
                      VALUES ('m', 1, 'gauge')";

fn open(fixture: &Fixture, settings: &[(Key, &str)]) -> Database {
    Database::open(&fixture.config_with(settings)).expect("a database")
}

fn with_limit(fixture: &Fixture, limit: &str) -> Database {
    open(fixture, &[(Key::MaxConnections, limit)])
}

fn count_metrics(conn: &mut DbConnection) -> Result<i64> {
    let query = "(SELECT count(*) FROM system_metrics)";
    Ok(dispatch!(conn, |conn| diesel::select(sql::<BigInt>(query)).get_result(conn))?)
}

fn insert_metric(conn: &mut DbConnection) -> Result<()> {
    Ok(conn.batch_execute(INSERT)?)
}

/// How many connections this process has open: each has the WAL open once.
#[cfg(target_os = "linux")]
fn open_connections(database: &Path) -> usize {
    let wal = format!("{}-wal", database.display());
    // One that was deleted has ` (deleted)` after its name.
    let is_it = |descriptor: &Path| {
        let file = std::fs::read_link(descriptor);
        file.is_ok_and(|file| file.to_string_lossy().starts_with(&wal))
    };
    let descriptors = std::fs::read_dir("/proc/self/fd").expect("/proc");
    let paths = descriptors.filter_map(|entry| Some(entry.ok()?.path()));
    let seen: Vec<_> = paths.filter(|descriptor| is_it(descriptor)).collect();
    // While the list is read, one may be closed and the next be opened: only those count that are still
    // there when all have been seen.
    seen.iter().filter(|descriptor| is_it(descriptor)).count()
}

#[cfg(not(target_os = "linux"))]
fn open_connections(_: &Path) -> usize {
    0
}

#[test]
fn a_database_is_cheap_to_share() {
    fn assert_shared<T: Clone + Send + Sync + 'static>() {}
    assert_shared::<Database>();

    let fixture = Fixture::created();
    let database = with_limit(&fixture, "2");
    let clone = database.clone();
    clone.write(|conn| insert_metric(conn)).expect("a row");
    drop(clone);
    assert_eq!(database.read(count_metrics).expect("a count"), 1);
}

#[test]
fn under_32_threads_there_are_never_more_connections_than_allowed() {
    for limit in [1, 2, 5] {
        let fixture = SqliteFixture::created();
        let database = with_limit(&fixture, &limit.to_string());
        let (inside, most_inside, most_open) =
            (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let look = || {
            most_inside.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            most_open.fetch_max(open_connections(&fixture.path()), Ordering::SeqCst);
            let status = database.pool_status();
            assert!(status.size as usize <= limit, "{status:?}");
        };
        thread::scope(|scope| {
            for thread in 0..32 {
                let (database, look, inside) = (&database, &look, &inside);
                scope.spawn(move || {
                    for turn in 0..10 {
                        let work = |conn: &mut DbConnection| {
                            look();
                            let done = if (thread + turn) % 3 == 0 {
                                insert_metric(conn)
                            } else {
                                count_metrics(conn).map(drop)
                            };
                            inside.fetch_sub(1, Ordering::SeqCst);
                            done
                        };
                        if (thread + turn) % 3 == 0 {
                            database.write(|conn| work(conn)).expect("a write");
                        } else {
                            database.read(work).expect("a read");
                        }
                    }
                });
            }
        });
        let written = (0..32).flat_map(|i| (0..10).map(move |j| i + j)).filter(|n| n % 3 == 0);
        let rows = database.read(count_metrics).expect("a count");
        assert_eq!(usize::try_from(rows).expect("a count"), written.count());
        assert!(most_inside.load(Ordering::SeqCst) <= limit);
        let most_open = most_open.load(Ordering::SeqCst);
        assert!(most_open <= limit, "{most_open} connections were open, {limit} are allowed");
        assert!(most_open > 0 || cfg!(not(target_os = "linux")), "the count sees connections");
    }
}

#[test]
fn as_many_connections_as_allowed_can_be_used_at_once() {
    let fixture = Fixture::created();
    let database = with_limit(&fixture, "4");
    let (inside, leaving) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let meet = |_: &mut DbConnection| {
        inside.fetch_add(1, Ordering::SeqCst);
        wait_until(|| inside.load(Ordering::SeqCst) == 4);
        let status = database.pool_status();
        leaving.fetch_add(1, Ordering::SeqCst);
        wait_until(|| leaving.load(Ordering::SeqCst) == 4);
        Ok(status)
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(|| database.read(meet))).collect();
        let status = database.write(|conn| meet(conn)).expect("a write");
        assert_eq!((status.size, status.in_use, status.idle), (4, 4, 0));
        assert_eq!(status.max_connections, 4);
        for reader in readers {
            reader.join().expect("a thread").expect("a read");
        }
    });
    // After a write, the checkpoints use one for a moment.
    wait_until(|| database.pool_status().in_use == 0);
    assert_eq!(database.pool_status().size, 4);
}

/// A panic costs its connection; the one that replaces it may not be opened before it is closed.
#[cfg(target_os = "linux")]
#[test]
fn replacing_connections_after_panics_does_not_open_more_than_allowed() {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::atomic::AtomicBool;

    let fixture = SqliteFixture::created();
    let database = with_limit(&fixture, "1");
    let (done, most) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                most.fetch_max(open_connections(&fixture.path()), Ordering::SeqCst);
            }
        });
        for _ in 0..100 {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                database.write(|conn| -> Result<()> {
                    insert_metric(conn)?;
                    resume_unwind(Box::new("on purpose"))
                })
            }));
            assert!(panicked.is_err());
            database.write(|_| Ok(())).expect("the pool works");
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[test]
fn with_one_connection_reading_and_writing_share_it() {
    let fixture = Fixture::created();
    let database = with_limit(&fixture, "1");
    for round in 1..=3 {
        database.write(|conn| insert_metric(conn)).expect("a write");
        assert_eq!(database.read(count_metrics).expect("a read"), round);
        let refused = database.read(insert_metric);
        assert!(matches!(refused, Err(Error::Query(_) | Error::WriteRefused(_))), "{refused:?}");
        let status = database.pool_status();
        assert_eq!((status.max_connections, status.size, status.in_use), (1, 1, 0));
    }
}

#[test]
fn reading_refuses_to_write_and_writing_works_after() {
    for limit in ["1", "3"] {
        let fixture = SqliteFixture::created();
        let database = with_limit(&fixture, limit);
        let in_a_transaction = database.read(|conn| write(conn, |conn| insert_metric(conn)));
        assert!(matches!(in_a_transaction, Err(Error::WriteRefused(_))), "{in_a_transaction:?}");
        for statement in [INSERT, "DROP TABLE system_metrics", "PRAGMA user_version = 7", "VACUUM"]
        {
            let refused: Result<()> = database.read(|conn| Ok(conn.batch_execute(statement)?));
            let refused = refused.expect_err(statement);
            let source = std::error::Error::source(&refused).expect("a cause").to_string();
            assert!(source.contains("readonly"), "{statement}: {source}");
        }
        database.write(|conn| insert_metric(conn)).expect("a write");
        assert_eq!(database.read(count_metrics).expect("a read"), 1);
    }
}

#[test]
fn reading_sees_what_was_committed_before_and_not_what_is_uncommitted() {
    let fixture = Fixture::created();
    let database = with_limit(&fixture, "2");
    database
        .write(|conn| {
            insert_metric(conn)?;
            let elsewhere = || database.read(count_metrics);
            let seen = thread::scope(|scope| scope.spawn(elsewhere).join().expect("a thread"));
            assert_eq!(seen?, 0);
            Ok(())
        })
        .expect("a write");
    assert_eq!(database.read(count_metrics).expect("a read"), 1);
}

#[test]
fn when_no_connection_is_free_the_error_says_how_many_are_used_and_what_to_raise() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, &[(Key::MaxConnections, "3"), (Key::PoolTimeout, "50")]);
    let (entered, enter) = mpsc::channel();
    thread::scope(|scope| {
        let mut release = Vec::new();
        for _ in 0..2 {
            let (go, wait) = mpsc::channel::<()>();
            release.push(go);
            let (database, entered) = (&database, entered.clone());
            scope.spawn(move || {
                database.read(|_| {
                    entered.send(()).expect("the test waits");
                    // Ends when the test drops the other end.
                    let _ = wait.recv();
                    Ok(())
                })
            });
        }
        for _ in 0..2 {
            enter.recv_timeout(Duration::from_secs(10)).expect("a reader inside");
        }
        let error = database.read(count_metrics).expect_err("no connection is free");
        assert!(matches!(error, Error::PoolTimeout(PoolTimeout { in_use: 2, .. })), "{error:?}");
        let message = error.to_string();
        for part in ["50 ms", "2 of", "DATABASE_MAX_CONNECTIONS", "DATABASE_POOL_TIMEOUT_MS"] {
            assert!(message.contains(part), "{message}");
        }
        // The writer is not one of them.
        database.write(|conn| insert_metric(conn)).expect("a write");
        drop(release);
    });
    assert_eq!(database.read(count_metrics).expect("a read"), 1);
}

#[test]
fn when_the_writer_is_busy_the_error_does_not_ask_for_more_connections() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, &[(Key::MaxConnections, "5"), (Key::PoolTimeout, "50")]);
    database
        .write(|_| {
            let elsewhere = || database.write(|conn| insert_metric(conn));
            let refused = thread::scope(|scope| scope.spawn(elsewhere).join().expect("a thread"));
            let error = refused.expect_err("there is one writer");
            let message = error.to_string();
            assert!(message.contains("1 of 1"), "{message}");
            assert!(message.contains("DATABASE_POOL_TIMEOUT_MS"), "{message}");
            // There is one writer whatever that setting says.
            assert!(!message.contains("DATABASE_MAX_CONNECTIONS"), "{message}");
            Ok(())
        })
        .expect("the first write");
}

#[test]
fn the_status_counts_those_who_had_to_wait() {
    let fixture = SqliteFixture::created();
    let database = with_limit(&fixture, "3");
    assert_eq!(database.pool_status().waits, 0);
    thread::scope(|scope| {
        let waiting = database
            .write(|_| {
                let waiting = scope.spawn(|| database.write(|conn| insert_metric(conn)));
                wait_until(|| database.pool_status().waits == 1);
                assert_eq!(database.pool_status().in_use, 1);
                Ok(waiting)
            })
            .expect("the first write");
        waiting.join().expect("a thread").expect("the second write");
    });
    assert_eq!(database.pool_status().waits, 1);
    assert_eq!(database.pool_status().in_use, 0);
}

/// Opening a connection may not drop the locks that the other connections of this process hold:
/// closing any descriptor of a file drops every POSIX lock that the process has on it.
#[cfg(unix)]
#[test]
fn opening_more_connections_while_writing_does_not_let_another_process_write_too() {
    let fixture = SqliteFixture::created();
    let settings = [(Key::MaxConnections, "4"), (Key::WalMode, "false")];
    let database = open(&fixture, &settings);
    // Seeding takes the write lock before it looks for what is missing.
    let other_process_writes = |exit| {
        let mut command = fixture.zenith();
        command.env("DATABASE_BUSY_TIMEOUT_MS", "100").args(["--no-wal-mode", "seed"]);
        run(&mut command, exit);
    };
    let inside = AtomicUsize::new(0);
    let meet = |_: &mut DbConnection| {
        inside.fetch_add(1, Ordering::SeqCst);
        wait_until(|| inside.load(Ordering::SeqCst) == 3);
        Ok(())
    };
    database
        .write(|conn| {
            insert_metric(conn)?;
            other_process_writes(1);
            thread::scope(|scope| {
                let readers: Vec<_> = (0..3).map(|_| scope.spawn(|| database.read(meet))).collect();
                for reader in readers {
                    reader.join().expect("a thread").expect("a read");
                }
            });
            other_process_writes(1);
            Ok(())
        })
        .expect("a commit");
    other_process_writes(0);
}

#[test]
fn opening_says_what_is_wrong_and_creates_nothing() {
    let fixture = Fixture::empty();
    let missing = Database::open(&fixture.config());
    assert!(matches!(missing, Err(Error::NoDatabase { .. })), "{missing:?}");
    fixture.assert_nothing_was_created();

    let fixture = SqliteFixture::empty();
    std::fs::write(fixture.path(), "not a database, but long enough to be one").expect("a file");
    let refused = Database::open(&fixture.config());
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    assert_eq!(fixture.files(), ["zenith.db"]);
}

#[test]
fn the_debug_form_names_the_database_and_reveals_no_rows() {
    let fixture = Fixture::created();
    let text = format!("{:?}", with_limit(&fixture, "2"));
    let name = fixture.config().location().to_string();
    assert!(text.contains(&name) && text.contains("max_connections: 2"), "{text}");
}

#[test]
fn a_connection_that_comes_back_with_a_transaction_open_is_not_used_again() {
    let fixture = Fixture::created();
    let database = with_limit(&fixture, "1");
    let version: Result<String> = database.read(|conn| {
        use diesel::connection::TransactionManager;
        <DbConnection as TransactionManager<DbConnection>>::begin_transaction(conn)?;
        Ok(dispatch!(conn, |c| diesel::select(sql::<Text>("'here'")).get_result(c))?)
    });
    version.expect("an answer");
    database.write(|conn| insert_metric(conn)).expect("a write");
    assert_eq!(fixture.text("SELECT count(*) FROM system_metrics"), "1");
}
