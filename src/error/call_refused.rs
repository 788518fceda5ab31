//! Errors about calls that are not begun.

/// Why a call of a database was not begun. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallRefused {
    /// The database has been closed.
    #[error("the database has been closed by this program")]
    Closed,
    /// The asynchronous runtime ends.
    #[error("the runtime of this program ends, and begins no call of the database any more")]
    RuntimeEnded,
    /// Too many calls wait already: more than the database can serve soon. A server answers with 503, and the client
    /// tries again later.
    #[error(
        "the database is overloaded: {waiting} calls wait already, of at most {limit}; try again later"
    )]
    Overloaded {
        /// Number of calls of the same kind, reads or writes, that wait.
        waiting: usize,
        /// Most calls of that kind that may wait.
        limit: usize,
    },
}
