//! Work on SQLite's connection for writing.

use super::measure;
use super::queue::{Sharing, Turn};
use crate::backend::DbConnection;
use crate::connection::{self, Writer};
use crate::error::{Error, Result};

/// Runs `work` and commits it, together with that of others if `sharing` allows.
pub(super) fn write<T, E>(
    mut turn: Turn<'_>,
    sharing: Sharing,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<Error>,
{
    let (result, outcome) = if let Some(group) = turn.group() {
        let outcome = group.join();
        let connection = turn.connection()?;
        let result = connection.join_shared(work);
        if !connection.is_shared_open() {
            // This is the write that has ended the transaction, so its error says why.
            return result;
        }
        if result.is_ok()
            && let Some(group) = turn.group()
        {
            group.count_success();
        }
        (result, outcome)
    } else {
        turn.ensure_in_place()?;
        let value = turn.connection()?.begin_shared(work)?;
        let shared = if sharing == Sharing::Shared { turn.share()? } else { None };
        let Some(outcome) = shared else {
            turn.connection()?.commit_outermost()?;
            measure::committed(1);
            return Ok(value);
        };
        (Ok(value), outcome)
    };
    drop(turn);
    // What failed may have seen what the others wrote, so it waits too.
    outcome.wait()?;
    result
}

/// Runs `work` on the connection, which cannot write meanwhile.
pub(super) fn read<T, E>(
    mut turn: Turn<'_>,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<Error>,
{
    let connection = turn.connection()?;
    let result = query_only(connection, true)
        .map_err(E::from)
        // After a panic the connection is closed, so this needs no guard.
        .and_then(|()| read_only(connection, work));
    if let Err(cause) = query_only(connection, false) {
        let cause: &(dyn std::error::Error + 'static) = &cause;
        tracing::warn!(
            cause,
            "a closure has left a connection that is not fit for others; it is opened again"
        );
        turn.lose();
    }
    result
}

fn query_only(connection: &mut DbConnection, on: bool) -> Result<()> {
    connection::set_query_only(connection.sqlite()?, on)
}

/// Runs `work` on a connection that cannot write.
pub(super) fn read_only<T, E>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    let result = work(connection);
    // After a panic the connection is closed.
    connection.end_what_was_begun();
    result
}
