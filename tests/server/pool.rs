//! The pool on a server: no more connections than allowed, none that is lost, no write where reading
//! was asked for, and conflicts tried again.
#![cfg(feature = "postgres")]

use std::sync::{Arc, Barrier};

use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use zenith_db::config::Key;
use zenith_db::dispatch;
use zenith_db::internal::connection::write;
use zenith_db::manager::DatabaseManager;
use zenith_db::prelude::*;
use zenith_db::schema::roles;
use zenith_db::{Error, Result};

use crate::support::administrator;
use crate::support::own_server::{Server, value};

fn open(settings: &[(Key, &str)]) -> Option<(Server, Database)> {
    let server = Server::start()?;
    let config = server.config(settings);
    let _ = DatabaseManager::new(config.clone()).initialize(&administrator()).expect("created");
    let database = Database::open(&config).expect("a database");
    Some((server, database))
}

fn new_role(conn: &mut DbConnection, name: &str) -> Result<()> {
    Ok(conn.batch_execute(&format!("INSERT INTO roles (name) VALUES ('{name}')"))?)
}

fn backends(server: &Server) -> usize {
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'zenith-db'";
    value(&mut server.admin("postgres"), ours).parse().expect("a number")
}

#[test]
fn there_are_never_more_connections_than_allowed() {
    let Some((server, database)) = open(&[(Key::MaxConnections, "3")]) else { return };
    let seen = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12)
            .map(|_| {
                scope.spawn(|| {
                    let look = |conn: &mut DbConnection| {
                        conn.batch_execute("SELECT pg_sleep(0.02)")?;
                        Ok(backends(&server))
                    };
                    (0..5).map(|_| database.read(look).expect("a turn")).max().unwrap_or(0)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).max()
    });
    assert_eq!(seen, Some(3));
    let status = database.pool_status();
    assert!(status.size <= 3 && status.waits > 0, "{status:?}");
}

#[test]
fn reading_refuses_to_write_however_it_is_tried() {
    let Some((_server, database)) = open(&[]) else { return };
    let refused = |result: Result<()>| match result.expect_err("a write") {
        Error::WriteRefused(_) => {}
        other => panic!("{other:?}"),
    };
    refused(database.read(|conn| new_role(conn, "a")));
    refused(database.read_primary(|conn| write(conn, |conn| new_role(conn, "a"))));
    database.write(|conn| new_role(conn, "a")).expect("a write");
    // A connection that has written reads again.
    refused(database.read(|conn| new_role(conn, "b")));
}

#[test]
fn lost_connections_are_replaced_and_at_most_one_is_noticed_by_its_user() {
    let Some((server, database)) = open(&[(Key::MaxConnections, "4")]) else { return };
    let all = Arc::new(Barrier::new(4));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                database.read(|_| {
                    all.wait();
                    Ok(())
                })
            });
        }
    });
    assert_eq!(backends(&server), 4);
    let cut = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
               WHERE application_name = 'zenith-db'";
    assert_eq!(value(&mut server.admin("postgres"), cut), "4");
    // The first may have been used a moment ago, and is handed out untested. Then all are tested.
    let ask = |conn: &mut DbConnection| Role::find_by_name(conn, "user").map(drop);
    let errors: Vec<Error> = (0..12).filter_map(|_| database.read(ask).err()).collect();
    assert!(errors.len() <= 1, "{errors:?}");
    assert!(errors.iter().all(|e| matches!(e, Error::ConnectionLost(_))), "{errors:?}");
    database.write(|conn| new_role(conn, "after")).expect("a new connection");
}

#[test]
fn after_a_restart_of_the_server_the_pool_goes_on() {
    let Some((server, database)) = open(&[(Key::MaxConnections, "2")]) else { return };
    server.stop();
    let away = database.read(|conn| Role::find_by_name(conn, "user")).expect_err("away");
    assert!(matches!(away, Error::ConnectionLost(_) | Error::PoolTimeout(_)), "{away:?}");
    server.resume();
    let found = database.read(|conn| Role::find_by_name(conn, "user")).expect("back again");
    assert!(found.is_some());
}

#[test]
fn two_that_wait_for_each_other_are_a_conflict_and_succeed_when_tried_again() {
    let Some((_server, database)) = open(&[]) else { return };
    database.write(|conn| new_role(conn, "a").and_then(|()| new_role(conn, "b"))).expect("two");
    let touch = |conn: &mut DbConnection, name: &str| -> Result<()> {
        dispatch!(conn, |conn| diesel::update(roles::table.filter(roles::name.eq(name)))
            .set(roles::description.eq("touched"))
            .execute(conn))?;
        Ok(())
    };
    // Each has one row before either asks for the other.
    let both = Barrier::new(2);
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let threads = [("a", "b"), ("b", "a")].map(|(first, second)| {
            let (database, both) = (&database, &both);
            scope.spawn(move || {
                database.write(|conn| {
                    touch(conn, first)?;
                    both.wait();
                    touch(conn, second)
                })
            })
        });
        threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
    });
    let conflicts = results.iter().filter(|r| r.as_ref().is_err_and(Error::is_retryable)).count();
    assert_eq!((conflicts, results.iter().filter(|r| r.is_ok()).count()), (1, 1), "{results:?}");

    // The same, tried again: the barrier is passed the first time only.
    let tries = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for (first, second) in [("a", "b"), ("b", "a")] {
            let (database, both, tries) = (&database, &both, &tries);
            scope.spawn(move || {
                let mut met = false;
                database
                    .write_with_retry(|conn| {
                        tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        touch(conn, first)?;
                        if !std::mem::replace(&mut met, true) {
                            both.wait();
                        }
                        touch(conn, second)
                    })
                    .expect("both get their turn");
            });
        }
    });
    assert!(tries.into_inner() >= 3);
}

