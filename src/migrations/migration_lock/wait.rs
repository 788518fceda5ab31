//! Waiting for the migration lock.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Wait for the migration lock. Its holder and the time waited are logged after one second, then every
/// ten seconds.
pub(super) struct LockWait {
    since: Instant,
    logged: Duration,
    timeout: Duration,
}

impl LockWait {
    /// Starts a wait. `limit` is how long one migration may block others, in milliseconds. Several
    /// processes may be waiting to migrate, so the wait allows for six of them.
    pub(super) fn new(limit: u64) -> Self {
        let timeout = Duration::from_millis(limit) * 6;
        Self { since: Instant::now(), logged: Duration::ZERO, timeout }
    }

    /// Sleeps for a moment. `lock_owner` is only called if its result is logged or returned.
    ///
    /// # Errors
    /// [`Error::Locked`] once the timeout has passed.
    pub(super) fn sleep(
        &mut self,
        lock_owner: impl FnOnce() -> Result<Option<String>>,
        source: Option<diesel::result::Error>,
    ) -> Result<()> {
        let waited = self.since.elapsed();
        if waited >= self.timeout {
            return Err(Error::Locked {
                action: "taking the lock for migrations",
                waited: Some(waited),
                lock_owner: lock_owner()?,
                source,
            });
        }
        if waited >= self.logged + Duration::from_secs(1) {
            let lock_owner = lock_owner()?.unwrap_or_else(|| "another connection".into());
            tracing::warn!("waiting for {lock_owner}, for {} s so far", waited.as_secs());
            self.logged =
                if self.logged.is_zero() { waited } else { self.logged + Duration::from_secs(9) };
        }
        std::thread::sleep(Duration::from_millis(20));
        Ok(())
    }
}
