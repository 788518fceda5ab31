//! Asynchronous calls of one kind, in the order in which they ask, on a bounded number of threads that may block.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::measure::{self, WaitFor};
use crate::error::{CallRefused, Error, PoolTimeout, Result, StillRunning};

/// Most calls that wait, of reads and of writes.
const LONGEST_QUEUE: usize = 4_096;

/// Asynchronous calls of one kind, reads or writes, and the threads that they may use.
#[derive(Debug)]
pub(super) struct Lane {
    /// One permit for each thread.
    permits: Arc<Semaphore>,
    threads: usize,
    wait: WaitFor,
    waiting: AtomicUsize,
    longest_wait: Duration,
    is_closed: AtomicBool,
}

impl Lane {
    pub(super) fn new(threads: usize, wait: WaitFor, longest_wait: Duration) -> Self {
        let threads = threads.min(Semaphore::MAX_PERMITS);
        let permits = Arc::new(Semaphore::new(threads));
        Self {
            permits,
            threads,
            wait,
            waiting: AtomicUsize::new(0),
            longest_wait,
            is_closed: AtomicBool::new(false),
        }
    }

    /// Runs `work` when its turn comes. `when_waiting` is called if that is not at once.
    pub(super) async fn run<T, E>(
        &self,
        when_waiting: impl FnOnce() + Send,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let permit = self.permit(when_waiting).await?;
        let done = in_background(move || {
            let done = work();
            // Here, and not in the caller, who may ask for the result much later or never.
            drop(permit);
            done
        });
        done.await.map_err(Error::from)?
    }

    async fn permit(&self, when_waiting: impl FnOnce() + Send) -> Result<OwnedSemaphorePermit> {
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(CallRefused::Closed.into());
        }
        let permits = self.permits.clone();
        if let Ok(permit) = permits.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let (_waiting, since) = (Waiting::begin(&self.waiting)?, Instant::now());
        when_waiting();
        let permit = timeout(self.longest_wait, permits.acquire_owned()).await;
        measure::waited(self.wait, since);
        match permit {
            Ok(permit) => Ok(permit.map_err(|_| CallRefused::Closed)?),
            Err(_) => Err(self.timed_out().into()),
        }
    }

    fn timed_out(&self) -> PoolTimeout {
        let in_use = u32::try_from(self.threads - self.permits.available_permits());
        PoolTimeout {
            timeout_ms: self.longest_wait.as_millis(),
            in_use: in_use.unwrap_or(u32::MAX),
            limit: u32::try_from(self.threads).unwrap_or(u32::MAX),
            detail: String::new(),
            advice: "the calls before take too long: make them shorter, or raise DATABASE_POOL_TIMEOUT_MS",
        }
    }

    /// Refuses calls from now on.
    pub(super) fn refuse(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    /// Waits until those who have asked before are served.
    pub(super) async fn drain(&self) -> Result<()> {
        let all = u32::try_from(self.threads).unwrap_or(u32::MAX);
        let drained = timeout(self.longest_wait, self.permits.acquire_many(all)).await;
        drained.map(drop).map_err(|_| {
            let at_work = self.threads - self.permits.available_permits();
            let calls = at_work + self.waiting.load(Ordering::Relaxed);
            StillRunning { timeout_ms: self.longest_wait.as_millis(), calls }.into()
        })
    }
}

/// Call that waits for a permit, until this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Result<Self, CallRefused> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let this = Self(waiting);
        if before >= LONGEST_QUEUE {
            return Err(CallRefused::Overloaded { waiting: before, limit: LONGEST_QUEUE });
        }
        Ok(this)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `work` on a thread that may block, in the span of the caller. It runs to its end even if nobody waits for it.
pub(super) async fn in_background<T>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CallRefused>
where
    T: Send + 'static,
{
    let span = tracing::Span::current();
    #[cfg(feature = "testing")]
    let clock = crate::types::testing::Clock::of_this_thread();
    let running = spawn_blocking(move || {
        #[cfg(feature = "testing")]
        let _entered = clock.as_ref().map(crate::types::testing::Clock::enter);
        span.in_scope(work)
    });
    running.await.map_err(|failed| match failed.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        // It has not begun the work.
        Err(_) => CallRefused::RuntimeEnded,
    })
}
