//! Refusal of databases that this program must not write to.

use super::DatabaseManager;
use super::origin::{FOREIGN_LEDGER, Origin, has_unfinished_transfer, origin_of};
use crate::backend::{Backend, DbConnection};
use crate::catalog;
use crate::config::Location;
use crate::connection;
#[cfg(feature = "postgres")]
use crate::connection::Access;
use crate::error::{Error, Result};
use crate::migrations::Ledger;

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

    /// Refuses a database with migrations of an application that this program does not know, and no other: what is
    /// in it is to be deleted, by a program that would not know how to create it again.
    ///
    /// # Errors
    /// [`Error::Migration`], and those of reading the database.
    #[doc(hidden)]
    pub fn ensure_no_other_application(&self) -> Result<()> {
        match connection::inspect(&self.config, |connection| {
            self.ledger(connection)?.ensure_application_known()
        }) {
            Err(Error::NoDatabase { .. }) => Ok(()),
            done => done,
        }
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

    /// Refuses a database of another program that uses Diesel.
    fn refuse_foreign(&self, ledger: &Ledger) -> Result<()> {
        if !ledger.is_foreign() {
            return Ok(());
        }
        let database = self.config.location().to_string();
        let reason = format!("{FOREIGN_LEDGER}. Nothing was changed; name another database");
        Err(Error::Refused { database, reason })
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
