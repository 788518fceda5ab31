//! Savepoint of one write in a transaction that others share.

use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::SimpleConnection;
use diesel::result::Error as DieselError;

use super::Writer;
use crate::backend::DbConnection;
use crate::error::{Error, Result};

/// Number of the next savepoint of this process.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Savepoint of one write, open around that of Diesel, which has the name that those of other writes have: SQLite rolls
/// back to the newest of a name, which would be another's if a closure has released its own. No other has the name of
/// this one: to roll back to it is an error then.
struct Savepoint<'a> {
    connection: &'a mut DbConnection,
    number: u64,
    is_open: bool,
}

impl DbConnection {
    /// Runs one more write in the transaction that is shared. If it fails or panics, its own writes are rolled back; if
    /// that cannot be, the transaction is broken, and with it the connection.
    pub(crate) fn join_shared<T, E>(
        &mut self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let savepoint = Savepoint::begin(self)?;
        // On `Err` and on panic it is dropped, which rolls back.
        let value = savepoint.connection.try_write(work)?;
        savepoint.release()?;
        Ok(value)
    }
}

impl<'a> Savepoint<'a> {
    fn begin(connection: &'a mut DbConnection) -> Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        connection.batch_execute(&format!("SAVEPOINT zenith_{number}"))?;
        Ok(Self { connection, number, is_open: true })
    }

    /// Keeps what was written, and forgets savepoints that were left open in it.
    fn release(mut self) -> Result<()> {
        let released = self.connection.batch_execute(&format!("RELEASE zenith_{}", self.number));
        self.is_open = false;
        if let Err(cause) = released {
            // What has been written since is anywhere.
            self.connection.give_up();
            tracing::warn!(%cause, "a write has ended its own savepoint; the connection will be closed");
            return Err(DieselError::NotInTransaction.into());
        }
        Ok(())
    }

    fn roll_back(&mut self) {
        let number = self.number;
        let both = format!("ROLLBACK TO zenith_{number}; RELEASE zenith_{number}");
        if let Err(cause) = self.connection.batch_execute(&both) {
            tracing::warn!(%cause, "rolling back failed; the connection will be closed");
            self.connection.give_up();
        }
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        // What is broken already is rolled back as the connection is closed.
        if self.is_open && self.connection.depth().is_some() {
            self.roll_back();
        }
    }
}
