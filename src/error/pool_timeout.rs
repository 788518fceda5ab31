//! Errors about connections that are all in use.

/// No connection of the pool became free in time. Nothing was done.
#[derive(Debug, thiserror::Error)]
#[error(
    "no free connection within {timeout_ms} ms: {in_use} of {limit} are in use{detail}; {advice}"
)]
pub struct PoolTimeout {
    /// Time that the caller waited, in milliseconds.
    pub timeout_ms: u128,
    /// Number of connections in use, of the kind that was needed: for reading or for writing.
    pub in_use: u32,
    /// Maximum number of connections of that kind.
    pub limit: u32,
    /// Setting to raise, or other advice.
    pub advice: &'static str,
    /// Reason why a new connection could not be opened; empty if none was tried.
    pub detail: String,
}
