//! Time that a step may take.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use zenith_db::Error;

use crate::error::{AdoptionError, Result};

/// Seconds for a step on a small file.
const BASE: u64 = 20;
/// Bytes of the file that add a second: a tenth of what a slow disk reads in it.
const PER_SECOND: u64 = 1_000_000;
/// Time after which a step that does not stop by itself is abandoned.
const GRACE: Duration = Duration::from_secs(5);

/// Time that a step may take. It depends on the size of the file only, so that no content can block an
/// adoption.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    end: Instant,
    seconds: u64,
}

impl Budget {
    /// Returns the time for a step that reads the file, from now on.
    pub(crate) fn for_file(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(Error::io("inspect", path))?;
        let seconds = BASE + metadata.len() / PER_SECOND;
        Ok(Self { end: Instant::now() + Duration::from_secs(seconds), seconds })
    }

    pub(crate) fn is_spent(self) -> bool {
        Instant::now() >= self.end
    }

    /// Returns the error for a step that took too long.
    pub(crate) fn error(self, object: &str) -> AdoptionError {
        AdoptionError::TooSlow { object: object.to_owned(), seconds: self.seconds }
    }

    /// Runs a step in a thread of its own. SQLite interrupts a statement between two of its operations,
    /// but a single function over a long text may take hours: the thread is then abandoned, and ends
    /// with the process.
    pub(crate) fn run<T: Send + 'static>(
        self,
        object: &str,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = sync_channel(1);
        let started = thread::Builder::new().name("zenith-adopt".into()).spawn(move || {
            // Nobody waits for the result of an abandoned thread.
            drop(sender.send(work()));
        });
        started.map_err(Error::io("start a thread for", Path::new(object)))?;
        let left = self.end.saturating_duration_since(Instant::now()) + GRACE;
        match receiver.recv_timeout(left) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(self.error(object)),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Error::Internal("a thread of the adoption panicked".into()).into())
            }
        }
    }
}
