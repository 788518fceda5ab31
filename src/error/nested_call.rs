//! Error of a call within another one.

/// A call of a [`Database`](crate::Database) within the closure of another call of it, on the same thread. It would wait
/// for itself, or not see what the outer call has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`Database::{inner}` was called in the closure of `Database::{outer}` of the same database; use the connection that \
     the closure gets, and `conn.write(…)` for a transaction in a transaction"
)]
pub struct NestedCall {
    /// Call whose closure was running.
    pub outer: &'static str,
    /// Call that was refused.
    pub inner: &'static str,
}
