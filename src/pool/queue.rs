//! SQLite's one connection for writing, which callers get in turn: first come, first served.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::group::{Group, LONGEST, Outcome};
use super::seat::Seat;
use crate::backend::DbConnection;
use crate::config::Config;
use crate::connection::{Access, OpenFile};
use crate::error::{Error, Result};

/// The connection, and those who wait for it.
pub(super) struct Queue {
    config: Config,
    file: OpenFile,
    state: Mutex<State>,
    /// Time for which a group is open to others.
    #[cfg(feature = "testing")]
    longest: Mutex<Duration>,
}

struct State {
    /// The seat, while nobody has it; then nobody waits.
    free: Option<Box<Seat>>,
    waiting: VecDeque<Arc<Ticket>>,
    is_closed: bool,
}

/// Why somebody gets no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTurn {
    /// `DATABASE_POOL_TIMEOUT_MS` has passed.
    TooLate,
    /// The connection is closed, and is not opened again.
    Closed,
}

/// Place in the queue.
struct Ticket {
    joins: bool,
    seat: Mutex<Option<Box<Seat>>>,
    given: Condvar,
}

/// Whether somebody shares a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// In a transaction that may be another's too.
    Shared,
    /// Outside of every transaction that is open.
    Alone,
}

impl Queue {
    /// Returns the queue for a connection to the database at this path, which is opened.
    pub(super) fn open(config: &Config, path: &Path) -> Result<Self> {
        // Before the connection is opened, so that what is put there meanwhile does not pass for its file. If there is
        // none, opening says so better.
        let file = OpenFile::at(path);
        let seat = Seat::open(config)?;
        let file = file?;
        file.ensure_in_place()?;
        let state =
            State { free: Some(Box::new(seat)), waiting: VecDeque::new(), is_closed: false };
        Ok(Self {
            config: config.clone(),
            file,
            state: Mutex::new(state),
            #[cfg(feature = "testing")]
            longest: Mutex::new(LONGEST),
        })
    }

    /// Keeps groups open to others for as long as this.
    #[cfg(feature = "testing")]
    pub(super) fn share_for(&self, longest: Duration) {
        *self.longest.lock().unwrap_or_else(PoisonError::into_inner) = longest;
    }

    #[cfg(feature = "testing")]
    fn longest(&self) -> Duration {
        *self.longest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "tests change it")]
    const fn longest(&self) -> Duration {
        LONGEST
    }

    /// Returns the file that is open.
    pub(super) const fn file(&self) -> &OpenFile {
        &self.file
    }

    /// Waits for a turn. `when_waiting` is called if the connection is not free.
    pub(super) fn wait(
        &self,
        sharing: Sharing,
        when_waiting: impl FnOnce(),
    ) -> Result<Turn<'_>, NoTurn> {
        let mut state = self.state();
        if state.is_closed {
            return Err(NoTurn::Closed);
        }
        if let Some(seat) = state.free.take() {
            return Ok(Turn { queue: self, seat: Some(seat) });
        }
        let ticket = Arc::new(Ticket {
            joins: sharing == Sharing::Shared,
            seat: Mutex::new(None),
            given: Condvar::new(),
        });
        state.waiting.push_back(ticket.clone());
        drop(state);
        when_waiting();
        let seat = ticket.wait(Instant::now() + self.config.pool_timeout()).or_else(|| {
            let mut state = self.state();
            state.waiting.retain(|other| !Arc::ptr_eq(other, &ticket));
            // Given at the last moment, which nobody else can take from here.
            ticket.seat.lock().unwrap_or_else(PoisonError::into_inner).take()
        });
        let seat = seat.ok_or(NoTurn::TooLate)?;
        Ok(Turn { queue: self, seat: Some(seat) })
    }

    /// Takes the connection away for ever, when nobody uses it any more. One that was found broken is opened again: what
    /// is in the log is still to be written.
    pub(super) fn close(&self) -> Result<Option<DbConnection>, NoTurn> {
        let mut turn = match self.wait(Sharing::Alone, || ()) {
            Err(NoTurn::Closed) => return Ok(None),
            turn => turn?,
        };
        if let Err(error) = turn.connection() {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(error, "the log stays, because the database cannot be opened again");
        }
        self.state().is_closed = true;
        Ok(turn.seat.take().and_then(|seat| seat.into_connection()))
    }

    /// Returns how many connections are open, 0 or 1, and how many of them are free.
    pub(super) fn open_and_free(&self) -> (u32, u32) {
        let state = self.state();
        match &state.free {
            None if state.is_closed => (0, 0),
            None => (1, 0),
            Some(seat) if seat.is_open() => (1, 1),
            Some(_) => (0, 0),
        }
    }

    fn next_joins(&self) -> bool {
        self.state().next_joins()
    }

    /// Gives the seat to the next, or to nobody. If a group is open, only to one who joins it: otherwise the seat is
    /// returned.
    fn pass(&self, seat: Box<Seat>) -> Option<Box<Seat>> {
        let mut state = self.state();
        if seat.has_group() && !state.next_joins() {
            return Some(seat);
        }
        match state.waiting.pop_front() {
            None => state.free = Some(seat),
            // While the queue is locked, so that who gives up waiting knows whether it was given.
            Some(next) => next.give(seat),
        }
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing between locking and unlocking can leave half a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_joins(&self) -> bool {
        self.waiting.front().is_some_and(|next| next.joins)
    }
}

