//! Writes that run together, as a group of one transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use zenith_db::internal::pool::share_for;
use zenith_db::{Database, Error, Result, Writer};

/// Time for which a group stays open to those who wait: longer than a test takes.
pub(super) const A_MINUTE: Duration = Duration::from_secs(60);

pub(super) type Work = fn(&mut Writer<'_>) -> Result<()>;

/// What a write answered, or what it panicked with.
pub(super) type Answer = thread::Result<Result<()>>;

/// Runs these writes in the order of the list, as a group of one transaction: each begins to wait while the first is at
/// work. Returns their answers.
pub(super) fn together(database: &Database, writes: &[Work]) -> Vec<Answer> {
    together_within(database, A_MINUTE, writes)
}

/// Runs these writes as [`together`] does, but as groups that are open for no longer than this.
pub(super) fn together_within(
    database: &Database,
    longest: Duration,
    writes: &[Work],
) -> Vec<Answer> {
    share_for(database, longest);
    let (first, others) = writes.split_first().expect("a write");
    thread::scope(|scope| {
        let (began, has_begun) = channel();
        let (go, may_go) = channel();
        let mut running = vec![spawn(scope, database, *first, Some((began, may_go)))];
        has_begun.recv().expect("the first one begins");
        for (waiting, write) in (database.pool_status().waits + 1..).zip(others) {
            running.push(spawn(scope, database, *write, None));
            wait_until(|| database.pool_status().waits >= waiting);
        }
        go.send(()).expect("the first one goes on");
        running.into_iter().map(|thread| thread.join().expect("caught")).collect()
    })
}

pub(super) fn spawn<'s>(
    scope: &'s Scope<'s, '_>,
    database: &'s Database,
    work: Work,
    first: Option<(Sender<()>, Receiver<()>)>,
) -> ScopedJoinHandle<'s, Answer> {
    scope.spawn(move || {
        let write = || {
            database.write(|conn| {
                if let Some((began, may_go)) = first {
                    began.send(()).expect("somebody waits for it");
                    may_go.recv().expect("the signal");
                }
                work(conn)
            })
        };
        catch_unwind(AssertUnwindSafe(write))
    })
}

pub(super) fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it takes too long");
        thread::sleep(Duration::from_millis(1));
    }
}

pub(super) fn is_ok(result: &Answer) -> bool {
    matches!(result, Ok(Ok(())))
}

pub(super) fn is_shared(result: &Answer) -> bool {
    matches!(result, Ok(Err(Error::SharedCommit(_))))
}
