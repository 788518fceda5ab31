//! A commit that was never answered: the server is asked what became of it.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use crate::{DbConnection, Error, Result, dispatch};

/// A commit that was not answered.
pub(crate) struct LostCommit {
    /// `None` if the server did not say, or nothing was written.
    pub(super) transaction: Option<TransactionId>,
    pub(super) cause: diesel::result::Error,
}

/// What a server knows a transaction by, after the session as well.
#[derive(QueryableByName)]
pub(crate) struct TransactionId {
    #[diesel(sql_type = Text)]
    id: String,
    /// A replica that takes its primary's place begins another timeline, on which the same number
    /// may be another transaction's.
    #[diesel(sql_type = Text)]
    timeline: String,
}

impl TransactionId {
    /// That of the transaction that is open.
    pub(super) fn current(connection: &mut DbConnection) -> Option<Self> {
        let query = "SELECT id::text, left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline
            FROM pg_current_xact_id_if_assigned() AS id WHERE id IS NOT NULL";
        // A service may not allow this; its refusal must not cost the transaction.
        let asked = connection.write(|connection| {
            let query = diesel::sql_query(query);
            Ok::<_, Error>(dispatch!(connection, |c| query.get_result(c).optional())?)
        });
        asked.unwrap_or_else(|error: Error| {
            tracing::debug!(%error, "the transaction has no number");
            None
        })
    }
}

#[derive(QueryableByName)]
struct Status {
    #[diesel(sql_type = Nullable<Text>)]
    status: Option<String>,
}

impl LostCommit {
    pub(super) fn look_up(self, connection: &mut DbConnection) -> Result<()> {
        match self.status(connection).as_deref() {
            Some("committed") => {
                tracing::warn!(
                    "the connection was lost during the commit; the server says that it took place"
                );
                Ok(())
            }
            Some("aborted") => Err(Error::ConnectionLost(self.cause)),
            _ => Err(Error::CommitUnknown(self.cause)),
        }
    }

    /// As `pg_xact_status` has it.
    fn status(&self, connection: &mut DbConnection) -> Option<String> {
        let transaction = self.transaction.as_ref()?;
        let query = "SELECT CASE left(pg_walfile_name(pg_current_wal_lsn()), 8)
            WHEN $2 THEN pg_xact_status($1::xid8) END AS status";
        // The session that broke may still be at it.
        for _ in 0..100 {
            let query = diesel::sql_query(query)
                .bind::<Text, _>(&transaction.id)
                .bind::<Text, _>(&transaction.timeline);
            let asked: QueryResult<Status> = dispatch!(&mut *connection, |c| query.get_result(c));
            match asked {
                Ok(Status { status: Some(status) }) if status == "in progress" => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Ok(found) => return found.status,
                Err(error) => {
                    tracing::debug!(%error, "what became of the commit cannot be asked");
                    return None;
                }
            }
        }
        None
    }
}
