//! Advisory lock for migrations on PostgreSQL.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use super::wait::LockWait;
use crate::backend::DbConnection;
use crate::connection::TransactionSettings;
use crate::dispatch;
use crate::error::Result;

/// Key of the lock, one per schema. The lock is released when the transaction or its session ends.
const KEY: &str =
    "hashtextextended('zenith-db migrations '::text || current_schema()::text, 0::int8)";

/// Condition for a row `l` of `pg_locks` to be the migration lock, granted to a session.
pub(super) fn is_granted() -> String {
    format!(
        "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (l.classid::int8 << 32) | l.objid::int8 = {KEY}"
    )
}

/// Configures the transaction, before its first query: queries after a wait see what was committed during the wait.
pub(super) fn configure_transaction(
    connection: &mut DbConnection,
    settings: &TransactionSettings,
) -> Result<()> {
    let isolation = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;";
    Ok(connection.batch_execute(&format!("{isolation} {}", settings.sql()))?)
}

#[derive(QueryableByName)]
struct Attempt {
    #[diesel(sql_type = Bool)]
    taken: bool,
    #[diesel(sql_type = BigInt)]
    lock_timeout: i64,
}

/// Takes the lock for the open transaction, after a wait if another session has it.
pub(super) fn take(connection: &mut DbConnection) -> Result<()> {
    let query = format!(
        "SELECT pg_try_advisory_xact_lock({KEY}) AS taken, setting::int8 AS lock_timeout
         FROM pg_settings WHERE name = 'lock_timeout'"
    );
    let mut wait = None;
    loop {
        let attempt: Attempt =
            dispatch!(&mut *connection, |c| diesel::sql_query(&query).get_result(c))?;
        if attempt.taken {
            return Ok(());
        }
        let limit = u64::try_from(attempt.lock_timeout).unwrap_or(0).max(1_000);
        let wait = wait.get_or_insert_with(|| LockWait::new(limit));
        wait.sleep(|| lock_owner(connection), None)?;
    }
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

/// Describes the session that has the lock, as far as the server shows it to this user.
fn lock_owner(connection: &mut DbConnection) -> Result<Option<String>> {
    let query = format!(
        "SELECT a.pid, a.application_name AS application,
            extract(epoch FROM clock_timestamp() - a.xact_start)::int8 AS seconds
         FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
         WHERE {}",
        is_granted()
    );
    let owners: Vec<LockOwner> = dispatch!(connection, |c| diesel::sql_query(&query).load(c))?;
    Ok(owners.first().map(|lock_owner| {
        let application = lock_owner.application.as_deref().unwrap_or("another program");
        let since = lock_owner.seconds.map_or(String::new(), |s| format!(", busy for {s} s"));
        format!("{application} (server process {}{since})", lock_owner.pid)
    }))
}
