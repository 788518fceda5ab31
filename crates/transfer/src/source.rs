//! Snapshot of the source, which can only be read.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use zenith_db::DbConnection;
use zenith_db::internal::catalog::table_exists;
use zenith_db::internal::connection::{read_pragma, set_query_only};

use super::digest::TableContents;
use super::error::Result;
use super::rows::{HISTORY, schema_version};
use super::table::{ALL_KEYS, TransferTable as _, read_all};

/// Read-only transaction that sees the database as it was when the transaction began. It ends when this
/// is dropped.
#[derive(Debug)]
pub(super) struct SourceSnapshot<'a> {
    connection: &'a mut DbConnection,
    /// Whether an SQLite connection could write before the snapshot.
    could_write: bool,
}

impl<'a> SourceSnapshot<'a> {
    /// Begins the snapshot. An SQLite connection refuses writes until it ends.
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
                // Reading a table has no time limit. A text of a number is to have all its digits.
                inner.batch_execute(
                    "SET LOCAL statement_timeout = 0;
                     SET LOCAL idle_in_transaction_session_timeout = 0;
                     SET LOCAL extra_float_digits = 1",
                )?;
                false
            }
        };
        let mut snapshot = Self { connection, could_write };
        // On SQLite the first read starts the snapshot.
        snapshot.versions()?;
        Ok(snapshot)
    }

    pub(super) fn connection(&mut self) -> &mut DbConnection {
        self.connection
    }

    /// Returns the identity of the database: the digest of the times at which its migrations ran.
    pub(super) fn identity(&mut self) -> Result<TableContents> {
        schema_version::Table.contents(self.connection, ALL_KEYS, &mut |_| ())
    }

    /// Returns the applied versions, oldest first.
    pub(super) fn versions(&mut self) -> Result<Vec<String>> {
        versions(self.connection)
    }
}

impl Drop for SourceSnapshot<'_> {
    fn drop(&mut self) {
        let ended = <DbConnection as TransactionManager<DbConnection>>::rollback_transaction(
            self.connection,
        );
        if let Err(cause) = ended {
            tracing::warn!(%cause, "the source's transaction was not rolled back; closing the connection will do it");
        }
        if let (DbConnection::Sqlite(inner), true) = (&mut *self.connection, self.could_write)
            && let Err(error) = set_query_only(inner, false)
        {
            tracing::warn!(%error, "the source's connection stays read-only");
        }
    }
}

/// Returns the versions in `schema_version`, oldest first: none if no migration has run.
pub(super) fn versions(connection: &mut DbConnection) -> Result<Vec<String>> {
    if !table_exists(connection, HISTORY)? {
        return Ok(Vec::new());
    }
    let mut versions = Vec::new();
    read_all(&schema_version::Table, connection, ALL_KEYS, &mut |row| {
        versions.push(row.version.to_string());
        Ok(())
    })?;
    versions.sort_unstable();
    Ok(versions)
}
