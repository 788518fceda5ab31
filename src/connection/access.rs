//! Purpose of a connection, which decides how it is set up.

/// What a connection is for. The limits on what a statement may take are the pool's: an operator's
/// work takes the time that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading, in the pool. On a server, a transaction that says that it writes may.
    Read,
    /// Writing, in the pool.
    Write,
    /// Reading, for an operator.
    Inspect,
    /// Writing, for an operator: migrations and the like.
    Maintain,
}

impl Access {
    pub(super) const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Maintain)
    }

    #[cfg(feature = "postgres")]
    pub(super) const fn is_pooled(self) -> bool {
        matches!(self, Self::Read | Self::Write)
    }
}
