//! Reads from a replica, and from the primary while the replica is away.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use r2d2::{Pool, PooledConnection};

use super::connector::{Connector, Role};
use crate::config::Config;

/// The pool of a replica's connections.
pub(super) struct Replica {
    pool: Pool<Connector>,
    /// Whether it has been said that the replica is away.
    warned: AtomicBool,
    fallbacks: AtomicU64,
}

impl Replica {
    /// A replica that is away now may come back: it is no error.
    pub(super) fn new(config: &Config, limit: u32) -> Self {
        let first = Connector::open(config, Role::Replica);
        let warned = AtomicBool::new(first.is_err());
        if let Err(error) = &first {
            warn(error);
        }
        let there = first.is_ok();
        let pool = Connector::pool(config, Role::Replica, limit, first.ok());
        // The pool takes the connection in a thread of its own; until then the replica would pass for
        // away.
        if there && let Err(error) = pool.get() {
            tracing::debug!(%error, "the replica went away at once");
        }
        Self { pool, warned, fallbacks: AtomicU64::new(0) }
    }

    /// A connection to the replica, or `None` if it is away: then the read goes to the primary.
    ///
    /// Nobody waits for a replica that is away; r2d2 goes on trying to reach it.
    pub(super) fn get(&self) -> Option<PooledConnection<Connector>> {
        let free = self.pool.try_get().or_else(|| {
            // All may be in use, or one is just being opened.
            let there = self.pool.state().connections > 0;
            there.then(|| self.pool.get().ok()).flatten()
        });
        if free.is_some() {
            self.warned.store(false, Ordering::Relaxed);
            return free;
        }
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
        // Once each time that it goes away.
        if !self.warned.swap(true, Ordering::Relaxed) {
            warn(&"it cannot be reached, or lies too far behind");
        }
        None
    }

    pub(super) fn pool(&self) -> &Pool<Connector> {
        &self.pool
    }

    /// How many reads went to the primary instead.
    pub(super) fn fallbacks(&self) -> u64 {
        self.fallbacks.load(Ordering::Relaxed)
    }
}

fn warn(reason: &dyn std::fmt::Display) {
    tracing::warn!(%reason, "the replica is away: reads go to the primary until it is back");
}
