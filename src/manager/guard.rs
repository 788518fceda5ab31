//! Refusing a database that is not this program's before anything is written to it.

use super::DatabaseManager;
use super::origin::{Origin, has_unfinished_transfer, origin_of};
use crate::backend::DbConnection;
use crate::catalog;
use crate::connection;
use crate::error::{Error, Result};

impl DatabaseManager {
    /// Refuses a database that another program made, or a newer version of this one, or that a
    /// stopped transfer left incomplete, before opening it for writing changes so much as its journal
    /// mode.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::FormerDatabase`], [`Error::Migration`] or [`Error::UnfinishedTransfer`].
    #[doc(hidden)]
    pub fn ensure_ours(&self) -> Result<()> {
        self.ensure_ours_or_begun()?;
        connection::inspect(&self.config, |connection| {
            if has_unfinished_transfer(connection)? {
                Err(Error::UnfinishedTransfer)
            } else {
                Ok(())
            }
        })
    }

    /// The same, but a transfer may have been begun into it.
    ///
    /// # Errors
    /// Those of [`DatabaseManager::ensure_ours`], without [`Error::UnfinishedTransfer`].
    #[doc(hidden)]
    pub fn ensure_ours_or_begun(&self) -> Result<()> {
        connection::inspect(&self.config, |connection| {
            let ledger = self.ledger(connection)?;
            let blank = catalog::is_empty(connection)?
                || catalog::table_exists(connection, "__diesel_schema_migrations")?;
            if blank || ledger.current().is_some() {
                return ledger.ensure_known();
            }
            self.refuse_former(connection)?;
            let reason = "it has tables but none of this program's migrations: another program \
                          made it. Nothing was changed. Give another database, or replace this one, \
                          after a backup, with `zenith-db create --force`";
            let database = self.config.location().to_string();
            Err(Error::Refused { database, reason: reason.into() })
        })
    }

    /// Of a database of the former application, whose tables have the same names, nothing can be said but
    /// what to do with it.
    pub(super) fn refuse_former(&self, connection: &mut DbConnection) -> Result<()> {
        let ours = catalog::table_exists(connection, "__diesel_schema_migrations")?;
        if !ours && origin_of(connection)? == Origin::Former {
            let database = self.config.location().to_string();
            return Err(Error::FormerDatabase { database });
        }
        Ok(())
    }
}
