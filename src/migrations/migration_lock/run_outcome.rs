//! How a transaction under the lock ended, as far as is known.

#[cfg(feature = "postgres")]
use super::lost_connection::LostCommit;
use crate::backend::DbConnection;
use crate::error::Result;

/// What a transaction under the lock came to.
#[derive(Debug)]
pub enum RunOutcome<T> {
    /// It is committed.
    Committed(T),
    /// The connection broke during the commit.
    #[cfg(feature = "postgres")]
    Unknown(T, LostCommit),
}

impl<T> RunOutcome<T> {
    /// Whether nothing need be asked.
    pub const fn is_sure(&self) -> bool {
        matches!(self, Self::Committed(_))
    }

    /// What the transaction returned, if it is committed. If that is not known, the server is asked
    /// over this connection, which is then another than that which broke.
    ///
    /// # Errors
    /// [`Error::ConnectionLost`](crate::Error::ConnectionLost) if it is rolled back;
    /// [`Error::CommitUnknown`](crate::Error::CommitUnknown) if the server cannot say.
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