impl Ticket {
    fn give(&self, seat: Box<Seat>) {
        *self.seat.lock().unwrap_or_else(PoisonError::into_inner) = Some(seat);
        self.given.notify_one();
    }

    fn wait(&self, deadline: Instant) -> Option<Box<Seat>> {
        let mut seat = self.seat.lock().unwrap_or_else(PoisonError::into_inner);
        while seat.is_none() {
            let left = deadline.checked_duration_since(Instant::now())?;
            let waited = self.given.wait_timeout(seat, left);
            seat = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        seat.take()
    }
}

/// Use of the connection until this is dropped: then it is the next one's, with the transaction if that joins it,
/// and otherwise after the commit.
pub(super) struct Turn<'a> {
    queue: &'a Queue,
    /// The seat, until it is passed on.
    seat: Option<Box<Seat>>,
}

impl Turn<'_> {
    /// Returns the connection, which is opened again if it was found broken.
    pub(super) fn connection(&mut self) -> Result<&mut DbConnection> {
        let seat = self.seat.as_mut().ok_or(Error::ConnectionClosed)?;
        seat.connection(&self.queue.config, &self.queue.file)
    }

    /// Fails if the file is not at its path any more: what is written would be gone when it is closed.
    pub(super) fn ensure_in_place(&self) -> Result<()> {
        self.queue.file.ensure_in_place()
    }

    /// Fails if the connection is not fit for writing: the file is not in its place, or a closure has changed the
    /// settings of the connection, which is opened again by the next then.
    pub(super) fn check(&mut self) -> Result<()> {
        self.ensure_in_place()?;
        let config = &self.queue.config;
        let configured = self.connection()?.ensure_configured(config, Access::Write);
        if configured.is_err() {
            self.lose();
        }
        configured
    }

    /// Closes the connection, which is not fit for others. The next one opens another.
    pub(super) fn lose(&mut self) {
        self.seat = Some(Box::new(Seat::lost()));
    }

    /// Returns the group whose transaction is open.
    pub(super) fn group(&mut self) -> Option<&mut Group> {
        self.seat.as_mut()?.group()
    }

    /// Leaves the transaction that is open to others who wait for it. Returns `None` if nobody does, or it cannot be
    /// shared.
    pub(super) fn share(&mut self) -> Result<Option<Arc<Outcome>>> {
        let shares = self.queue.config.sqlite().foreign_keys && self.queue.next_joins();
        let longest = self.queue.longest();
        self.seat.as_mut().filter(|_| shares).map_or(Ok(None), |seat| seat.begin_group(longest))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Before the seat, so that in a panic the seat is dropped first: the next one must not wait for the lock that the
        // old connection holds.
        let unless_passed = Replace(Some(self.queue));
        let Some(mut seat) = self.seat.take() else { return unless_passed.disarm() };
        // Nothing is asked of SQLite if nobody waits.
        if seat.has_group() && self.queue.next_joins() && seat.may_be_joined() {
            match self.queue.pass(seat) {
                None => return unless_passed.disarm(),
                Some(back) => seat = back,
            }
        }
        let ended = seat.settle();
        self.queue.pass(seat);
        unless_passed.disarm();
        // The next one is at work already.
        if let Some((group, committed)) = ended {
            group.end(committed);
        }
    }
}

/// Passes another seat on if a panic, such as in the application's instrumentation of the connection, loses the seat.
struct Replace<'a>(Option<&'a Queue>);

impl Replace<'_> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Replace<'_> {
    fn drop(&mut self) {
        if let Some(queue) = self.0 {
            queue.pass(Box::new(Seat::lost()));
        }
    }
}
