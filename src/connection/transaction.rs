//! Write transactions: immediate, rolled back on error and on panic, nested by savepoint.

use std::time::Instant;

use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::result::Error as DieselError;

use super::{Writer, lock_owner, pragma};
use crate::backend::DbConnection;
use crate::error::{Error, Result};
use crate::locks::Wanted;

impl DbConnection {
    /// Runs `work` in a write transaction: committed on `Ok`, rolled back on `Err` and on panic.
    ///
    /// On SQLite, the outermost call takes the write lock immediately (`BEGIN IMMEDIATE`), so that rows
    /// that `work` reads cannot change before it writes them. A nested call is a savepoint: if it
    /// fails, only its own writes are rolled back.
    ///
    /// # Errors
    /// The error of `work`; [`Error::Locked`] if another process holds the lock for longer than
    /// `DATABASE_BUSY_TIMEOUT_MS`; [`Error::Query`] if the transaction cannot be committed, and
    /// then nothing has changed; on a server also [`Error::Conflict`], [`Error::ConnectionLost`],
    /// and [`Error::CommitUnknown`] if the connection breaks during the commit.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T>,
    ) -> Result<T> {
        self.try_write(work)
    }

    /// As [`DbConnection::write`], for work with an error type of the application.
    pub(crate) fn try_write<T, E>(
        &mut self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.transact(Begin::Default, |connection| work(&mut Writer::begun(connection)))
    }

    /// Runs `work` as [`DbConnection::write`] does, but returns its result even if the connection
    /// breaks during the commit.
    #[cfg(feature = "postgres")]
    pub(crate) fn write_keeping<T>(
        &mut self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T>,
    ) -> Result<TransactionOutcome<T>> {
        self.transact_keeping(Begin::Default, |connection| work(&mut Writer::begun(connection)))
    }

    /// Runs `work` as [`DbConnection::write`] does, on a connection of the pool: on a server it is
    /// read-only unless a transaction says that it writes.
    #[cfg(feature = "postgres")]
    pub(crate) fn write_on_pooled<T, E>(
        &mut self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.transact(Begin::ReadWrite, |connection| work(&mut Writer::begun(connection)))
    }

    /// Runs `work` in a read-only transaction, on a server behind a pooler: there a connection
    /// cannot be made read-only.
    #[cfg(feature = "postgres")]
    pub(crate) fn read_on_pooled<T, E>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.transact(Begin::ReadOnly, work)
    }

    fn transact<T, E>(
        &mut self,
        begin: Begin,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        Ok(self.transact_keeping(begin, work)?.known()?)
    }

    fn transact_keeping<T, E>(
        &mut self,
        begin: Begin,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<TransactionOutcome<T>, E>
    where
        E: From<Error>,
    {
        self.begin(begin)?;
        let depth = self.depth();
        let value = self.run_to_commit(work)?;
        // A commit that fails rolls back by itself.
        match self.commit(depth) {
            Ok(()) => Ok(TransactionOutcome::Committed(value)),
            Err(Error::CommitUnknown(cause)) => Ok(TransactionOutcome::Unknown(value, cause)),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs `work` in the transaction that is open, up to its commit, which is left to the caller. On `Err` and on panic
    /// the transaction is rolled back.
    pub(super) fn run_to_commit<T, E>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let depth = self.depth();
        let mut guard = RollbackOnDrop { connection: self, depth, armed: true };
        let result = work(guard.connection);
        guard.armed = false;
        drop(guard);
        if result.is_err() {
            self.roll_back_to(depth);
        } else {
            self.ensure_depth(depth)?;
        }
        result
    }

    /// Returns an error if a closure has left a transaction open, or has ended the one that was open at this depth.
    fn ensure_depth(&mut self, depth: Option<u32>) -> Result<()> {
        let now = self.depth();
        if now > depth {
            // Such as a panic that was caught outside of Diesel's `transaction`. To commit the innermost would be to
            // commit nothing.
            self.roll_back_to(depth);
            return Err(DieselError::AlreadyInTransaction.into());
        }
        if now.is_some() && now < depth {
            self.give_up();
            return Err(DieselError::NotInTransaction.into());
        }
        Ok(())
    }

    /// Returns how many transactions are open: the outermost, and the savepoints in it. `None` if the
    /// transaction is broken.
    pub(super) fn depth(&mut self) -> Option<u32> {
        let status = <Self as TransactionManager<Self>>::transaction_manager_status_mut(self);
        let depth = status.transaction_depth().ok()?;
        Some(depth.map_or(0, std::num::NonZero::get))
    }

    /// Whether a transaction is open on this connection.
    pub fn in_transaction(&mut self) -> bool {
        // A broken transaction counts as open: what begins inside it must not pass for a new one.
        self.depth() != Some(0)
    }

    /// Commits the transaction in which no other is open. If that fails, it is rolled back.
    pub(crate) fn commit_outermost(&mut self) -> Result<()> {
        self.commit(Some(1))
    }

    /// Commits the transaction that began at this depth.
    pub(super) fn commit(&mut self, depth: Option<u32>) -> Result<()> {
        // PostgreSQL answers the COMMIT of a transaction in which a statement has failed with a
        // rollback, and calls that a success.
        #[cfg(feature = "postgres")]
        if let Self::Postgres(inner) = self
            && let Err(cause) = inner.batch_execute("SELECT 1")
        {
            self.roll_back_to(depth);
            return Err(cause.into());
        }
        let outermost = depth == Some(1);
        match <Self as TransactionManager<Self>>::commit_transaction(self).map_err(Error::from) {
            // The server may have heard it, and its answer may have been lost.
            Err(Error::ConnectionLost(cause)) if outermost => Err(Error::CommitUnknown(cause)),
            done => done,
        }
    }

    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "there is no server"))]
    pub(super) fn begin(&mut self, begin: Begin) -> Result<()> {
        if self.in_transaction() {
            return Ok(<Self as TransactionManager<Self>>::begin_transaction(self)?);
        }
        match self {
            Self::Sqlite(inner) => {
                let since = Instant::now();
                match AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE") {
                    Err(source) if pragma::is_busy(&source) => Err(lock_owner::locked(
                        inner,
                        Wanted::Write,
                        "beginning a write transaction",
                        since,
                        source,
                    )),
                    done => Ok(done?),
                }
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(inner) => {
                let sql = match begin {
                    Begin::Default => "BEGIN",
                    Begin::ReadWrite => "BEGIN READ WRITE",
                    Begin::ReadOnly => "BEGIN READ ONLY",
                };
                Ok(AnsiTransactionManager::begin_transaction_sql(inner, sql)?)
            }
        }
    }

    /// Rolls back the transaction that began at this depth, and what has been begun in it since. If that fails, the connection is marked as broken, and the pool closes it, which
    /// rolls back too; the caller gets the error that led here, which is the one that matters.
    pub(super) fn roll_back_to(&mut self, depth: Option<u32>) {
        if self.depth() < depth {
            self.give_up();
        }
        // Nothing can be done if it is broken.
        while self.depth() >= depth {
            let rolled_back = <Self as TransactionManager<Self>>::rollback_transaction(self);
            if let Err(cause) = rolled_back.and_then(|()| self.forget_innermost_savepoint()) {
                tracing::warn!(%cause, "rolling back failed; the connection will be closed");
                self.give_up();
                return;
            }
        }
    }

    /// Releases the savepoint of SQLite that was rolled back to: Diesel leaves it, and the next one has its name.
    fn forget_innermost_savepoint(&mut self) -> QueryResult<()> {
        match (self.depth(), self) {
            (Some(depth), Self::Sqlite(connection)) if depth > 0 => {
                connection.batch_execute(&format!("RELEASE diesel_savepoint_{depth}"))
            }
            _ => Ok(()),
        }
    }

    /// Marks a transaction as broken of which nobody knows what it holds, such as the writes of a closure that has ended
    /// its own savepoint: it is not to be committed. The connection is closed, also if none is open for all that Diesel
    /// knows: the closure may have begun one by SQL.
    pub(super) fn give_up(&mut self) {
        <Self as TransactionManager<Self>>::transaction_manager_status_mut(self).set_in_error();
    }
}

