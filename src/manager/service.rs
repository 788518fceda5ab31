//! What a service asks of its database: that it is open, and that it is ready.

use std::panic::Location;

use super::DatabaseManager;
use super::disk_space::ensure_room;
use super::origin::has_unfinished_transfer;
use crate::backend::DbConnection;
use crate::config::Config;
use crate::connection;
use crate::error::{Error, Result};
use crate::migrations::Ledger;
use crate::pool::Database;

/// Free space, in bytes, below which a service is not ready: the log of SQLite grows by less between two questions.
const ROOM: u64 = 16_000_000;

impl Database {
    /// Opens the database that the configuration names, which must exist and have every migration of this library.
    /// [`DatabaseManager`] creates and migrates it, and [`DatabaseManager::open_database`] also looks at the migrations
    /// of an application.
    ///
    /// A replica that is not available is not an error: reads then use the primary. Nor is a database that a newer
    /// version of the library has migrated, so that the versions of a service can run beside each other.
    ///
    /// # Errors
    /// [`Error::NoDatabase`] if the database does not exist;
    /// [`MigrationFault::Pending`](crate::MigrationFault::Pending) if it lacks migrations;
    /// [`Error::UnfinishedTransfer`] if a transfer into it was interrupted; [`Error::Refused`] if it
    /// cannot be used or another program created it, and [`Error::FormerDatabase`] if the former application did; [`Error::ReadOnly`] if it cannot be written; [`Error::Open`], [`Error::Pragma`] or
    /// [`Error::Locked`] if it cannot be set up; on a server [`Error::Connect`].
    pub fn open(config: &Config) -> Result<Self> {
        DatabaseManager::new(config.clone()).open_database()
    }

    /// Opens the database that the environment names, as [`Config::from_env`] and [`Database::open`] do.
    ///
    /// # Errors
    /// Those of [`Config::from_env`] and of [`Database::open`].
    pub fn from_env() -> Result<Self> {
        Self::open(&Config::from_env()?)
    }

    /// Succeeds if the database can serve: a connection for reading and one for writing answer, no migration that the
    /// program knows is pending, and the disk of an SQLite database has 16 MB left. It reads a few small tables and
    /// writes nothing, so that it can be asked every second; like every call, it waits for a free connection.
    ///
    /// # Errors
    /// Why it is not ready: [`MigrationFault::Pending`](crate::MigrationFault::Pending);
    /// [`Error::NoRoom`]; [`Error::Refused`] if an SQLite file was removed,
    /// moved or replaced since it was opened; [`Error::Pragma`] if a closure has changed a setting
    /// of the connection for writing, which is opened again then; [`Error::PoolTimeout`];
    /// [`Error::CallRefused`] if it is closed; or that of a connection.
    #[track_caller]
    pub fn ready(&self) -> Result<()> {
        self.ready_to_read(Location::caller())?;
        self.ready_to_write()
    }

    /// Succeeds if a connection for reading answers [`Database::ready`], called at this place.
    pub(crate) fn ready_to_read(&self, place: &'static Location<'static>) -> Result<()> {
        self.read_at("ready", place, |connection| {
            Ledger::read_for(connection, self.migrations())?.ensure_current()
        })
    }

    /// Succeeds if a connection for writing answers [`Database::ready`], and its disk has room.
    pub(crate) fn ready_to_write(&self) -> Result<()> {
        self.ping_writer()?;
        if let Some(path) = self.config().location().path() {
            let _ = ensure_room([("the next writes", path.directory(), ROOM)])?;
        }
        Ok(())
    }
}

impl DatabaseManager {
    /// Opens the database for an application, which must exist and have every migration of this manager: those of the
    /// library, and those of the application.
    ///
    /// # Errors
    /// Those of [`Database::open`].
    pub fn open_database(&self) -> Result<Database> {
        let check = |connection: &mut DbConnection| {
            // Before its migrations, which it may lack because of it.
            if has_unfinished_transfer(connection)? {
                return Err(Error::UnfinishedTransfer);
            }
            self.ensure_migrated(connection)
        };
        // Opening a file can change its journal mode, which is not to happen to that of another program.
        if self.config.location().path().is_some() {
            self.recover()?;
            connection::inspect(&self.config, check)?;
        }
        let database = Database::open_with(&self.config, self.migrations)?;
        database.read_primary(check)?;
        database.begin_to_count();
        Ok(database)
    }
}
