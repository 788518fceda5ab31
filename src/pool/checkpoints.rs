//! Checkpoints of SQLite's log beside the writer, on a connection for reading.
//!
//! SQLite makes them in a commit, which waits for them. The writer makes them only if nobody else could for long.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use r2d2::Pool;

use super::connector::Connector;
use super::usage::{Usages, Used};
use crate::config::DatabasePath;
use crate::connection::{MANY_PAGES, MOST_BYTES, MOST_PAGES};
use crate::locks::{Obstacle, Wanted, obstacle_of};

/// Pause between two looks at a log that is written to.
const PAUSE: Duration = Duration::from_millis(20);

/// Pause after a look that failed.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

/// Time for which a log must be held before a warning says by whom.
const PATIENCE: Duration = Duration::from_secs(1);

/// The checkpoints of one database, by a thread that ends when this is dropped.
pub(super) struct Checkpoints {
    readers: Pool<Connector>,
    usages: Arc<Usages>,
    database: DatabasePath,
    signal: Arc<Signal>,
}

#[derive(Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether something was written since the last look.
    is_written: bool,
    is_over: bool,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    pub(super) fn new(
        readers: Pool<Connector>,
        usages: Arc<Usages>,
        database: DatabasePath,
    ) -> Self {
        Self { readers, usages, database, signal: Arc::default() }
    }

    /// Says that something may have been written. The first time, this begins a thread.
    pub(super) fn written(&self) {
        let mut state = self.signal.state();
        state.is_written = true;
        self.signal.changed.notify_one();
        if state.thread.is_none() && !state.is_over {
            let (signal, readers) = (self.signal.clone(), self.readers.clone());
            let (database, usages) = (self.database.clone(), self.usages.clone());
            let mut keeper = Keeper { database, usages, held: None, is_failing: false };
            let subscriber = tracing::dispatcher::get_default(Clone::clone);
            let run = move || {
                tracing::dispatcher::with_default(&subscriber, || {
                    signal.each_time(|| keeper.look(&readers));
                });
            };
            match std::thread::Builder::new().name("zenith-checkpoint".into()).spawn(run) {
                Ok(begun) => state.thread = Some(begun),
                Err(error) => tracing::debug!(%error, "the writer has to make the checkpoints"),
            }
        }
    }

    /// Waits for a checkpoint that runs. There is none after it.
    pub(super) fn end(&self) {
        let mut state = self.signal.state();
        state.is_over = true;
        let thread = state.thread.take();
        drop(state);
        self.signal.changed.notify_one();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that makes checkpoints has panicked");
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.end();
    }
}

impl Signal {
    /// Calls `look` after each write, with pauses, of which it returns the length.
    fn each_time(&self, mut look: impl FnMut() -> Duration) {
        loop {
            let idle = |state: &mut State| !state.is_written && !state.is_over;
            let waited = self.changed.wait_while(self.state(), idle);
            let mut state = waited.unwrap_or_else(PoisonError::into_inner);
            if state.is_over {
                return;
            }
            state.is_written = false;
            drop(state);
            let pause = look();
            let goes_on = |state: &mut State| !state.is_over;
            drop(self.changed.wait_timeout_while(self.state(), pause, goes_on));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread that makes checkpoints remembers from one look to the next.
struct Keeper {
    database: DatabasePath,
    usages: Arc<Usages>,
    held: Option<Held>,
    /// Whether the last look failed.
    is_failing: bool,
}

/// Log that cannot be emptied, because a connection reads an old state of the database.
struct Held {
    /// Number of its pages that are in the database file; `None` if no connection was free to ask.
    checkpointed: Option<i32>,
    since: Instant,
    /// The reads that ran when it was first seen so.
    reads: Vec<Used>,
    is_told: bool,
}

impl Keeper {
    /// Makes a checkpoint if the log is long. Returns for how long to pause.
    fn look(&mut self, readers: &Pool<Connector>) -> Duration {
        let Some(mut slot) = readers.try_get() else {
            // The writer makes it in the end, unless one of those who read needs the log.
            let is_held = self.log_bytes() >= MOST_BYTES;
            self.watch(is_held.then_some(None));
            return PAUSE;
        };
        let checkpointed = slot.get().and_then(|connection| {
            let log = connection.log()?;
            if log.pending() < MANY_PAGES { Ok(log) } else { connection.checkpoint_passively() }
        });
        drop(slot);
        match checkpointed {
            Ok(log) => {
                self.is_failing = false;
                let is_held = log.is_held() && log.pages >= MOST_PAGES;
                self.watch(is_held.then_some(Some(log.checkpointed)));
                PAUSE
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    let error: &(dyn std::error::Error + 'static) = &error;
                    tracing::warn!(error, "the write-ahead log cannot be written to the database");
                }
                PAUSE_AFTER_ERROR
            }
        }
    }

    /// Warns once of each log that is held for long: by those who have kept so many of its pages from being overwritten.
    fn watch(&mut self, held: Option<Option<i32>>) {
        let Some(checkpointed) = held else {
            self.held = None;
            return;
        };
        let now = self.usages.now();
        let held = match self.held.take() {
            // While nobody is free to ask, it is held only if somebody still reads who did at first.
            Some(mut held)
                if held.checkpointed == checkpointed
                    && (checkpointed.is_some() || held.reads.iter().any(|it| now.contains(it))) =>
            {
                if !held.is_told && held.since.elapsed() >= PATIENCE {
                    self.warn(&held, &now);
                    held.is_told = true;
                }
                held
            }
            _ => Held { checkpointed, since: Instant::now(), reads: now, is_told: false },
        };
        self.held = Some(held);
    }

    /// Returns the size of the log; 0 if there is none.
    fn log_bytes(&self) -> u64 {
        std::fs::metadata(self.database.with_suffix("-wal")).map_or(0, |log| log.len())
    }

    fn warn(&self, held: &Held, now: &[Used]) {
        // The same uses of connections as when it began.
        let mut holders: Vec<String> = Vec::new();
        holders.extend(held.reads.iter().filter(|read| now.contains(read)).map(Used::to_string));
        if let Obstacle::Process(name) = obstacle_of(self.database.as_path(), Wanted::Log) {
            holders.push(name);
        }
        let holders = if holders.is_empty() { "unknown".into() } else { holders.join(", ") };
        tracing::warn!(
            database = %self.database.as_path().display(), bytes = self.log_bytes(), seconds = held.since.elapsed().as_secs(), holders,
            "the write-ahead log grows, because a connection reads an old state of the database"
        );
    }
}
