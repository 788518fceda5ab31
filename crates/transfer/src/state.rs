//! How far a transfer has come, kept in the target and committed with the rows.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zenith_db::internal::catalog::table_exists;
use zenith_db::internal::manager::TRANSFER_TABLE;
use zenith_db::{DbConnection, dispatch};

use super::error::{Result, TransferError};

diesel::table! {
    /// The transfer that a target is in the middle of: one row, gone when it is done.
    zenith_transfer (id) {
        /// Always 1.
        id -> Integer,
        /// The process that goes on with it.
        run -> Text,
        /// [`State`], as JSON.
        state -> Text,
    }
}

/// How far a transfer has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The source's identity.
    pub(super) source: String,
    /// The statements that put back what was taken from the target for the time of the transfer.
    pub(super) to_restore: Vec<String>,
    /// What has been copied of which table.
    pub(super) tables: BTreeMap<String, Copied>,
}

/// What has been copied of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copied {
    /// How many rows.
    pub(super) rows: i64,
    /// The greatest key.
    pub(super) last_key: i64,
}

impl State {
    /// How many rows have been copied.
    pub(super) fn rows(&self) -> i64 {
        self.tables.values().map(|copied| copied.rows).sum()
    }

    /// That of the transfer that the target is in the middle of.
    pub(super) fn read(target: &mut DbConnection) -> Result<Option<Self>> {
        if !table_exists(target, TRANSFER_TABLE)? {
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

/// The one process that may write to the target.
#[derive(Debug)]
pub(super) struct Run(String);

impl Run {
    /// Records the beginning of a transfer, in the caller's transaction.
    pub(super) fn begin(target: &mut DbConnection, state: &State) -> Result<Self> {
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

    /// Goes on with a transfer that has begun. If another process still does, its next batch fails.
    pub(super) fn take_over(target: &mut DbConnection) -> Result<Self> {
        let run = Self(Uuid::now_v7().to_string());
        dispatch!(target, |inner| diesel::update(zenith_transfer::table)
            .set(zenith_transfer::run.eq(&run.0))
            .execute(inner))?;
        Ok(run)
    }

    /// Records how far it has come, and locks out every other process until the caller's transaction
    /// ends: first thing in it.
    pub(super) fn record(&self, target: &mut DbConnection, state: &State) -> Result<()> {
        if !table_exists(target, TRANSFER_TABLE)? {
            // It is done already.
            return Err(TransferError::TakenOver);
        }
        let state = text(state)?;
        let updated = dispatch!(target, |inner| diesel::update(zenith_transfer::table)
            .filter(zenith_transfer::run.eq(&self.0))
            .set(zenith_transfer::state.eq(&state))
            .execute(inner))?;
        if updated == 1 { Ok(()) } else { Err(TransferError::TakenOver) }
    }

    /// Nothing is left of it.
    pub(super) fn end(target: &mut DbConnection) -> Result<()> {
        Ok(target.batch_execute("DROP TABLE zenith_transfer")?)
    }
}

fn text(state: &State) -> Result<String> {
    serde_json::to_string(state).map_err(TransferError::UnreadableState)
}
