//! SQLite's connection for writing, and the transaction that is open on it.

use std::sync::Arc;
use std::time::Duration;

use super::group::{Group, Outcome};
use crate::backend::DbConnection;
use crate::config::Config;
use crate::connection::{self, Access, DeferredKeys, OpenFile};
use crate::error::{Error, Result, SharedCommit};

/// What is passed from one writer to the next.
pub(super) struct Seat {
    /// The connection; `None` if it was found broken and is to be opened again.
    connection: Option<DbConnection>,
    /// Transaction that the next writer may join.
    group: Option<Group>,
    keys: DeferredKeys,
}

impl Seat {
    pub(super) fn open(config: &Config) -> Result<Self> {
        Ok(Self { connection: Some(open(config)?), ..Self::lost() })
    }

    /// Returns a seat whose connection is lost, and opened again by the next.
    pub(super) fn lost() -> Self {
        Self { connection: None, group: None, keys: DeferredKeys::default() }
    }

    pub(super) fn into_connection(self) -> Option<DbConnection> {
        self.connection
    }

    pub(super) const fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    pub(super) const fn has_group(&self) -> bool {
        self.group.is_some()
    }

    /// Returns the connection, which is opened again if it was found broken.
    pub(super) fn connection(
        &mut self,
        config: &Config,
        file: &OpenFile,
    ) -> Result<&mut DbConnection> {
        Ok(match &mut self.connection {
            Some(connection) => connection,
            none => {
                let opened = open(config)?;
                // Those who read have the file open that was there before.
                file.ensure_in_place()?;
                none.insert(opened)
            }
        })
    }

    pub(super) const fn group(&mut self) -> Option<&mut Group> {
        self.group.as_mut()
    }

    /// Makes the transaction that is open a group's, if it can be shared.
    /// Others may join for as long as this.
    pub(super) fn begin_group(&mut self, longest: Duration) -> Result<Option<Arc<Outcome>>> {
        let Some(connection) = &mut self.connection else { return Ok(None) };
        Ok(connection
            .share(&mut self.keys)?
            .then(|| self.group.insert(Group::of_one(longest)).outcome()))
    }

    /// Whether another write may join the transaction, which is open.
    pub(super) fn may_be_joined(&mut self) -> bool {
        let Self { connection, group, keys } = self;
        group.as_ref().is_some_and(Group::is_open)
            && connection.as_mut().is_some_and(|connection| {
                connection.is_shared_open() && matches!(connection.may_be_shared(keys), Ok(true))
            })
    }

    /// Commits the transaction of the group, and closes a connection that is not fit for the next. Returns the group
    /// with what it is to be told.
    pub(super) fn settle(&mut self) -> Option<(Group, Result<()>)> {
        let is_open = self.connection.as_mut().is_some_and(DbConnection::is_shared_open);
        let ended = self.group.take().map(|mut group| {
            group.begin_to_end();
            let committed = match self.connection.as_mut().filter(|_| is_open) {
                Some(connection) => connection.commit_shared(),
                None => self.close_ended(),
            };
            (group, committed)
        });
        // What panicked may have left anything. Closing rolls back what is open.
        let is_unfit = ended.is_none() && std::thread::panicking();
        if is_unfit || self.connection.as_mut().is_some_and(DbConnection::in_transaction) {
            self.connection = None;
        }
        ended
    }

    /// Closes the connection, whose transaction a write has ended, and fails unless it was committed.
    fn close_ended(&mut self) -> Result<()> {
        match self.connection.take().map(|mut connection| connection.was_committed()) {
            Some(Ok(true)) => Ok(()),
            Some(Err(Error::Query(cause))) => Err(Error::CommitUnknown(cause)),
            Some(Err(error)) => Err(error),
            Some(Ok(false)) | None => Err(SharedCommit::Ended.into()),
        }
    }
}

fn open(config: &Config) -> Result<DbConnection> {
    let mut writer = connection::open(config, Access::Write)?;
    if config.max_connections() > 1 {
        writer.leave_checkpoints()?;
    }
    Ok(writer)
}
