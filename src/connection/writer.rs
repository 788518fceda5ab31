//! [`Writer`]: a connection in a write transaction.

use std::fmt;
use std::ops::{Deref, DerefMut};

use diesel::connection::{
    CacheSize, Connection, Instrumentation, LoadConnection, SimpleConnection, TransactionManager,
    TransactionManagerStatus,
};
use diesel::expression::QueryMetadata;
use diesel::internal::derives::multiconnection::ConnectionSealed;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::{ConnectionError, ConnectionResult, QueryResult};

use crate::backend::{DbConnection, MultiBackend};
use crate::error::{Error, Result};

/// Connection in a write transaction: [`Database::write`](crate::Database::write) and its like give it to the closure.
///
/// Every call of a model that writes takes it, so that writing in [`Database::read`](crate::Database::read), or outside
/// a transaction, does not compile:
///
/// ```compile_fail,E0308
/// # use zenith_db::prelude::*;
/// # use zenith_db::Result;
/// fn forget(database: &Database, user: UserId) -> Result<bool> {
///     database.read(|conn| UserPreference::unset_undeclared(conn, user, "theme"))
/// }
/// ```
///
/// It is a [`DbConnection`] too: calls that read take it, and queries of an application run on it.
pub struct Writer<'a> {
    connection: &'a mut DbConnection,
}

impl<'a> Writer<'a> {
    /// Wraps a connection whose transaction has begun.
    pub(crate) const fn begun(connection: &'a mut DbConnection) -> Self {
        Self { connection }
    }
}

impl Writer<'_> {
    /// Runs `work` in a savepoint of the transaction: on `Err` and on panic, only what `work` has written is rolled
    /// back.
    ///
    /// # Errors
    /// The error of `work`; [`Error::Query`] if the savepoint cannot be begun or released, and then its writes are
    /// rolled back.
    pub fn write<T>(&mut self, work: impl FnOnce(&mut Writer<'_>) -> Result<T>) -> Result<T> {
        self.connection.write(work)
    }

    /// As [`Writer::write`], for work with an error type of the application.
    ///
    /// # Errors
    /// Those of [`Writer::write`].
    pub fn try_write<T, E>(
        &mut self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.connection.try_write(work)
    }
}

impl Deref for Writer<'_> {
    type Target = DbConnection;

    fn deref(&self) -> &DbConnection {
        self.connection
    }
}

impl DerefMut for Writer<'_> {
    fn deref_mut(&mut self) -> &mut DbConnection {
        self.connection
    }
}

/// The connection, for [`dispatch!`](crate::dispatch).
impl AsMut<DbConnection> for Writer<'_> {
    fn as_mut(&mut self) -> &mut DbConnection {
        self.connection
    }
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Writer").field(&self.connection).finish()
    }
}

// What Diesel's queries need: each call is passed on.

impl SimpleConnection for Writer<'_> {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.connection.batch_execute(query)
    }
}

impl ConnectionSealed for Writer<'_> {}

impl Connection for Writer<'_> {
    type Backend = MultiBackend;
    type TransactionManager = Savepoints;

    fn establish(_: &str) -> ConnectionResult<Self> {
        Err(ConnectionError::BadConnection("Database::write begins a transaction".into()))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<MultiBackend> + QueryId,
    {
        self.connection.execute_returning_count(source)
    }

    fn transaction_state(&mut self) -> &mut DbConnection {
        self.connection
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.connection.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.connection.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.connection.set_prepared_statement_cache_size(size);
    }
}

impl LoadConnection for Writer<'_> {
    type Cursor<'conn, 'query>
        = <DbConnection as LoadConnection>::Cursor<'conn, 'query>
    where
        Self: 'conn;
    type Row<'conn, 'query>
        = <DbConnection as LoadConnection>::Row<'conn, 'query>
    where
        Self: 'conn;

    fn load<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<MultiBackend> + QueryId + 'query,
        MultiBackend: QueryMetadata<T::SqlType>,
    {
        LoadConnection::load(self.connection, source)
    }
}

/// Diesel's transactions on a [`Writer`], which are savepoints.
#[derive(Debug)]
pub struct Savepoints;

type Transactions = <DbConnection as Connection>::TransactionManager;

impl TransactionManager<Writer<'_>> for Savepoints {
    type TransactionStateData = DbConnection;

    fn begin_transaction(writer: &mut Writer<'_>) -> QueryResult<()> {
        Transactions::begin_transaction(writer.connection)
    }

    fn rollback_transaction(writer: &mut Writer<'_>) -> QueryResult<()> {
        Transactions::rollback_transaction(writer.connection)
    }

    fn commit_transaction(writer: &mut Writer<'_>) -> QueryResult<()> {
        Transactions::commit_transaction(writer.connection)
    }

    fn transaction_manager_status_mut<'c>(
        writer: &'c mut Writer<'_>,
    ) -> &'c mut TransactionManagerStatus {
        Transactions::transaction_manager_status_mut(writer.connection)
    }
}
