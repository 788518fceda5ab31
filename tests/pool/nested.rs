//! A call of a database in the closure of another call of it is refused at once, and harms nobody.

use zenith_db::prelude::*;
use zenith_db::{Database, NestedCall};
use zenith_db::{Error, Result};

use super::together::wait_until;
use crate::support::Fixture;

type Call =
    (&'static str, fn(&Database, &mut dyn FnMut(&mut DbConnection) -> Result<()>) -> Result<()>);

const CALLS: [Call; 4] = [
    ("read", |database, work| database.read(work)),
    ("read_primary", |database, work| database.read_primary(work)),
    ("write", |database, work| database.write(|conn| work(conn))),
    ("write_with_retry", |database, work| database.write_with_retry(|conn| work(conn))),
];

const READY: Call = ("ready", |database, _| database.ready());

#[test]
fn each_call_in_another_is_refused_with_the_names_of_both() {
    let fixture = Fixture::created();
    let database = fixture.database();
    for (outer, call) in CALLS {
        for (inner, again) in CALLS.into_iter().chain([READY]) {
            let mut refused = None;
            let work = &mut |_: &mut DbConnection| {
                refused = Some(again(&database.clone(), &mut |_| Ok(())));
                Ok(())
            };
            call(&database, work).expect(outer);
            let Some(Err(Error::NestedCall(found))) = refused else { panic!("{refused:?}") };
            assert_eq!(found, NestedCall { outer, inner });
        }
    }
    // Nothing is left that keeps the next call out, even after an error or a panic.
    let failed: Result<()> = database.write(|_| database.read(|_| Ok(())));
    assert!(matches!(failed, Err(Error::NestedCall(_))));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        database.write(|_| -> Result<()> { panic!("in the closure") })
    }));
    assert!(panicked.is_err());
    database.write(|conn| conn.write(|_| Ok(()))).expect("a transaction in a transaction");
}

#[test]
fn another_database_and_another_thread_are_not_nested() {
    let (one, other) = (Fixture::created(), Fixture::created());
    let (one, other) = (one.database(), other.database());
    let users =
        |conn: &mut DbConnection| User::find_by_username(conn, "admin").map(|u| u.is_some());
    assert!(one.write(|_| other.write(|conn| users(conn))).expect("two databases"));
    let on_a_thread = one.read(|_| {
        Ok(std::thread::scope(|scope| {
            scope.spawn(|| one.write(|conn| users(conn))).join().expect("a thread")
        }))
    });
    assert!(on_a_thread.expect("a read").expect("a write"));
}

/// Others wait for the writer no longer than for any transaction.
#[test]
fn a_nested_call_holds_up_no_other_writer() {
    let fixture = Fixture::created();
    let database = fixture.database();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let nested: Result<()> = database.write(|_| database.write(|_| Ok(())));
                    assert!(matches!(nested, Err(Error::NestedCall(_))));
                    database.write(|conn| User::find(conn, UserId(1))).expect("a write");
                }
            });
        }
    });
    // The checkpoints may use a connection for a moment.
    wait_until(|| database.pool_status().in_use == 0);
}
