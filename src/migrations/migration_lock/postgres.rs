//! Transaction under the migration lock on PostgreSQL.

use diesel::connection::SimpleConnection;

use super::advisory_lock;
use super::lost_commit::{CommitMarker, LostCommit};
use super::run_outcome::RunOutcome;
use crate::backend::DbConnection;
use crate::catalog::{storing_tables, table_paths};
use crate::connection::{TransactionOutcome, TransactionSettings, Writer};
use crate::error::Result;

/// Runs `work` in a transaction that has the advisory lock.
pub(super) fn with_migration_lock<T>(
    connection: &mut DbConnection,
    settings: &TransactionSettings,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T>,
) -> Result<RunOutcome<T>> {
    let ended = connection.write_keeping(|connection| {
        advisory_lock::configure_transaction(connection, settings)?;
        advisory_lock::take(connection)?;
        let value = work(connection)?;
        Ok((value, CommitMarker::leave(connection)?))
    })?;
    Ok(match ended {
        TransactionOutcome::Committed((value, _)) => RunOutcome::Committed(value),
        TransactionOutcome::Unknown((value, marker), cause) => {
            RunOutcome::Unknown(value, LostCommit { marker, cause, settings: settings.clone() })
        }
    })
}

/// Locks every table that the user may write against writes until the transaction ends. Reads are not blocked.
pub(super) fn lock_tables_against_writes(connection: &mut DbConnection) -> Result<()> {
    let names = storing_tables(connection)?;
    let tables = table_paths(connection, names.iter().map(String::as_str))?;
    if tables.is_empty() {
        return Ok(());
    }
    let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", tables.join(", "));
    Ok(connection.batch_execute(&lock)?)
}