impl Writer<'_> {
    /// Waits for the lock, and holds it until the transaction ends.
    ///
    /// On SQLite a write transaction already excludes every other. On PostgreSQL the lock keeps two
    /// transactions from deciding on data that the other is about to change.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "PostgreSQL can refuse")
    )]
    pub(crate) fn hold(&mut self, lock: TransactionLock) -> Result<()> {
        #[cfg(feature = "postgres")]
        if let DbConnection::Postgres(inner) = &mut **self {
            use diesel::RunQueryDsl;
            diesel::select(pg_advisory_xact_lock(lock.key())).execute(inner)?;
        }
        #[cfg(not(feature = "postgres"))]
        let _ = lock;
        Ok(())
    }
}

/// Outcome of a transaction that was to be committed.
pub(crate) enum TransactionOutcome<T> {
    /// The transaction is committed.
    Committed(T),
    /// The connection broke during the commit.
    Unknown(T, diesel::result::Error),
}

impl<T> TransactionOutcome<T> {
    /// Returns the value of a committed transaction, and an error if the outcome is unknown.
    pub(crate) fn known(self) -> Result<T> {
        match self {
            Self::Committed(value) => Ok(value),
            Self::Unknown(_, cause) => Err(Error::CommitUnknown(cause)),
        }
    }
}

/// Access mode of a transaction on a server. On SQLite every transaction may write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begin {
    /// The connection's default.
    Default,
    /// The transaction writes.
    #[cfg(feature = "postgres")]
    ReadWrite,
    /// The transaction must not write.
    #[cfg(feature = "postgres")]
    ReadOnly,
}

/// Lock for work that transactions must do one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TransactionLock {
    /// Appending to the audit log.
    AuditLog,
    /// Reading which seeds are missing, and inserting them.
    Seeds,
    /// Registering uploads of the user with this id.
    Uploads(
        #[cfg_attr(
            not(feature = "postgres"),
            expect(dead_code, reason = "SQLite has one write lock for everything")
        )]
        i64,
    ),
}

#[cfg(feature = "postgres")]
impl TransactionLock {
    /// Returns the key of the lock. The keys are so far apart that a user's id cannot turn one kind
    /// into another.
    const fn key(self) -> i64 {
        match self {
            Self::AuditLog => i64::from_be_bytes(*b"\x7Azenith\0"),
            Self::Seeds => i64::from_be_bytes(*b"\x7Azen-se\0"),
            Self::Uploads(user) => i64::from_be_bytes(*b"\x7Azen-up\0") ^ user,
        }
    }
}

#[cfg(feature = "postgres")]
diesel::define_sql_function! {
    /// PostgreSQL's function of this name.
    fn pg_advisory_xact_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Text;
}

/// Runs `work` in a write transaction on a connection that was opened by itself, as
/// [`Database::write`](crate::Database::write) does on one of the pool.
///
/// # Errors
/// Those of [`Database::write`](crate::Database::write).
pub fn write<T, E>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<Error>,
{
    connection.try_write(work)
}

/// Guard that rolls back if `work` panics.
struct RollbackOnDrop<'a> {
    connection: &'a mut DbConnection,
    depth: Option<u32>,
    armed: bool,
}

impl Drop for RollbackOnDrop<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.connection.roll_back_to(self.depth);
        }
    }
}
