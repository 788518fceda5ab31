//! State of a transfer, stored in the target and committed together with the rows.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zenith_db::internal::catalog::{TRANSFER_TABLE, has_transfer_table, table_exists};
use zenith_db::{DbConnection, dispatch};

use super::error::{Result, TransferError};

diesel::table! {
    /// State of an unfinished transfer, in one row. The table is dropped when the transfer completes.
    zenith_transfer (id) {
        /// Always 1.
        id -> Integer,
        /// Identifier of the process that runs the transfer.
        run -> Text,
        /// [`TransferState`] as JSON.
        state -> Text,
    }
}

/// State of a transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TransferState {
    /// Identity of the source; empty if the target has been migrated, and the transfer has not begun.
    pub(super) source: String,
    /// Statements that restore the foreign keys that were dropped for the duration of the transfer.
    pub(super) to_restore: Vec<String>,
    /// Rows that have been copied, by table.
    pub(super) tables: BTreeMap<String, CopiedRows>,
}

/// Rows of one table that have been copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CopiedRows {
    /// Number of rows.
    pub(super) rows: i64,
    /// Greatest key.
    pub(super) last_key: i64,
}

impl TransferState {
    /// Returns the number of rows that have been copied.
    pub(super) fn rows(&self) -> i64 {
        self.tables.values().map(|copied| copied.rows).sum()
    }

    /// Whether the target has been migrated for a transfer that has not begun.
    pub(super) const fn is_before_begin(&self) -> bool {
        self.source.is_empty()
    }

    /// Reads the state of the unfinished transfer into a target; `None` if there is none.
    pub(super) fn read(target: &mut DbConnection) -> Result<Option<Self>> {
        if !has_transfer_table(target)? {
            return Ok(None);
        }
        let state: Option<String> = dispatch!(target, |inner| zenith_transfer::table
            .select(zenith_transfer::state)
            .get_result(inner)
            .optional())?;
        let read = |state: String| serde_json::from_str(&state);
        state.map(read).transpose().map_err(TransferError::UnreadableState)
    }
}

/// Right to write to the target, which one process has at a time.
#[derive(Debug)]
pub(super) struct TransferLease(String);

impl TransferLease {
    /// Records a new transfer, in the caller's transaction.
    ///
    /// # Errors
    /// [`TransferError::TakenOver`] if another process has begun one meanwhile;
    /// [`TransferError::TableOfTheApplication`] if the table's name is taken.
    pub(super) fn begin(target: &mut DbConnection, state: &TransferState) -> Result<Self> {
        if has_transfer_table(target)? {
            return Err(TransferError::TakenOver);
        }
        if table_exists(target, TRANSFER_TABLE)? {
            return Err(TransferError::TableOfTheApplication);
        }
        let table = "CREATE TABLE zenith_transfer (
            id INTEGER PRIMARY KEY CHECK (id = 1), run TEXT NOT NULL, state TEXT NOT NULL)";
        target.batch_execute(table)?;
        let run = Self(Uuid::now_v7().to_string());
        let row = (
            zenith_transfer::id.eq(1),
            zenith_transfer::run.eq(&run.0),
            zenith_transfer::state.eq(text(state)?),
        );
        dispatch!(target, |inner| diesel::insert_into(zenith_transfer::table)
            .values(&row)
            .execute(inner))?;
        Ok(run)
    }

    /// Marks a target that is being migrated, in the caller's transaction: whatever happens, nobody takes it for a database
    /// without rows.
    ///
    /// # Errors
    /// Those of beginning one.
    pub(super) fn mark(target: &mut DbConnection) -> Result<()> {
        Self::begin(target, &TransferState::default()).map(drop)
    }

    /// Records the transfer into a target that has been marked, in the caller's transaction.
    ///
    /// # Errors
    /// [`TransferError::TakenOver`] if another process has begun meanwhile.
    pub(super) fn begin_marked(target: &mut DbConnection, state: &TransferState) -> Result<Self> {
        let run = Self(Uuid::now_v7().to_string());
        let updated = dispatch!(target, |inner| diesel::update(zenith_transfer::table)
            .filter(zenith_transfer::state.eq(&text(&TransferState::default())?))
            .set((zenith_transfer::run.eq(&run.0), zenith_transfer::state.eq(text(state)?)))
            .execute(inner))?;
        if updated == 1 { Ok(run) } else { Err(TransferError::TakenOver) }
    }

    /// Takes over an unfinished transfer. If another process still runs it, its next batch fails.
    pub(super) fn take_over(target: &mut DbConnection) -> Result<Self> {
        let run = Self(Uuid::now_v7().to_string());
        dispatch!(target, |inner| diesel::update(zenith_transfer::table)
            .set(zenith_transfer::run.eq(&run.0))
            .execute(inner))?;
        Ok(run)
    }

    /// Records the state, first in the caller's transaction. Until that ends, no other process can write
    /// to the target.
    ///
    /// # Errors
    /// [`TransferError::TakenOver`] if another process has the right to write.
    pub(super) fn record(&self, target: &mut DbConnection, state: &TransferState) -> Result<()> {
        if !has_transfer_table(target)? {
            // Another process has completed the transfer.
            return Err(TransferError::TakenOver);
        }
        let state = text(state)?;
        let updated = dispatch!(target, |inner| diesel::update(zenith_transfer::table)
            .filter(zenith_transfer::run.eq(&self.0))
            .set(zenith_transfer::state.eq(&state))
            .execute(inner))?;
        if updated == 1 { Ok(()) } else { Err(TransferError::TakenOver) }
    }

    /// Removes the record of a completed transfer.
    pub(super) fn end(target: &mut DbConnection) -> Result<()> {
        Ok(target.batch_execute("DROP TABLE zenith_transfer")?)
    }
}

fn text(state: &TransferState) -> Result<String> {
    serde_json::to_string(state).map_err(TransferError::UnreadableState)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who has found the target empty may have waited for the migrations of another transfer.
    #[test]
    fn a_transfer_that_another_has_begun_is_not_taken_for_a_table_of_the_application() {
        let target = SqliteConnection::establish(":memory:").expect("a database");
        let mut target = DbConnection::Sqlite(target);
        TransferLease::mark(&mut target).expect("the first one");
        let second = TransferLease::mark(&mut target);
        assert!(matches!(second, Err(TransferError::TakenOver)), "{second:?}");
        let other = "DROP TABLE zenith_transfer; CREATE TABLE zenith_transfer (id INTEGER)";
        target.batch_execute(other).expect("a table of the application");
        let refused = TransferLease::mark(&mut target);
        assert!(matches!(refused, Err(TransferError::TableOfTheApplication)), "{refused:?}");
    }
}
