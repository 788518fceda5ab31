//! The calls of a [`Database`], which run a closure on a connection.

use std::panic::Location;
use std::time::Duration;

use super::nesting::Counted;
use super::queue::Sharing;
#[cfg(feature = "postgres")]
use super::server;
use super::usage::Place;
use super::{Database, Primary, Reads, file};
use crate::backend::DbConnection;
use crate::connection::{self, Writer};
use crate::error::{Error, Result};

impl Database {
    /// Runs `work` on a read-only connection: on SQLite a reader, on a server the replica if there
    /// is one.
    ///
    /// Each statement sees the transactions that were committed when it began; on a replica, those
    /// that have arrived there. Use [`Database::read_primary`] for a read that must see a preceding
    /// write. For several statements that see one state, `work` begins a transaction by SQL, which on SQLite ends with
    /// `work` if not before; on a server, `work` has to end it.
    ///
    /// # Errors
    /// The error of `work`; [`Error::PoolTimeout`] if no connection was free in time; [`Error::NestedCall`].
    #[track_caller]
    pub fn read<T>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        self.try_read(work)
    }

    /// As [`Database::read`], for work with an error type of the application.
    ///
    /// # Errors
    /// Those of [`Database::read`].
    #[track_caller]
    pub fn try_read<T, E>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.read_at("read", Location::caller(), work)
    }

    /// Runs `work` as [`Database::try_read`] does, for this call at this place.
    pub(crate) fn read_at<T, E>(
        &self,
        call: &'static str,
        place: Place,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let accepted = self.accept(call)?;
        let _running = accepted.enter(call);
        match &self.inner.reads {
            Reads::Readers(readers) => {
                let mut slot = self.checkout(readers)?;
                slot.sign(place);
                file::read_only(slot.get()?, work)
            }
            Reads::Primary => self.read_on_the_primary(work),
            #[cfg(feature = "postgres")]
            Reads::Replica(replica) => match replica.get() {
                Some(mut slot) => server::read(&self.inner.config, &mut slot, work),
                None => self.read_on_the_primary(work),
            },
        }
    }

    /// Runs `work` as [`Database::read`] does, but never on a replica: it sees every committed
    /// transaction.
    ///
    /// # Errors
    /// Those of [`Database::read`].
    #[track_caller]
    pub fn read_primary<T>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        self.try_read_primary(work)
    }

    /// As [`Database::read_primary`], for work with an error type of the application.
    ///
    /// # Errors
    /// Those of [`Database::read_primary`].
    #[track_caller]
    pub fn try_read_primary<T, E>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.read_primary_at(Location::caller(), work)
    }

    /// Runs `work` as [`Database::try_read_primary`] does, called at this place.
    pub(super) fn read_primary_at<T, E>(
        &self,
        place: Place,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let accepted = self.accept("read_primary")?;
        let _running = accepted.enter("read_primary");
        if let Reads::Readers(readers) = &self.inner.reads {
            let mut slot = self.checkout(readers)?;
            slot.sign(place);
            return file::read_only(slot.get()?, work);
        }
        self.read_on_the_primary(work)
    }

    /// Runs `work` in a write transaction: committed on `Ok`, rolled back on `Err` and on panic.
    ///
    /// On SQLite there is one connection for writing, for which callers wait in turn. Those who wait share a
    /// transaction, and its one commit: up to 64 of them, within 2 milliseconds. Each runs in a savepoint of its own, so
    /// that its error or panic undoes its own writes alone, and none returns `Ok` or `Err` before the commit. `work`
    /// sees what the writes before it have written, also those whose commit is still to come: if it fails, all of
    /// them are rolled back, and this one too. Therefore `work` must have no effect outside of the database
    /// that would have to be undone then, and must not wait for another thread's write. [`Database::write_alone`] is
    /// for work that takes long, which those before it in the transaction would wait for, or that should not share.
    /// While a table of the application declares a foreign key as `DEFERRABLE INITIALLY DEFERRED`, which the commit
    /// checks, no write shares its transaction.
    ///
    /// [`Writer::write`] on what `work` gets begins a savepoint. A setting of the connection that `work` changes, such as
    /// by a PRAGMA, a temporary table or a database that it attaches stay for those after it, until
    /// [`Database::ready`] finds them on SQLite.
    ///
    /// # Errors
    /// The error of `work`; [`Error::PoolTimeout`] if no connection was free in time;
    /// [`Error::NestedCall`]; [`Error::Refused`] if an SQLite file was removed, moved or replaced since it was opened;
    /// [`Error::SharedCommit`] if the shared transaction was rolled back, of which nothing was
    /// changed, so that the call can be repeated; [`Error::Locked`] if another process holds the lock for longer than
    /// `DATABASE_BUSY_TIMEOUT_MS`; [`Error::Query`] if the transaction could not begin or commit,
    /// or `work` has left a transaction open in it, and then nothing has changed unless `work` itself
    /// has ended the transaction, by a `COMMIT` of its own, or
    /// has gone on after an error that ended it; [`Error::CommitUnknown`] if the connection to a server broke during the
    /// commit, or a panic, such as in the application's instrumentation of connections, ended that of a shared
    /// transaction; on a server also [`Error::Conflict`] and [`Error::ConnectionLost`].
    pub fn write<T>(&self, work: impl FnOnce(&mut Writer<'_>) -> Result<T>) -> Result<T> {
        self.try_write(work)
    }

    /// As [`Database::write`], for work with an error type of the application.
    ///
    /// # Errors
    /// Those of [`Database::write`].
    pub fn try_write<T, E>(
        &self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.write_accepted(&self.accept("write")?, "write", Sharing::Shared, work)
    }

    /// Runs `work` as [`Database::write`] does, in a transaction that it shares with no other call: for work that
    /// takes long, that waits for another thread, or whose error nobody else is to notice. On a server, every write
    /// has a transaction of its own.
    ///
    /// # Errors
    /// Those of [`Database::write`], but never [`Error::SharedCommit`].
    pub fn write_alone<T>(&self, work: impl FnOnce(&mut Writer<'_>) -> Result<T>) -> Result<T> {
        self.try_write_alone(work)
    }

    /// As [`Database::write_alone`], for work with an error type of the application.
    ///
    /// # Errors
    /// Those of [`Database::write_alone`].
    pub fn try_write_alone<T, E>(
        &self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.write_accepted(&self.accept("write_alone")?, "write_alone", Sharing::Alone, work)
    }

    fn write_accepted<T, E>(
        &self,
        accepted: &Counted<'_>,
        call: &'static str,
        sharing: Sharing,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let _running = accepted.enter(call);
        match &self.inner.primary {
            Primary::File(queue) => {
                let result = file::write(self.turn(queue, sharing)?, sharing, work);
                if let Some(checkpoints) = &self.inner.checkpoints {
                    checkpoints.written();
                }
                result
            }
            #[cfg(feature = "postgres")]
            Primary::Server(pool) => {
                server::write(&self.inner.config, &mut *self.checkout(pool)?, work)
            }
        }
    }

    /// Runs `work` as [`Database::write`] does, and repeats it on an error for which [`Error::is_retryable`] is true: up
    /// to six attempts, with a random wait of 10 to 320 milliseconds before each repetition, which shares no transaction.
    ///
    /// `work` must be repeatable: after such an error, its writes to the database are rolled back, but its
    /// other effects are not.
    ///
    /// # Errors
    /// The errors of [`Database::write`]; [`Error::Conflict`] if the last attempt conflicted too.
    pub fn write_with_retry<T>(&self, work: impl FnMut(&mut Writer<'_>) -> Result<T>) -> Result<T> {
        self.try_write_with_retry(Error::is_retryable, work)
    }

    /// As [`Database::write_with_retry`], for work with an error type of the application: `is_retryable` says which of its
    /// errors are those for which [`Error::is_retryable`] is true.
    ///
    /// # Errors
    /// Those of [`Database::write_with_retry`].
    pub fn try_write_with_retry<T, E>(
        &self,
        is_retryable: impl Fn(&E) -> bool,
        mut work: impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        const CALL: &str = "write_with_retry";

        // One call: who closes the database waits for it between two attempts too.
        let accepted = self.accept(CALL)?;
        let mut sharing = Sharing::Shared;
        for retry in 0..5_u32 {
            match self.write_accepted(&accepted, CALL, sharing, &mut work) {
                Err(error) if is_retryable(&error) => {
                    tracing::debug!(retry, "trying again after an error that can be repeated");
                    let longest = Duration::from_millis(20 << retry);
                    std::thread::sleep(connection::pause_up_to(longest));
                    sharing = Sharing::Alone;
                }
                done => return done,
            }
        }
        self.write_accepted(&accepted, CALL, Sharing::Alone, work)
    }

    fn read_on_the_primary<T, E>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        match &self.inner.primary {
            Primary::File(queue) => file::read(self.turn(queue, Sharing::Alone)?, work),
            #[cfg(feature = "postgres")]
            Primary::Server(pool) => {
                server::read(&self.inner.config, &mut *self.checkout(pool)?, work)
            }
        }
    }
}
