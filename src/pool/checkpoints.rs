//! Checkpoints of SQLite's log beside the writer, on a connection for reading.
//!
//! SQLite makes them in a commit, which waits for them. The writer makes them only if nobody else could for long.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use r2d2::Pool;

use super::connector::Connector;
use super::held::{Warning, Watch};
use super::usage::{Usages, Used};
use crate::config::DatabasePath;
use crate::connection::{MANY_PAGES, MOST_BYTES, MOST_PAGES};
use crate::locks::{Obstacle, Wanted, obstacle_of};

/// Pause between two looks at a log that is written to.
const PAUSE: Duration = Duration::from_millis(20);

/// Pause after a look that failed.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

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
            let mut keeper = Keeper { database, usages, watch: Watch::new(), is_failing: false };
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
    watch: Watch<Used>,
    /// Whether the last look failed.
    is_failing: bool,
}

impl Keeper {
    /// Makes a checkpoint if the log is long. Returns for how long to pause.
    fn look(&mut self, readers: &Pool<Connector>) -> Duration {
        let Some(mut slot) = readers.try_get() else {
            // The writer makes it in the end, unless one of those who read needs the log.
            let is_long = self.log_bytes() >= MOST_BYTES;
            let warning = self.watch.not_asked(is_long, self.usages.now(), Instant::now());
            self.warn(warning);
            return PAUSE;
        };
        let checkpointed = slot.get().and_then(|connection| {
            let log = connection.log()?;
            // The only one that reads is not kept from it for so long: the writer makes it.
            let may_take_long = readers.max_size() > 1;
            if log.pending() >= MANY_PAGES && may_take_long {
                connection.checkpoint_passively()
            } else {
                Ok(log)
            }
        });
        drop(slot);
        match checkpointed {
            Ok(log) => {
                self.is_failing = false;
                let is_held = log.is_held() && log.pages >= MOST_PAGES;
                let (held, now) = (is_held.then_some(log.checkpointed), self.usages.now());
                let warning = self.watch.asked(held, now, Instant::now());
                self.warn(warning);
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

    /// Returns the size of the log; 0 if there is none.
    fn log_bytes(&self) -> u64 {
        std::fs::metadata(self.database.with_suffix("-wal")).map_or(0, |log| log.len())
    }

    /// Warns of a log that is held for long: by those who have kept so many of its pages from being overwritten.
    fn warn(&self, held: Option<Warning<Used>>) {
        let Some(held) = held else { return };
        let mut holders: Vec<String> = held.reads.iter().map(Used::to_string).collect();
        if let Obstacle::Process(name) = obstacle_of(self.database.as_path(), Wanted::Log) {
            holders.push(name);
        }
        let holders = if holders.is_empty() { "unknown".into() } else { holders.join(", ") };
        tracing::warn!(
            database = %self.database.as_path().display(), bytes = self.log_bytes(), seconds = held.time.as_secs(), holders,
            "the write-ahead log grows, because a connection reads an old state of the database"
        );
    }
}
