//! Migration lock: one process at a time runs migrations.

#[cfg(feature = "postgres")]
mod advisory_lock;
#[cfg(feature = "postgres")]
mod lost_commit;
#[cfg(feature = "postgres")]
mod postgres;
mod run_outcome;
mod session;
mod sqlite;
mod wait;

pub use run_outcome::RunOutcome;
pub(crate) use session::Session;

use crate::backend::DbConnection;
use crate::connection::{TransactionSettings, Writer};
use crate::error::Result;

/// Runs `work` in one write transaction that has the migration lock. Other connections can read during
/// it, which a backup needs.
pub(super) fn with_migration_lock<T>(
    connection: &mut DbConnection,
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "SQLite has none"))]
    settings: &TransactionSettings,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T>,
) -> Result<RunOutcome<T>> {
    match connection {
        DbConnection::Sqlite(_) => {
            sqlite::with_migration_lock(connection, work).map(RunOutcome::Committed)
        }
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(_) => postgres::with_migration_lock(connection, settings, work),
    }
}

/// Locks every table against writes until the transaction ends, so that rows counted before the
/// migrations can be compared with rows counted after them, and a backup has exactly the rows that are
/// about to change. Reads are not blocked. On SQLite the transaction has locked the file already.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "PostgreSQL can refuse")
)]
pub(super) fn lock_tables_against_writes(connection: &mut DbConnection) -> Result<()> {
    match connection {
        DbConnection::Sqlite(_) => Ok(()),
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(_) => postgres::lock_tables_against_writes(connection),
    }
}
