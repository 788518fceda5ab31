//! Refusal of databases that this program must not write to.

use super::DatabaseManager;
use super::origin::{Origin, has_unfinished_transfer, origin_of};
use crate::backend::{Backend, DbConnection};
use crate::catalog;
use crate::config::Location;
use crate::connection;
#[cfg(feature = "postgres")]
use crate::connection::Access;
use crate::error::{Error, Result};
use crate::migrations::{self, Ledger};

impl DatabaseManager {
    /// Rolls back the transaction of a process that was killed while it wrote to an SQLite database
    /// without a WAL. Does nothing if there is no such transaction. Every method that writes does this
    /// first; a method that only reads refuses such a database with [`Error::HotJournal`].
    ///
    /// # Errors
    /// [`Error::SideFile`] if the rollback journal cannot be trusted; [`Error::ReadOnly`],
    /// [`Error::Refused`], [`Error::Open`] or [`Error::Query`] if the database cannot be written.
    pub fn recover(&self) -> Result<()> {
        connection::recover(&self.config)
    }

    /// Refuses a database that another program or a newer version of this one created, one with migrations of
    /// an application that this program does not know, and one that an interrupted transfer left
    /// incomplete. Opens it read-only: opening it for writing could already change its journal mode.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::FormerDatabase`], [`Error::Migration`] or
    /// [`Error::UnfinishedTransfer`].
    #[doc(hidden)]
    pub fn ensure_ours(&self) -> Result<()> {
        self.ensure(Ledger::ensure_known)?;
        self.ensure_no_transfer()
    }

    /// As [`DatabaseManager::ensure_ours`], but allows migrations of an application that this program does not know.
    pub(super) fn ensure_own_part(&self) -> Result<()> {
        self.ensure(Ledger::ensure_own_part_known)?;
        self.ensure_no_transfer()
    }

    /// Refuses what [`DatabaseManager::initialize`] would refuse, so that a command can look before it asks for a password.
    ///
    /// # Errors
    /// Those of [`DatabaseManager::ensure_ours`], unless there is no database.
    #[doc(hidden)]
    pub fn ensure_can_initialize(&self) -> Result<()> {
        self.recover()?;
        if self.exists()? { self.ensure_ours() } else { Ok(()) }
    }

    /// Refuses what [`DatabaseManager::recreate`] would refuse, so that a command can look before it asks: migrations of an
    /// application that this program would not know how to create again, and what somebody else has created in a server's
    /// schema.
    ///
    /// # Errors
    /// [`Error::Migration`] or [`Error::Refused`], and those of reading the database.
    #[doc(hidden)]
    pub fn ensure_can_recreate(&self) -> Result<()> {
        self.recover()?;
        match connection::inspect(&self.config, |connection| {
            let ledger = self.ledger(connection)?;
            ledger.ensure_application_known()?;
            if catalog::is_empty(connection)? {
                return Ok(());
            }
            migrations::ensure_droppable(connection, &ledger)
        }) {
            Err(Error::NoDatabase { .. }) => Ok(()),
            done => done,
        }
    }

    /// Refuses a missing database, another program's, and one that lacks migrations, so that a command can look before
    /// it asks.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::Refused`], [`Error::FormerDatabase`] or
    /// [`MigrationFault::Pending`](crate::MigrationFault::Pending), and those of reading the database.
    #[doc(hidden)]
    pub fn ensure_current(&self) -> Result<()> {
        self.recover()?;
        connection::inspect(&self.config, |connection| self.ensure_migrated(connection))
    }

    /// Refuses the database of a connection if it lacks migrations. If that is because it is another program's, the
    /// error says so.
    pub(super) fn ensure_migrated(&self, connection: &mut DbConnection) -> Result<()> {
        let migrated = self.ledger(connection)?.ensure_current();
        if migrated.is_err() {
            self.ensure_ours()?;
        }
        migrated
    }

    /// Refuses a server that an application could not use, as [`Database::open`](crate::Database::open) does: a replica, or
    /// one whose transactions only read. A file is not opened: that could change it.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], and the other errors of opening a database.
    #[doc(hidden)]
    pub fn ensure_server_takes_writes(&self) -> Result<()> {
        match self.config.location() {
            Location::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => connection::open(&self.config, Access::Write).map(drop),
        }
    }

    /// Refuses the target of a transfer that was interrupted: it lacks rows.
    ///
    /// # Errors
    /// [`Error::UnfinishedTransfer`], and those of reading the database.
    pub(super) fn ensure_no_transfer(&self) -> Result<()> {
        connection::inspect(&self.config, |connection| {
            if has_unfinished_transfer(connection)? {
                Err(Error::UnfinishedTransfer)
            } else {
                Ok(())
            }
        })
    }

    /// Refuses what [`DatabaseManager::ensure_ours`] refuses, except the target of an interrupted
    /// transfer.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::FormerDatabase`] or [`Error::Migration`].
    #[doc(hidden)]
    pub fn ensure_ours_or_begun(&self) -> Result<()> {
        self.ensure(Ledger::ensure_known)
    }

    /// Refuses a database of another program, and one whose migrations `is_known` refuses.
    fn ensure(&self, is_known: impl Fn(&Ledger) -> Result<()>) -> Result<()> {
        connection::inspect(&self.config, |connection| {
            let ledger = self.ledger(connection)?;
            self.refuse_foreign(&ledger)?;
            let blank = catalog::is_empty(connection)?
                || catalog::table_exists(connection, "__diesel_schema_migrations")?;
            if blank || ledger.current().is_some() {
                return is_known(&ledger);
            }
            self.refuse_former(connection)?;
            let cure = match connection.backend() {
                Backend::Sqlite => {
                    "Name another database, or delete all tables of this one, after a backup, with `zenith-db create \
                     --force`"
                }
                Backend::Postgres => {
                    "Name another database, or another schema of it (DATABASE_SCHEMA)"
                }
            };
            let reason = format!(
                "it has tables, but none of this program's migrations, so another program created it. Nothing was \
                 changed. {cure}"
            );
            Err(Error::Refused { database: self.config.location().to_string(), reason })
        })
    }

    /// Refuses a database of another program that has a table with the name of Diesel's ledger.
    fn refuse_foreign(&self, ledger: &Ledger) -> Result<()> {
        let Some(foreign) = ledger.foreign_because() else { return Ok(()) };
        let others = match self.config.location() {
            Location::Sqlite(_) => "name another database",
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => {
                "name another database, or another schema of it (DATABASE_SCHEMA)"
            }
        };
        let database = self.config.location().to_string();
        Err(Error::Refused {
            database,
            reason: format!("{foreign}. Nothing was changed; {others}"),
        })
    }

    /// Refuses a database of the former application or of another program that uses Diesel. Its tables can
    /// have the names of this schema's tables, so that reading them would give wrong results.
    pub(super) fn refuse_former(&self, connection: &mut DbConnection) -> Result<()> {
        self.refuse_foreign(&self.ledger(connection)?)?;
        let ours = catalog::table_exists(connection, "__diesel_schema_migrations")?;
        if !ours && origin_of(connection)? == Origin::Former {
            let database = self.config.location().to_string();
            return Err(Error::FormerDatabase { database });
        }
        Ok(())
    }
}
