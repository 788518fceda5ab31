//! Error of a database that is closed while it is in use.

/// Calls of a database that ran for longer than who closed it waits. It refuses others; what SQLite's log holds is not
/// written to the database file, and nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the database refuses further calls, but {calls} still run after {timeout_ms} ms; close it again to wait for them, or \
     raise DATABASE_POOL_TIMEOUT_MS"
)]
pub struct StillRunning {
    /// Time that was waited, in milliseconds.
    pub timeout_ms: u128,
    /// Number of calls that run, or wait for a connection.
    pub calls: usize,
}
