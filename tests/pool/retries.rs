//! `write_with_retry`: what was rolled back because of others is repeated, with any error type.

use std::sync::atomic::{AtomicUsize, Ordering};

use zenith_db::{Error, Result, SharedCommit};

use super::writes::{insert, names, open};
use crate::support::Fixture;

#[derive(Debug)]
struct Wrapped(Error);

impl From<Error> for Wrapped {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// Fails like one whose neighbour ended the transaction, so many times.
fn fails_first(times: usize) -> impl Fn() -> Result<()> {
    let tried = AtomicUsize::new(0);
    move || match tried.fetch_add(1, Ordering::Relaxed) {
        tried if tried < times => Err(SharedCommit::Ended.into()),
        _ => Ok(()),
    }
}

#[test]
fn a_write_is_repeated_until_it_succeeds_and_leaves_one_row() {
    let fixture = Fixture::created();
    let database = open(&fixture, "2");
    let attempt = fails_first(2);
    let write = database.write_with_retry(|conn| {
        insert(conn, "a")?;
        attempt()
    });
    write.expect("the third attempt");
    let attempt = fails_first(1);
    let write: Result<(), Wrapped> = database.try_write_with_retry(
        |Wrapped(error)| error.is_retryable(),
        |conn| {
            insert(conn, "b")?;
            Ok(attempt()?)
        },
    );
    write.expect("the second attempt");
    assert_eq!(names(&fixture), "a b");
}

#[test]
fn another_error_is_not_repeated_and_the_last_one_is_returned() {
    let fixture = Fixture::created();
    let database = open(&fixture, "2");
    let tried = AtomicUsize::new(0);
    let failed: Result<()> = database.write_with_retry(|_| {
        tried.fetch_add(1, Ordering::Relaxed);
        Err(Error::Internal("on purpose".into()))
    });
    assert!(matches!(failed, Err(Error::Internal(_))) && tried.into_inner() == 1);
    let attempt = fails_first(7);
    let failed = database.write_with_retry(|_| attempt());
    assert!(matches!(failed, Err(Error::SharedCommit(_))), "{failed:?}");
    assert!(attempt().is_err(), "there were more than six attempts");
    attempt().expect("the eighth call");
}
