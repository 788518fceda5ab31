//! Ledger of the migrations that have run, read without writing anything.

use diesel::prelude::*;

use super::embedded::{self, EmbeddedMigration, Migrations};
use super::recorded::{RecordedMigration, recorded};
use super::usable::ensure_usable;
use crate::backend::{Backend, DbConnection};
use crate::catalog::{names, table_exists};
use crate::dispatch;
use crate::error::{Error, MigrationFault, Result};

diesel::table! {
    /// Diesel's own ledger. `Ledger::read` checks first that it exists: Diesel would create it.
    __diesel_schema_migrations (version) {
        /// Digits of the migration's timestamp.
        version -> Text,
    }
}

/// Migrations that have run and migrations that are pending, by Diesel's ledger, the table
/// `__diesel_schema_migrations`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Migrations that the program knows, oldest first.
    known: Migrations,
    /// Versions that have run, oldest first.
    applied: Vec<String>,
    /// Migrations that have run and that the program does not know.
    unknown: Vec<RecordedMigration>,
}

impl Ledger {
    /// Reads Diesel's ledger. If the table does not exist, no migration has run.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn read(connection: &mut DbConnection) -> Result<Self> {
        Self::read_for(connection, embedded::all())
    }

    /// Reads Diesel's ledger for a program that knows these migrations, each of which needs a version of
    /// its own: the ledger records nothing else.
    pub(crate) fn read_for(connection: &mut DbConnection, known: Migrations) -> Result<Self> {
        ensure_usable(known)?;
        if !table_exists(connection, "__diesel_schema_migrations")? {
            return Ok(Self { known, ..Self::default() });
        }
        if !has_stored_versions(connection)? {
            let (applied, description) = (vec![NO_LEDGER.to_owned()], None);
            let unknown = vec![RecordedMigration { version: NO_LEDGER.to_owned(), description }];
            return Ok(Self { known, applied, unknown });
        }
        let applied: Vec<String> =
            dispatch!(connection, |connection| __diesel_schema_migrations::table
                .select(__diesel_schema_migrations::version)
                .order(__diesel_schema_migrations::version)
                .load(connection))?;
        let is_known = |version: &String| known.iter().any(|m| m.version() == *version);
        // The history of another program may have any columns.
        if !applied.iter().any(is_known) {
            let unknown = applied.iter().cloned();
            let unknown = unknown.map(|version| RecordedMigration { version, description: None });
            return Ok(Self { known, unknown: unknown.collect(), applied });
        }
        let versions = applied.iter().filter(|version| !is_known(version)).cloned().collect();
        let unknown = recorded(connection, versions)?;
        Ok(Self { known, applied, unknown })
    }

    /// Whether migrations have run and the program knows none of them: another program that uses
    /// Diesel created the database.
    pub(crate) fn is_foreign(&self) -> bool {
        !self.applied.is_empty() && self.ran().next().is_none()
    }

    /// Returns the migrations that the program knows, oldest first.
    pub(crate) const fn known(&self) -> Migrations {
        self.known
    }

    /// Returns the migrations that have run and that the program knows, oldest first.
    pub(crate) fn ran(&self) -> impl DoubleEndedIterator<Item = &'static EmbeddedMigration> {
        self.known.iter().filter(|migration| self.applied.contains(&migration.version()))
    }

    /// Returns the newest version that has run; `None` if none has.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.applied.last().map(String::as_str)
    }

    /// Returns the versions that have run, oldest first.
    #[must_use]
    pub fn applied(&self) -> &[String] {
        &self.applied
    }

    /// Returns the migrations of the program that have not run, oldest first.
    pub fn pending(&self) -> impl Iterator<Item = &'static EmbeddedMigration> {
        self.known.iter().filter(|migration| !self.applied.contains(&migration.version()))
    }

    /// Returns the versions that have run and are not among the program's migrations.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(|recorded| recorded.version.as_str())
    }

    /// Returns an error if a newer program has migrated the database.
    ///
    /// # Errors
    /// [`MigrationFault::NewerDatabase`] if it has migrations that this program does not know.
    pub fn ensure_known(&self) -> Result<()> {
        let versions =
            self.unknown.iter().map(RecordedMigration::to_string).collect::<Vec<_>>().join("; ");
        if versions.is_empty() {
            Ok(())
        } else {
            Err(Error::Migration(MigrationFault::NewerDatabase { versions }))
        }
    }

    /// Returns an error if a migration would be applied after a later one.
    ///
    /// # Errors
    /// [`MigrationFault::LateMigration`] if a pending migration is older than one that has run.
    pub fn ensure_in_order(&self) -> Result<()> {
        let newest = self.current().unwrap_or_default();
        let Some(late) = self.pending().find(|migration| migration.version().as_str() < newest)
        else {
            return Ok(());
        };
        let late = late.version();
        let earlier = self.known.iter().map(EmbeddedMigration::version).rfind(|v| *v < late);
        let before = earlier.unwrap_or_else(|| "0".into());
        Err(Error::Migration(MigrationFault::LateMigration {
            late,
            newest: newest.to_owned(),
            before,
        }))
    }
}

/// Version that stands for a ledger that is none.
const NO_LEDGER: &str = "unreadable";

/// Whether the ledger is a table with a stored column `version`. A file of another program may compute
/// the column, at any cost.
fn has_stored_versions(connection: &mut DbConnection) -> Result<bool> {
    if connection.backend() == Backend::Postgres {
        return Ok(true);
    }
    let query = "SELECT name FROM temp.pragma_table_xinfo('__diesel_schema_migrations')
                 WHERE name = 'version' COLLATE NOCASE AND hidden = 0";
    Ok(!names(connection.sqlite()?, query)?.is_empty())
}
