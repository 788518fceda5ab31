//! Writes that share a transaction, and with it a commit, which is what a write waits for.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::result::Error as DieselError;

use super::measure;
use crate::error::{Error, SharedCommit};

/// Most writes that share a commit.
const MOST: usize = 64;

/// Time since the end of the first write after which no further one joins.
pub(super) const LONGEST: Duration = Duration::from_millis(2);

/// Transaction of which at least one write is done.
pub(super) struct Group {
    outcome: Arc<Outcome>,
    /// Writes that have joined, with those that failed.
    members: usize,
    /// Writes that the commit is to keep.
    succeeded: usize,
    begun: Instant,
    /// Time since then after which no further write joins.
    longest: Duration,
    /// Whether the commit has begun: then a panic does not say what became of it.
    is_ending: bool,
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
    /// A panic, such as in the application's instrumentation of the connection, has ended the commit, or the connection
    /// does not say what became of it.
    Unknown,
}

impl Group {
    /// Returns a group of one write, which is done, in a transaction that is ready for others.
    /// Others join for as long as this.
    pub(super) fn of_one(longest: Duration) -> Self {
        let begun = Instant::now();
        Self { outcome: Arc::default(), members: 1, succeeded: 1, begun, longest, is_ending: false }
    }

    /// Counts another write, for which the result tells what becomes of it.
    pub(super) fn join(&mut self) -> Arc<Outcome> {
        self.members += 1;
        self.outcome()
    }

    /// Counts a write that has joined as one for the commit to keep.
    pub(super) const fn count_success(&mut self) {
        self.succeeded += 1;
    }

    /// Whether another write may join.
    pub(super) fn is_open(&self) -> bool {
        self.members < MOST && self.begun.elapsed() < self.longest
    }

    pub(super) fn outcome(&self) -> Arc<Outcome> {
        self.outcome.clone()
    }

    /// Says that the commit begins now.
    pub(super) const fn begin_to_end(&mut self) {
        self.is_ending = true;
    }

    /// Tells the members that the transaction is committed, or why not.
    pub(super) fn end(self, committed: Result<(), Error>) {
        let is_committed = committed.is_ok();
        self.outcome.end(match committed {
            Ok(()) => End::Committed,
            Err(Error::SharedCommit(reason)) => End::RolledBack(reason),
            Err(Error::CommitUnknown(_)) => End::Unknown,
            Err(cause) if self.members == 1 => End::Failed(Some(cause)),
            Err(cause) => End::RolledBack(SharedCommit::Failed(Arc::new(cause))),
        });
        // Last, because the application's recorder may panic.
        if is_committed {
            measure::committed(self.succeeded);
        }
    }
}

/// Nobody is to wait for a group that is lost, such as in a panic.
impl Drop for Group {
    fn drop(&mut self) {
        self.outcome.end(if self.is_ending {
            End::Unknown
        } else {
            End::RolledBack(SharedCommit::Ended)
        });
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
    /// member; [`Error::CommitUnknown`].
    pub(super) fn wait(&self) -> Result<(), Error> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &mut *ended {
                Some(End::Committed) => return Ok(()),
                Some(End::RolledBack(reason)) => return Err(reason.clone().into()),
                Some(End::Failed(cause)) => {
                    return Err(cause.take().unwrap_or(SharedCommit::Ended.into()));
                }
                Some(End::Unknown) => return Err(Error::CommitUnknown(unknown())),
                None => ended = self.told.wait(ended).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

fn unknown() -> DieselError {
    DieselError::QueryBuilderError(
        "a panic ended the commit, such as one in the application's instrumentation of connections, or the connection \
         does not say what became of it"
            .into(),
    )
}
