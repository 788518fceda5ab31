//! Reads from a replica, and from the primary while the replica is not available or busy.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use r2d2::{Pool, PooledConnection};

use super::connector::{ConnectionRole, Connector};
use crate::config::Config;
use crate::connection::Identity;

/// Pool of connections to a replica.
pub(super) struct Replica {
    pool: Pool<Connector>,
    /// Whether a warning has been logged since the replica became unavailable.
    warned: AtomicBool,
    fallbacks: AtomicU64,
}

impl Replica {
    /// Opens the pool. A replica that is not available may become so: that is not an error.
    pub(super) fn new(config: &Config, limit: u32, of: Identity) -> Self {
        let role = ConnectionRole::Replica { of: Box::new(of) };
        let first = Connector::open(config, &role);
        let warned = AtomicBool::new(first.is_err());
        if let Err(error) = &first {
            warn(error);
        }
        let there = first.is_ok();
        let pool = Connector::pool(config, role, limit, first.ok());
        // The pool takes the connection in a thread of its own; until then the replica would pass for
        // away.
        if there && let Err(error) = pool.get_timeout(config.pool_timeout()) {
            tracing::debug!(%error, "the replica became unavailable immediately");
        }
        Self { pool, warned, fallbacks: AtomicU64::new(0) }
    }

    /// Returns a connection to the replica, or `None` if none is free: then the read uses the primary.
    ///
    /// No caller waits for the replica. r2d2 opens one more connection than are in use, up to the limit, and keeps trying
    /// to reach a replica that is not available.
    pub(super) fn get(&self) -> Option<PooledConnection<Connector>> {
        let free = self.pool.try_get();
        if free.is_some() {
            self.warned.store(false, Ordering::Relaxed);
            return free;
        }
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
        if self.pool.state().connections > 0 {
            tracing::debug!("the replica is busy: a read uses the primary");
            return None;
        }
        // Once each time that it becomes unavailable.
        if !self.warned.swap(true, Ordering::Relaxed) {
            warn(
                &"it cannot be reached, its lag is too large, or it is not the primary's; see `zenith-db health-check`",
            );
        }
        None
    }

    pub(super) fn pool(&self) -> &Pool<Connector> {
        &self.pool
    }

    /// Returns the number of reads that used the primary instead.
    pub(super) fn fallbacks(&self) -> u64 {
        self.fallbacks.load(Ordering::Relaxed)
    }
}

fn warn(reason: &dyn std::fmt::Display) {
    tracing::warn!(%reason, "the replica is not available: reads use the primary until it is");
}
