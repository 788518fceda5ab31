//! Transaction under the migration lock on SQLite, where the lock is the file's write lock.

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;

use super::wait::LockWait;
use crate::backend::DbConnection;
use crate::connection::{Writer, is_busy, lock_owner, read_pragma};
use crate::error::{Error, Result};

/// Runs `work` in one write transaction with foreign keys off. Other connections can read during it,
/// which a backup needs, and cannot write.
///
/// Foreign keys are turned off *outside* the transaction (inside, SQLite ignores the pragma): with them
/// on, dropping or rebuilding a table deletes its children through `ON DELETE CASCADE`.
pub(super) fn with_migration_lock<T>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T>,
) -> Result<T> {
    let inner = connection.sqlite()?;
    let enforced = read_pragma(inner, "foreign_keys", "foreign_keys")?;
    inner.batch_execute("PRAGMA foreign_keys = OFF")?;
    let begun = begin(inner);
    let result = match begun {
        Ok(()) => work_and_end(connection, work),
        Err(error) => Err(error),
    };
    let restored = connection.sqlite()?.batch_execute(&format!("PRAGMA foreign_keys = {enforced}"));
    let value = result?;
    restored?;
    Ok(value)
}

/// Runs `work`, and commits the open transaction or rolls it back.
fn work_and_end<T>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T>,
) -> Result<T> {
    let result = work(&mut Writer::begun(connection));
    let inner = connection.sqlite()?;
    match result {
        Ok(value) => Ok(AnsiTransactionManager::commit_transaction(inner).map(|()| value)?),
        Err(error) => {
            if let Err(cause) = AnsiTransactionManager::rollback_transaction(inner) {
                tracing::warn!(%cause, "rolling back failed; closing the connection will do it");
            }
            Err(error)
        }
    }
}

/// Longest `busy_timeout` of one attempt, in milliseconds. Between attempts the wait is logged.
const SLICE: u64 = 500;

/// Begins the write transaction. SQLite's `busy_timeout` does not cover every way in which the lock can
/// be refused, so the attempt is repeated until the wait times out.
fn begin(connection: &mut SqliteConnection) -> Result<()> {
    let limit = read_pragma(connection, "busy_timeout", "timeout")?;
    let limit: u64 = limit.parse().unwrap_or(0);
    let mut wait = LockWait::new(limit);
    connection.batch_execute(&format!("PRAGMA busy_timeout = {}", SLICE.min(limit)))?;
    let begun = loop {
        match AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE") {
            Err(source) if is_busy(&source) => {
                if let Err(error) = wait.sleep(|| lock_owner(connection), Some(source)) {
                    break Err(error);
                }
            }
            done => break done.map_err(Error::from),
        }
    };
    connection.batch_execute(&format!("PRAGMA busy_timeout = {limit}"))?;
    begun
}