#[test]
fn what_could_not_have_been_one_after_the_other_is_a_conflict() {
    let Some((_server, database)) = open(&[]) else { return };
    let serializable = |conn: &mut DbConnection| {
        conn.batch_execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    };
    let mut tries = 0;
    database
        .write_with_retry(|conn| {
            tries += 1;
            serializable(conn)?;
            let count: i64 = dispatch!(&mut *conn, |c| roles::table.count().get_result(c))?;
            if tries == 1 {
                let elsewhere = || {
                    database.write(|other| {
                        serializable(other)?;
                        let count: i64 =
                            dispatch!(&mut *other, |c| roles::table.count().get_result(c))?;
                        new_role(other, &format!("other-{count}"))
                    })
                };
                std::thread::scope(|scope| scope.spawn(elsewhere).join().expect("a thread"))?;
            }
            new_role(conn, &format!("one-{count}"))
        })
        .expect("the second try");
    assert_eq!(tries, 2);
    let retried = database.read(|conn| Role::find_by_name(conn, "one-6")).expect("a look");
    assert!(retried.is_some(), "it counted again");
}

#[test]
fn a_conflict_that_does_not_end_is_an_error_after_six_tries() {
    let Some((_server, database)) = open(&[]) else { return };
    let mut tries = 0;
    let error = database
        .write_with_retry(|conn| {
            tries += 1;
            let raise = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'serialization_failure';
                         END $$";
            Ok(conn.batch_execute(raise)?)
        })
        .expect_err("never");
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(tries, 6);
}

#[test]
fn connections_say_who_they_are_and_have_their_limits() {
    let settings = [(Key::StatementTimeout, "1234"), (Key::IdleTransactionTimeout, "0")];
    let Some((_server, database)) = open(&settings) else { return };
    let show = |name: &'static str| {
        move |conn: &mut DbConnection| {
            let sql = format!("current_setting('{name}')");
            let shown = diesel::dsl::sql::<diesel::sql_types::Text>(&sql);
            let shown: String = dispatch!(conn, |c| diesel::select(shown).get_result(c))?;
            Ok(shown)
        }
    };
    for (name, wanted) in [
        ("application_name", "zenith-db"),
        ("statement_timeout", "1234ms"),
        ("lock_timeout", "5s"),
        // The server's own.
        ("idle_in_transaction_session_timeout", "0"),
        ("TimeZone", "UTC"),
        ("client_encoding", "UTF8"),
    ] {
        assert_eq!(database.read(show(name)).expect(name), wanted, "{name}");
    }
}

/// As a migration does that another process runs.
#[test]
fn a_table_that_changes_costs_one_call_that_can_be_repeated_and_not_the_connection_for_ever() {
    let Some((server, database)) = open(&[(Key::MaxConnections, "1")]) else { return };
    let look = || database.read(|conn| Role::find_by_name(conn, "admin"));
    // Prepared once.
    look().expect("a look");
    let change = |kind: &str| {
        let change = format!("ALTER TABLE roles ALTER COLUMN description TYPE {kind}");
        server.admin("zenith").batch_execute(&change).expect("changed");
    };
    change("VARCHAR(300)");
    let refused = look().expect_err("another type");
    assert!(refused.is_retryable(), "{refused:?}");
    look().expect("a new connection");
    change("TEXT");
    let found = database.write_with_retry(|conn| Role::find_by_name(conn, "admin"));
    found.expect("the second attempt");
    // A pooler gives the connection another session.
    let forget = |conn: &mut DbConnection| Ok(conn.batch_execute("DEALLOCATE ALL")?);
    database.read(forget).expect("forgotten");
    let refused = look().expect_err("no statement");
    assert!(refused.is_retryable(), "{refused:?}");
    look().expect("a new connection");
}

#[test]
fn instrumentation_that_a_closure_sets_does_not_keep_a_connection_that_cannot_run_its_statements() {
    let Some((server, database)) = open(&[(Key::MaxConnections, "1")]) else { return };
    let silence = |conn: &mut DbConnection| {
        conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
        Role::find_by_name(conn, "admin")
    };
    let look = || database.read(|conn| Role::find_by_name(conn, "admin"));
    let mut length = 300;
    let mut change = || {
        length += 1;
        let change = format!("ALTER TABLE roles ALTER COLUMN description TYPE VARCHAR({length})");
        server.admin("zenith").batch_execute(&change).expect("changed");
    };
    // Those after it, and it itself.
    database.read(silence).expect("prepared");
    change();
    assert!(look().expect_err("another type").is_retryable());
    look().expect("a new connection");
    change();
    assert!(database.read(silence).expect_err("another type").is_retryable());
    look().expect("a new connection");
}

#[test]
fn a_write_whose_connection_was_lost_before_its_commit_is_tried_again() {
    let Some((server, database)) = open(&[(Key::MaxConnections, "1")]) else { return };
    let mut attempts = 0;
    let done = database.write_with_retry(|conn| {
        attempts += 1;
        new_role(conn, "once")?;
        if attempts == 1 {
            let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                       WHERE application_name = 'zenith-db'";
            value(&mut server.admin("postgres"), end);
        }
        new_role(conn, "and again")
    });
    done.expect("the second attempt");
    let rows = "SELECT count(*) FROM roles WHERE name IN ('once', 'and again')";
    assert_eq!((attempts, value(&mut server.admin("zenith"), rows).as_str()), (2, "2"));
}
