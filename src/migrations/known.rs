//! Migrations that a program knows: the library's, and those of an application.

use std::fmt;
use std::ops::Deref;

use super::embedded::{self, EmbeddedMigration, Script};
use super::requirement::requirements;
use crate::backend::Backend;
use crate::error::{Error, MigrationFault, Result};
use crate::types::MigrationOwner;

/// Migrations that a program knows, by owner: those of this library, and those of the application, each oldest
/// first. A migration of the library is applied before a pending one of the application, whatever their versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrations {
    library: &'static [EmbeddedMigration],
    own: &'static [EmbeddedMigration],
}

/// The library's migrations alone.
impl Default for Migrations {
    fn default() -> Self {
        Self::library()
    }
}

impl Migrations {
    /// Returns the library's migrations alone.
    #[must_use]
    pub const fn library() -> Self {
        Self::joined(embedded::all(), &[])
    }

    /// Joins two lists. The caller checks that a program can run them.
    pub(super) const fn joined(
        library: &'static [EmbeddedMigration],
        own: &'static [EmbeddedMigration],
    ) -> Self {
        Self { library, own }
    }

    /// Returns the migrations in the order in which they are applied to a new database.
    #[must_use]
    pub fn iter(self) -> impl DoubleEndedIterator<Item = KnownMigration> + Clone {
        MigrationOwner::ALL.iter().flat_map(move |owner| self.of_owner(*owner))
    }

    /// Returns the migrations of an owner, oldest first.
    #[must_use]
    pub fn of_owner(
        self,
        owner: MigrationOwner,
    ) -> impl DoubleEndedIterator<Item = KnownMigration> + Clone {
        let list = match owner {
            MigrationOwner::Library => self.library,
            MigrationOwner::Application => self.own,
        };
        list.iter().map(move |migration| KnownMigration { owner, migration })
    }

    /// Returns the migration with a version, as Diesel's ledger records it.
    #[must_use]
    pub fn find(self, version: &str) -> Option<KnownMigration> {
        self.iter().find(|migration| migration.version() == version)
    }

    /// Whether the program has migrations of an application.
    #[must_use]
    pub const fn has_own(self) -> bool {
        !self.own.is_empty()
    }

    /// Refuses a migration without scripts for a backend.
    pub(super) fn ensure_scripts_for(self, backend: Backend) -> Result<()> {
        self.iter().try_for_each(|migration| migration.script_for(backend).map(drop))
    }
}

/// Migration that a program knows, with its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownMigration {
    owner: MigrationOwner,
    migration: &'static EmbeddedMigration,
}

impl KnownMigration {
    /// Returns the owner: whose list has the migration.
    #[must_use]
    pub const fn owner(self) -> MigrationOwner {
        self.owner
    }

    /// Whether the migration is one of the application.
    #[must_use]
    pub fn is_own(self) -> bool {
        self.owner == MigrationOwner::Application
    }

    /// Returns the migration itself.
    pub(crate) const fn embedded(self) -> &'static EmbeddedMigration {
        self.migration
    }

    /// Returns the scripts for a backend.
    ///
    /// # Errors
    /// [`MigrationFault::NoScript`] if there are none.
    pub(super) fn script_for(self, backend: Backend) -> Result<Script> {
        let name = self.migration.name();
        self.migration.script(backend).ok_or_else(|| {
            Error::Migration(MigrationFault::NoScript { name: name.to_owned(), backend })
        })
    }

    /// Returns the versions of the library that the migration requires on a backend.
    pub(super) fn requires(self, backend: Backend) -> impl Iterator<Item = String> {
        let script = self.migration.script(backend).filter(|_| self.is_own());
        let required = script.map(|script| requirements(script.up, backend)).unwrap_or_default();
        required.into_iter().map(|(_, version)| version)
    }
}

impl Deref for KnownMigration {
    type Target = EmbeddedMigration;

    fn deref(&self) -> &EmbeddedMigration {
        self.migration
    }
}

impl fmt::Display for KnownMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.migration.fmt(f)
    }
}
