//! Outcome of a transaction under the migration lock, as far as it is known.

#[cfg(feature = "postgres")]
use super::lost_commit::LostCommit;
use crate::backend::DbConnection;
use crate::error::Result;

/// Outcome of a transaction under the migration lock.
#[derive(Debug)]
#[must_use = "the run may have failed"]
pub enum RunOutcome<T> {
    /// The transaction was committed.
    Committed(T),
    /// The connection was lost during the commit.
    #[cfg(feature = "postgres")]
    Unknown(T, LostCommit),
}

impl<T> RunOutcome<T> {
    /// Whether the transaction is known to be committed.
    pub const fn is_committed(&self) -> bool {
        matches!(self, Self::Committed(_))
    }

    /// Returns the value of the transaction if it was committed. If the outcome is unknown, it is read
    /// over this connection, which must then be another one than the connection that was lost.
    ///
    /// # Errors
    /// [`Error::ConnectionLost`](crate::Error::ConnectionLost) if the transaction was rolled back;
    /// [`Error::CommitUnknown`](crate::Error::CommitUnknown) if the server cannot tell.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(unused_variables, reason = "PostgreSQL may not know")
    )]
    pub fn ensure_committed(self, connection: &mut DbConnection) -> Result<T> {
        match self {
            Self::Committed(value) => Ok(value),
            #[cfg(feature = "postgres")]
            Self::Unknown(value, commit) => commit.look_up(connection).map(|()| value),
        }
    }
}
