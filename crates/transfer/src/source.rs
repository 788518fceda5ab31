//! The source: one snapshot of it, from which nothing can be written.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use zenith_db::DbConnection;
use zenith_db::internal::connection::{read_pragma, set_query_only};

use super::digest::TableContents;
use super::error::Result;
use super::rows::schema_version;
use super::table::{ALL_KEYS, Of, Table as _, read_all};

/// A transaction that only reads, and sees the database as it was when it began, until it is
/// dropped.
#[derive(Debug)]
pub(super) struct Snapshot<'a> {
    connection: &'a mut DbConnection,
    /// Whether an SQLite connection could write before.
    could_write: bool,
}

impl<'a> Snapshot<'a> {
    pub(super) fn begin(connection: &'a mut DbConnection) -> Result<Self> {
        let could_write = match connection {
            DbConnection::Sqlite(inner) => {
                let could_write = read_pragma(inner, "query_only", "query_only")? == "0";
                set_query_only(inner, true)?;
                AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN")?;
                could_write
            }
            #[cfg(feature = "postgres")]
            DbConnection::Postgres(inner) => {
                use diesel::connection::SimpleConnection;
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                AnsiTransactionManager::begin_transaction_sql(inner, begin)?;
                // A table is read for as long as it takes.
                inner.batch_execute(
                    "SET LOCAL statement_timeout = 0;
                     SET LOCAL idle_in_transaction_session_timeout = 0",
                )?;
                false
            }
        };
        let mut snapshot = Self { connection, could_write };
        // On SQLite the first read is what fixes it.
        snapshot.versions()?;
        Ok(snapshot)
    }

    pub(super) fn connection(&mut self) -> &mut DbConnection {
        self.connection
    }

    /// What no other database has: when it ran which migration.
    pub(super) fn identity(&mut self) -> Result<TableContents> {
        let table = Of::<schema_version::Row>::TABLE;
        table.contents(self.connection, ALL_KEYS, &mut |_| ())
    }

    /// The migrations it has.
    pub(super) fn versions(&mut self) -> Result<Vec<String>> {
        versions(self.connection)
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let ended = <DbConnection as TransactionManager<DbConnection>>::rollback_transaction(
            self.connection,
        );
        if let Err(cause) = ended {
            tracing::warn!(%cause, "the source's transaction did not end; closing will end it");
        }
        if let (DbConnection::Sqlite(inner), true) = (&mut *self.connection, self.could_write)
            && let Err(error) = set_query_only(inner, false)
        {
            tracing::warn!(%error, "the source's connection can only read from now on");
        }
    }
}

/// The versions in `schema_version`, oldest first.
pub(super) fn versions(connection: &mut DbConnection) -> Result<Vec<String>> {
    let mut versions = Vec::new();
    read_all::<schema_version::Row>(connection, ALL_KEYS, &mut |row| {
        versions.push(row.version.to_string());
        Ok(())
    })?;
    versions.sort_unstable();
    Ok(versions)
}
