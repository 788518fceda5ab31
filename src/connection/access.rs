//! Purpose of a connection, which decides how it is set up.

/// Purpose of a connection. Only the pool limits the time of statements: an operator's work takes
/// the time that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading, in the pool. On a server, a transaction may still declare that it writes.
    Read,
    /// Writing, in the pool.
    Write,
    /// Reading, for an operator.
    Inspect,
    /// Writing, for an operator, such as migrations.
    Maintain,
    /// Changing owners and rights on a server, for an operator. No row of a table is read or written, so that neither a trigger
    /// nor a policy runs, whoever has made the tables. Event triggers, which only superusers make, do.
    #[cfg(feature = "postgres")]
    Govern,
    /// Writing, for an operator, in a temporary database that this process has created and filled from a backup, and to
    /// which only its owner and superusers can connect. Its ledger is whoever's it was in the backup. Triggers run with
    /// the rights of this user, but they are those of the backup, as are the functions that `pg_restore` has run with
    /// the same rights before, such as those of the constraints of a table: nobody else can have made one since.
    #[cfg(feature = "postgres")]
    Fill,
}

impl Access {
    pub(super) const fn writes(self) -> bool {
        !matches!(self, Self::Read | Self::Inspect)
    }

    #[cfg(feature = "postgres")]
    pub(super) const fn is_pooled(self) -> bool {
        matches!(self, Self::Read | Self::Write)
    }
}
