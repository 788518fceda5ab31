//! Writes that share a transaction, and with it a commit, which is what a write waits for.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::measure;
use crate::error::{Error, SharedCommit};

/// Most writes that share a commit.
const MOST: usize = 64;

/// Time since the end of the first write after which no further one joins.
fn longest() -> Duration {
    #[cfg(feature = "testing")]
    if testing::WAITS.load(std::sync::atomic::Ordering::Relaxed) {
        return Duration::from_secs(60);
    }
    Duration::from_millis(2)
}

/// For the tests of groups, which must not depend on how fast a machine is.
#[cfg(feature = "testing")]
pub(super) mod testing {
    use std::sync::atomic::{AtomicBool, Ordering};

    pub(super) static WAITS: AtomicBool = AtomicBool::new(false);

    /// Keeps every group of the process open to those who wait.
    pub fn keep_groups_open() {
        WAITS.store(true, Ordering::Relaxed);
    }
}

/// Transaction of which at least one write is done.
pub(super) struct Group {
    outcome: Arc<Outcome>,
    members: usize,
    begun: Instant,
}

/// What becomes of a group's transaction, for its members to wait for.
#[derive(Default)]
pub(super) struct Outcome {
    ended: Mutex<Option<End>>,
    told: Condvar,
}

/// End of a group's transaction.
pub(super) enum End {
    Committed,
    /// It was rolled back, and with it the writes of all members.
    RolledBack(SharedCommit),
    /// The commit of a group of one failed, for this reason, until that one has it.
    Failed(Option<Error>),
}

impl Group {
    /// Returns a group of one write, which is done, in a transaction that is ready for others.
    pub(super) fn of_one() -> Self {
        Self { outcome: Arc::default(), members: 1, begun: Instant::now() }
    }

    /// Counts another write, for which the result tells what becomes of it.
    pub(super) fn join(&mut self) -> Arc<Outcome> {
        self.members += 1;
        self.outcome()
    }

    /// Whether another write may join.
    pub(super) fn is_open(&self) -> bool {
        self.members < MOST && self.begun.elapsed() < longest()
    }

    pub(super) fn outcome(&self) -> Arc<Outcome> {
        self.outcome.clone()
    }

    /// Tells the members that the transaction is committed, or why not.
    pub(super) fn end(self, committed: Result<(), Error>) {
        self.outcome.end(match committed {
            Ok(()) => {
                measure::committed(self.members);
                End::Committed
            }
            Err(Error::SharedCommit(reason)) => End::RolledBack(reason),
            Err(cause) if self.members == 1 => End::Failed(Some(cause)),
            Err(cause) => End::RolledBack(SharedCommit::Failed(Arc::new(cause))),
        });
    }
}

/// Nobody is to wait for a group that is lost, such as in a panic.
impl Drop for Group {
    fn drop(&mut self) {
        self.outcome.end(End::RolledBack(SharedCommit::Ended));
    }
}

impl Outcome {
    /// Tells the members, unless they know already.
    fn end(&self, end: End) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(end);
        self.told.notify_all();
    }

    /// Waits for the end of the group.
    ///
    /// # Errors
    /// [`Error::SharedCommit`] if the transaction was rolled back; the error of the commit, if this was the only
    /// member.
    pub(super) fn wait(&self) -> Result<(), Error> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &mut *ended {
                Some(End::Committed) => return Ok(()),
                Some(End::RolledBack(reason)) => return Err(reason.clone().into()),
                Some(End::Failed(cause)) => {
                    return Err(cause.take().unwrap_or(SharedCommit::Ended.into()));
                }
                None => ended = self.told.wait(ended).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
