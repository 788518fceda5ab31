//! A connection that broke in a run: what became of its transaction is read from a mark that the
//! transaction left, and the session that may be left on the server is ended.
//!
//! A mark, and not the transaction's number: after a crash a server gives the same number to another
//! transaction, and so does a replica that takes its primary's place.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Nullable, Text};

use super::server::{holds_lock, set_up, take_lock};
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::{Error, Result};

/// What a transaction leaves behind if it is committed.
#[derive(Debug)]
pub(super) enum CommitMarker {
    /// It has written nothing, so that it does not matter.
    Nothing,
    /// The comment of Diesel's ledger.
    Mark { own: String, before: Option<String> },
    /// The ledger could not be marked: it may be another role's.
    None,
}

#[derive(QueryableByName)]
struct Comment {
    #[diesel(sql_type = Nullable<Text>)]
    comment: Option<String>,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

impl CommitMarker {
    /// That of the transaction that is open.
    pub(super) fn leave(connection: &mut DbConnection) -> Result<Self> {
        let query = "SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS yes";
        let has_written: Answer =
            dispatch!(&mut *connection, |c| diesel::sql_query(query).get_result(c))?;
        if !has_written.yes {
            return Ok(Self::Nothing);
        }
        let before = comment(connection)?;
        let own = format!("last migrated by zenith-db, run {}", uuid::Uuid::new_v4());
        // A refusal must not cost the transaction.
        let left = connection.write(|connection| {
            let comment = format!("COMMENT ON TABLE __diesel_schema_migrations IS '{own}'");
            Ok::<_, Error>(connection.batch_execute(&comment)?)
        });
        Ok(match left {
            Ok(()) => Self::Mark { own, before },
            Err(error) => {
                tracing::debug!(%error, "the ledger could not be marked");
                Self::None
            }
        })
    }
}

fn comment(connection: &mut DbConnection) -> Result<Option<String>> {
    let query =
        "SELECT obj_description(to_regclass('__diesel_schema_migrations'), 'pg_class') AS comment";
    let found: Comment = dispatch!(connection, |c| diesel::sql_query(query).get_result(c))?;
    Ok(found.comment)
}

/// A commit that was not answered.
#[derive(Debug)]
pub struct LostCommit {
    pub(super) trace: CommitMarker,
    pub(super) cause: diesel::result::Error,
}

impl LostCommit {
    pub(super) fn look_up(self, connection: &mut DbConnection) -> Result<()> {
        let (own, before) = match self.trace {
            CommitMarker::Nothing => return Ok(()),
            CommitMarker::None => return Err(Error::CommitUnknown(self.cause)),
            CommitMarker::Mark { own, before } => (own, before),
        };
        // Under the lock, nobody is at work any more who might still leave the mark.
        let now = connection.write(|connection| {
            set_up(connection)?;
            take_lock(connection)?;
            comment(connection)
        });
        match now {
            Ok(Some(now)) if now == own => {
                tracing::warn!(
                    "the connection was lost during the commit; the database shows that it took place"
                );
                Ok(())
            }
            Ok(now) if now == before => Err(Error::ConnectionLost(self.cause)),
            // Another run may have been since, upon this one or in its place.
            Ok(_) => Err(Error::CommitUnknown(self.cause)),
            Err(error) => {
                tracing::warn!(%error, "what became of the commit could not be asked");
                Err(Error::CommitUnknown(self.cause))
            }
        }
    }
}

/// A session on a server, which may outlive the connection to it.
#[derive(QueryableByName)]
pub(crate) struct ServerSession {
    #[diesel(sql_type = Integer)]
    pid: i32,
    #[diesel(sql_type = Nullable<Text>)]
    begun: Option<String>,
}

impl ServerSession {
    pub(super) fn of(connection: &mut DbConnection) -> Result<Self> {
        let query = "SELECT pid, backend_start::text AS begun FROM pg_stat_activity
            WHERE pid = pg_backend_pid()";
        Ok(dispatch!(connection, |c| diesel::sql_query(query).get_result(c))?)
    }

    /// Ends it, if it still has the lock, and with it every other that keeps people waiting. Until the
    /// server notices by itself that nobody is there any more, hours may pass.
    pub(super) fn end(&self, connection: &mut DbConnection) -> Result<()> {
        let query = format!(
            "SELECT pg_terminate_backend(a.pid) AS yes
             FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
             WHERE {} AND a.pid = $1 AND a.backend_start::text = $2",
            holds_lock()
        );
        for _ in 0..250 {
            let query = diesel::sql_query(&query)
                .bind::<Integer, _>(self.pid)
                .bind::<Nullable<Text>, _>(&self.begun);
            let left: Vec<Answer> = dispatch!(&mut *connection, |c| query.load(c))?;
            if left.iter().all(|answer| !answer.yes) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
