//! The lock on a server.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use super::LockWait;
use super::lost_connection::{CommitMarker, LostCommit};
use super::run_outcome::RunOutcome;
use crate::backend::DbConnection;
use crate::connection::TransactionOutcome;
use crate::dispatch;
use crate::error::Result;

/// The lock is the schema's, ends with the transaction, and goes with its owner.
const KEY: &str = "hashtextextended('zenith-db migrations ' || current_schema(), 0)";

/// Whether a row `l` of `pg_locks` is the lock, in somebody's hands.
pub(super) fn holds_lock() -> String {
    format!(
        "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (l.classid::int8 << 32) | l.objid::int8 = {KEY}"
    )
}

#[derive(QueryableByName)]
struct Attempt {
    #[diesel(sql_type = Bool)]
    taken: bool,
    #[diesel(sql_type = BigInt)]
    lock_timeout: i64,
}

#[derive(QueryableByName)]
struct LockOwner {
    #[diesel(sql_type = Integer)]
    pid: i32,
    #[diesel(sql_type = Nullable<Text>)]
    application: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    seconds: Option<i64>,
}

/// The work in a transaction that has the lock.
pub(super) fn exclusively<T>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<RunOutcome<T>> {
    let ended = connection.write_keeping(|connection| {
        set_up(connection)?;
        take_lock(connection)?;
        let value = work(connection)?;
        Ok((value, CommitMarker::leave(connection)?))
    })?;
    Ok(match ended {
        TransactionOutcome::Committed((value, _)) => RunOutcome::Committed(value),
        TransactionOutcome::Unknown((value, trace), cause) => {
            RunOutcome::Unknown(value, LostCommit { trace, cause })
        }
    })
}

/// Before the first query of a transaction: what is read after a wait is what is there then, the work
/// takes the time that it needs, and nobody waits for a table without end, behind a pooler either.
pub(super) fn set_up(connection: &mut DbConnection) -> Result<()> {
    Ok(connection.batch_execute(
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
         SET LOCAL statement_timeout = 0;
         SET LOCAL idle_in_transaction_session_timeout = 0;
         SELECT set_config('lock_timeout', '5s', true) WHERE current_setting('lock_timeout') = '0'",
    )?)
}

pub(super) fn take_lock(connection: &mut DbConnection) -> Result<()> {
    let query = format!(
        "SELECT pg_try_advisory_xact_lock({KEY}) AS taken, setting::int8 AS lock_timeout
         FROM pg_settings WHERE name = 'lock_timeout'"
    );
    let mut waiting = None;
    loop {
        let attempt: Attempt =
            dispatch!(&mut *connection, |c| diesel::sql_query(&query).get_result(c))?;
        if attempt.taken {
            return Ok(());
        }
        let limit = u64::try_from(attempt.lock_timeout).unwrap_or(0).max(1_000);
        let waiting = waiting.get_or_insert_with(|| LockWait::new(limit));
        waiting.go_on(|| lock_owner(connection), None)?;
    }
}

/// Who has the lock, as far as the server tells this user.
fn lock_owner(connection: &mut DbConnection) -> Result<Option<String>> {
    let query = format!(
        "SELECT a.pid, a.application_name AS application,
            extract(epoch FROM clock_timestamp() - a.xact_start)::int8 AS seconds
         FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
         WHERE {}",
        holds_lock()
    );
    let owners: Vec<LockOwner> = dispatch!(connection, |c| diesel::sql_query(&query).load(c))?;
    Ok(owners.first().map(|lock_owner| {
        let application = lock_owner.application.as_deref().unwrap_or("another program");
        let since = lock_owner.seconds.map_or(String::new(), |s| format!(", busy for {s} s"));
        format!("{application} (server process {}{since})", lock_owner.pid)
    }))
}
