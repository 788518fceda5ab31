//! The end of a [`Database`], and whether it lives.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::queue::Sharing;
use super::{Database, Primary};
use crate::backend::DbConnection;
use crate::error::{Result, StillRunning};

/// Pause between two looks whether a call has ended.
const PAUSE: Duration = Duration::from_millis(2);

impl Database {
    /// Fails unless a connection for writing answers, with the settings that it was opened with, and its file is at its
    /// path.
    pub(crate) fn ping_writer(&self) -> Result<()> {
        match &self.inner.primary {
            Primary::File(queue) => {
                let accepted = self.accept("ready")?;
                let _running = accepted.enter("ready");
                self.turn(queue, Sharing::Alone)?.check()
            }
            #[cfg(feature = "postgres")]
            Primary::Server(_) => self.read_primary(DbConnection::ping),
        }
    }

    /// Refuses calls of all clones from now on with [`CallRefused::Closed`](crate::CallRefused::Closed), waits for those
    /// that run or wait, and writes what SQLite's log holds to the database file; if another connection reads an old
    /// state of the database, some of it stays in the log, which a warning says, and nothing is lost. A database that is
    /// closed already is left alone. Connections for reading are closed when the last clone is dropped. After an error
    /// the database is closed all the same, and this can be called again.
    ///
    /// # Errors
    /// [`Error::StillRunning`](crate::Error::StillRunning) if a call runs for longer than `DATABASE_POOL_TIMEOUT_MS`;
    /// [`Error::NestedCall`](crate::Error::NestedCall) in the closure of a call.
    pub fn close(&self) -> Result<()> {
        self.ensure_outermost("close")?;
        self.inner.is_closed.store(true, Ordering::SeqCst);
        let _closing = self.inner.closing.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        loop {
            let running = self.inner.running.load(Ordering::SeqCst);
            if running == 0 {
                break;
            }
            let timeout = self.inner.config.pool_timeout();
            if begun.elapsed() > timeout {
                return Err(StillRunning { timeout_ms: timeout.as_millis(), calls: running }.into());
            }
            std::thread::sleep(PAUSE);
        }
        if let Some(checkpoints) = &self.inner.checkpoints {
            checkpoints.end();
        }
        match &self.inner.primary {
            Primary::File(queue) => {
                if let Some(mut writer) = queue.close().map_err(|reason| self.no_turn(reason))? {
                    checkpoint(&mut writer);
                }
            }
            #[cfg(feature = "postgres")]
            Primary::Server(_) => {}
        }
        Ok(())
    }
}

fn checkpoint(connection: &mut DbConnection) {
    match connection.checkpoint_at_last() {
        // What is in the log is safe, and the next connection reads it.
        Ok(log) if log.pending() > 0 => {
            tracing::warn!(
                pages = log.pending(),
                "the log stays, because another connection uses it"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "the log was not written to the database"),
    }
}
