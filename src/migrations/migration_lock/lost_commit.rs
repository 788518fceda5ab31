//! Outcome of a commit during which the connection was lost, from a marker that the transaction left.
//!
//! A marker, and not the transaction's number: after a crash a server gives the same number to another
//! transaction, and so does a replica that is promoted.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};

use super::advisory_lock;
use crate::backend::DbConnection;
use crate::connection::TransactionSettings;
use crate::dispatch;
use crate::error::{Error, Result, chain};

/// Marker that a transaction leaves in the database if it is committed.
#[derive(Debug)]
pub(super) enum CommitMarker {
    /// The transaction has written nothing, so its outcome does not matter.
    NotNeeded,
    /// Comment of Diesel's ledger.
    Comment {
        /// Comment that the transaction has set.
        own: String,
        /// Comment before the transaction, if any.
        before: Option<String>,
    },
    /// The comment could not be set: another role may own the ledger.
    Unavailable,
}

#[derive(QueryableByName)]
struct LedgerComment {
    #[diesel(sql_type = Nullable<Text>)]
    comment: Option<String>,
}

#[derive(QueryableByName)]
struct HasWritten {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

impl CommitMarker {
    /// Leaves a marker in the open transaction.
    pub(super) fn leave(connection: &mut DbConnection) -> Result<Self> {
        let query = "SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS yes";
        let has_written: HasWritten =
            dispatch!(&mut *connection, |c| diesel::sql_query(query).get_result(c))?;
        if !has_written.yes {
            return Ok(Self::NotNeeded);
        }
        let before = comment(connection)?;
        let own = format!("last migrated by zenith-db, run {}", uuid::Uuid::new_v4());
        // In a savepoint: if the server refuses, the transaction must not fail.
        let left = connection.write(|connection| {
            let comment = format!("COMMENT ON TABLE __diesel_schema_migrations IS '{own}'");
            Ok(connection.batch_execute(&comment)?)
        });
        Ok(match left {
            Ok(()) => Self::Comment { own, before },
            Err(error) => {
                tracing::debug!(%error, "the comment of the ledger could not be set");
                Self::Unavailable
            }
        })
    }
}

fn comment(connection: &mut DbConnection) -> Result<Option<String>> {
    let query =
        "SELECT obj_description(to_regclass('__diesel_schema_migrations'), 'pg_class') AS comment";
    let found: LedgerComment = dispatch!(connection, |c| diesel::sql_query(query).get_result(c))?;
    Ok(found.comment)
}

/// Commit during which the connection was lost.
#[derive(Debug)]
pub struct LostCommit {
    pub(super) marker: CommitMarker,
    pub(super) cause: diesel::result::Error,
    /// Settings of the transaction, which another needs too.
    pub(super) settings: TransactionSettings,
}

impl LostCommit {
    /// Reads over another connection whether the commit took place.
    ///
    /// # Errors
    /// [`Error::ConnectionLost`] if the transaction was rolled back; [`Error::CommitUnknown`] if the
    /// marker does not tell.
    pub(super) fn look_up(self, connection: &mut DbConnection) -> Result<()> {
        let (own, before) = match self.marker {
            CommitMarker::NotNeeded => return Ok(()),
            CommitMarker::Unavailable => return Err(Error::CommitUnknown(self.cause)),
            CommitMarker::Comment { own, before } => (own, before),
        };
        // Under the lock, the lost transaction has ended and cannot set its comment later.
        let now = connection.write(|connection| {
            advisory_lock::configure_transaction(connection, &self.settings)?;
            advisory_lock::take(connection)?;
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
            // Another run has set its own comment, after this commit or instead of it.
            Ok(_) => Err(Error::CommitUnknown(self.cause)),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the outcome of the commit could not be read");
                Err(Error::CommitUnknown(self.cause))
            }
        }
    }
}
