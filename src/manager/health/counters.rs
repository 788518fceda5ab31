//! Checks of the columns that count the rows of another table.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::checks::NamedCheck;
use super::outcome::CheckOutcome;
use crate::backend::DbConnection;
use crate::catalog::table_exists;
use crate::dispatch;
use crate::error::Result;
use crate::manager::DatabaseManager;

pub(super) const CHECKS: &[NamedCheck] =
    &[("Message Counters", false, messages), ("Chunk Counters", false, chunks)];

fn messages(connection: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    differences(
        connection,
        &["chat_sessions", "chat_history"],
        "SELECT s.id, count(*) FILTER (WHERE m.id IS NOT NULL) AS rows, CAST(s.message_count AS BIGINT) AS counter
         FROM chat_sessions AS s LEFT JOIN chat_history AS m ON m.chat_session_id = s.id
         GROUP BY s.id, s.message_count HAVING count(*) FILTER (WHERE m.id IS NOT NULL) <> s.message_count
         ORDER BY s.id LIMIT 100",
        |of| format!("conversation {} has {} messages, but its message_count is {}", of.id, of.rows, of.counter),
        "the message_count of every conversation is the number of its messages",
    )
}

fn chunks(connection: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    differences(
        connection,
        &["documents", "document_chunks"],
        "SELECT d.id, count(*) FILTER (WHERE c.id IS NOT NULL) AS rows, CAST(d.chunk_count AS BIGINT) AS counter
         FROM documents AS d LEFT JOIN document_chunks AS c ON c.document_id = d.id
         GROUP BY d.id, d.chunk_count HAVING count(*) FILTER (WHERE c.id IS NOT NULL) <> d.chunk_count
         ORDER BY d.id LIMIT 100",
        |of| format!("document {} has {} chunks, but its chunk_count is {}", of.id, of.rows, of.counter),
        "the chunk_count of every document is the number of its chunks",
    )
}

#[derive(QueryableByName)]
struct Difference {
    #[diesel(sql_type = BigInt)]
    id: i64,
    /// Number of rows that there are.
    #[diesel(sql_type = BigInt)]
    rows: i64,
    /// Number that the column says.
    #[diesel(sql_type = BigInt)]
    counter: i64,
}

fn differences(
    connection: &mut DbConnection,
    tables: &[&str],
    query: &str,
    fault: impl Fn(&Difference) -> String,
    good: &str,
) -> Result<CheckOutcome> {
    for table in tables {
        if !table_exists(connection, table)? {
            return Ok(CheckOutcome::Good("not checked: the tables do not exist".into()));
        }
    }
    let found: Vec<Difference> = dispatch!(connection, |c| diesel::sql_query(query).load(c))?;
    let faults: Vec<String> = found.iter().map(fault).collect();
    Ok(CheckOutcome::from_faults(
        &faults,
        good,
        "set the counters to these numbers of rows with SQL",
    ))
}
