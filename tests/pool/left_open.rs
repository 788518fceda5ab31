//! `write` whose closure meddles with the transaction itself: never a commit that was none.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::connection::{Connection, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use zenith_db::schema::system_metrics;
use zenith_db::{DbConnection, Error, Result, Writer};

use super::writes::{insert, names, open, panic_quietly};
use crate::support::{Fixture, SqliteFixture};

/// What a closure may do to the transaction behind the back of `write`.
type Meddle = fn(&mut Writer<'_>);

fn begin_one_more(conn: &mut Writer<'_>) {
    <DbConnection as TransactionManager<DbConnection>>::begin_transaction(conn)
        .expect("a savepoint");
}

/// Diesel's `transaction` does not roll back on a panic.
fn panic_in_diesels_transaction(conn: &mut Writer<'_>) {
    let work = || conn.transaction(|_| -> Result<()> { panic_quietly() });
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
}

fn commit_too_early(conn: &mut Writer<'_>) {
    <DbConnection as TransactionManager<DbConnection>>::commit_transaction(conn).expect("a commit");
}

#[test]
fn a_transaction_that_is_left_open_is_never_said_to_be_committed() {
    for meddle in [begin_one_more as Meddle, panic_in_diesels_transaction] {
        let fixture = Fixture::created();
        let database = open(&fixture, "1");
        let done = database.write(|conn| {
            insert(conn, "lost")?;
            meddle(conn);
            insert(conn, "lost too")
        });
        assert!(matches!(done, Err(Error::Query(_))), "{done:?}");
        // In a nested write, the outer one goes on without it.
        let done = database.write(|conn| {
            insert(conn, "kept")?;
            let inner = conn.write(|conn| {
                insert(conn, "undone")?;
                meddle(conn);
                Ok(())
            });
            assert!(matches!(inner, Err(Error::Query(_))), "{inner:?}");
            let inner: Result<()> = conn.write(|conn| {
                insert(conn, "undone too")?;
                meddle(conn);
                Err(Error::Internal("changed my mind".into()))
            });
            assert!(matches!(inner, Err(Error::Internal(_))), "{inner:?}");
            Ok(())
        });
        done.expect("the outer one");
        assert_eq!(names(&fixture), "kept");
    }
}

#[test]
fn a_nested_write_that_ends_itself_does_not_end_the_outer_one() {
    let fixture = Fixture::created();
    let database = open(&fixture, "1");
    let done: Result<()> = database.write(|conn| {
        insert(conn, "lost")?;
        let inner = conn.write(|conn| {
            insert(conn, "lost too")?;
            commit_too_early(conn);
            Ok(())
        });
        assert!(matches!(inner, Err(Error::Query(_))), "{inner:?}");
        Err(Error::Internal("changed my mind".into()))
    });
    assert!(matches!(done, Err(Error::Internal(_))), "{done:?}");
    database.write(|conn| insert(conn, "kept")).expect("a write");
    assert_eq!(names(&fixture), "kept");
}

/// What Diesel does not know of. A server's connection is left as it is: to ask it would cost a round trip.
#[test]
fn a_transaction_that_a_read_has_begun_by_sql_ends_with_the_read() {
    for (limit, begin) in [("1", "BEGIN"), ("2", "BEGIN"), ("2", "SAVEPOINT one; SAVEPOINT two")] {
        let fixture = SqliteFixture::created();
        let database = open(&fixture, limit);
        let count =
            |conn: &mut DbConnection| Ok(system_metrics::table.count().get_result::<i64>(conn)?);
        let before = database.read(|conn| {
            conn.batch_execute(&format!("{begin}; SELECT count(*) FROM users"))?;
            count(conn)
        });
        database.write(|conn| insert(conn, "seen")).expect("a write");
        let after = database.read(count).expect("a read");
        assert_eq!(after, before.expect("a read") + 1, "{limit} {begin}");
    }
}

#[test]
fn a_connection_that_a_read_has_left_unfit_for_others_is_opened_again() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "1");
    // Whether the connection may write is asked of this table from then on.
    let hide =
        "PRAGMA query_only = OFF; CREATE TEMP TABLE pragma_query_only AS SELECT 7 AS query_only";
    database.read(|conn| Ok(conn.batch_execute(hide)?)).expect("a read");
    database.read(|_| Ok(())).expect("the next read");
    database.write(|conn| insert(conn, "kept")).expect("a write");
    assert_eq!(names(&fixture), "kept");
}

/// Diesel, which counts what it begins itself, takes the connection for one on which nothing is open.
#[test]
fn a_transaction_that_a_write_has_begun_by_sql_after_its_own_does_not_stay() {
    let fixture = SqliteFixture::created();
    for connections in ["1", "2"] {
        let database = open(&fixture, connections);
        for fails in [false, true] {
            let done = database.write(|conn| {
                commit_too_early(conn);
                conn.batch_execute("BEGIN IMMEDIATE")?;
                if fails { Err(Error::Internal("on purpose".into())) } else { Ok(()) }
            });
            assert!(done.is_err(), "{done:?}");
            database.write(|conn| insert(conn, "kept")).expect("the next write");
            fixture.sql("DELETE FROM system_metrics");
        }
    }
}
