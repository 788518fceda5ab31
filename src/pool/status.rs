//! [`PoolStatus`]: the numbers of a pool.

use std::sync::atomic::Ordering;

use r2d2::Pool;
use serde::Serialize;

use super::connector::Connector;
use super::{Database, Primary, Reads};

/// Numbers of connections of a pool, and of waits for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PoolStatus {
    /// Maximum number of connections: `DATABASE_MAX_CONNECTIONS`.
    pub max_connections: u32,
    /// Number of open connections.
    pub size: u32,
    /// Number of open connections that are free.
    pub idle: u32,
    /// Number of open connections that are in use.
    pub in_use: u32,
    /// Number of times since the pool was opened that a caller had to wait: for a connection that was in use or not open
    /// yet, or for the turn of an asynchronous call.
    pub waits: u64,
    /// Number of reads since the pool was opened that used the primary because the replica was not
    /// available, or no connection to it was free; 0 without a replica.
    pub replica_fallbacks: u64,
}

impl Database {
    /// Returns the numbers of the pool's connections.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        let (reads, replica_fallbacks) = match &self.inner.reads {
            Reads::Readers(readers) => (Some(readers), 0),
            Reads::Primary => (None, 0),
            #[cfg(feature = "postgres")]
            Reads::Replica(replica) => (Some(replica.pool()), replica.fallbacks()),
        };
        let numbers = |pool: &Pool<Connector>| {
            let state = pool.state();
            (state.connections, state.idle_connections)
        };
        let primary = match &self.inner.primary {
            Primary::File(queue) => queue.open_and_free(),
            #[cfg(feature = "postgres")]
            Primary::Server(pool) => numbers(pool),
        };
        let reads = reads.map_or((0, 0), numbers);
        let (size, idle) = (primary.0 + reads.0, primary.1 + reads.1);
        PoolStatus {
            max_connections: self.inner.config.max_connections(),
            size,
            idle,
            in_use: size.saturating_sub(idle),
            waits: self.inner.waits.load(Ordering::Relaxed),
            replica_fallbacks,
        }
    }
}
