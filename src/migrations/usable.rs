//! Lists of migrations that a program can run: each has a version of its own, and its scripts can be read.

use std::collections::BTreeMap;

use super::embedded::{self, EmbeddedMigration, version_of};
use super::known::{KnownMigration, Migrations};
use super::steps::StepDirection;
use crate::backend::Backend;
use crate::error::{Error, MigrationFault, Result};
use crate::types::MigrationOwner;

/// Returns the version in the name of a migration's directory as the number that `schema_version` records:
/// the digits before the first underscore. `None` if there are none, or if they exceed an `i64`.
#[must_use]
pub fn version_number(name: &str) -> Option<i64> {
    let version = version_of(name);
    let is_number = name.contains('_') && version.bytes().all(|byte| byte.is_ascii_digit());
    version.parse().ok().filter(|_| is_number)
}

impl Migrations {
    /// Joins the library's migrations with those of an application, oldest first.
    ///
    /// # Errors
    /// [`Error::Migration`] if two migrations have the same version, if the name of one does not begin with a version, if
    /// one requires a version that the library does not have, or if a script begins with a byte order mark.
    pub fn with_own(own: &'static [EmbeddedMigration]) -> Result<Self> {
        Self::of(embedded::all(), own)
    }

    /// As [`Migrations::with_own`], for a library with other migrations than this one.
    ///
    /// # Errors
    /// Those of [`Migrations::with_own`].
    #[doc(hidden)]
    pub fn of(
        library: &'static [EmbeddedMigration],
        own: &'static [EmbeddedMigration],
    ) -> Result<Self> {
        let migrations = Self::joined(library, own);
        ensure_usable(migrations)?;
        Ok(migrations)
    }
}

/// Refuses migrations of which two have the same version: Diesel's ledger records versions, so that only one of the
/// two would run. Also refuses a name without a version, a script that begins with a byte order mark, and a
/// migration that requires a version which the library does not have.
///
/// # Errors
/// [`Error::Migration`], which names the migrations.
fn ensure_usable(migrations: Migrations) -> Result<()> {
    let mut seen: BTreeMap<i64, &str> = BTreeMap::new();
    for migration in migrations.iter() {
        let name = migration.embedded().name();
        let Some(version) = version_number(name) else {
            return Err(Error::Migration(MigrationFault::NoVersion { name: name.to_owned() }));
        };
        if let Some(first) = seen.insert(version, name) {
            let (first, second) = (first.to_owned(), name.to_owned());
            let version = migration.version();
            return Err(Error::Migration(MigrationFault::SameVersion { first, second, version }));
        }
        for backend in Backend::ALL {
            ensure_readable(migration, backend)?;
            let lacks = |version: &String| {
                let mut library = migrations.of_owner(MigrationOwner::Library);
                !library.any(|known| known.version() == *version)
            };
            if let Some(version) = migration.requires(backend).find(lacks) {
                let name = name.to_owned();
                return Err(Error::Migration(MigrationFault::UnknownRequirement { name, version }));
            }
        }
    }
    Ok(())
}

fn ensure_readable(migration: KnownMigration, backend: Backend) -> Result<()> {
    let Some(script) = migration.script(backend) else { return Ok(()) };
    let scripts = [(StepDirection::Applied, script.up), (StepDirection::Reverted, script.down)];
    match scripts.into_iter().find(|(_, text)| text.starts_with('\u{feff}')) {
        None => Ok(()),
        Some((direction, _)) => {
            let (name, script) = (migration.name().to_owned(), direction.file());
            Err(Error::Migration(MigrationFault::ByteOrderMark { name, script, backend }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::all;
    use super::*;

    #[test]
    fn the_number_is_the_version_that_the_ledger_records() {
        for migration in all() {
            let number = version_number(migration.name()).expect("a version");
            assert_eq!(number.to_string(), migration.version());
        }
        assert_eq!(version_number("2026-01-01-000001_a"), version_number("20260101000001_b"));
        for name in ["a", "_a", "-_a", "+1_a", "v1_a", "20260101", "99999999999999999999_a"] {
            assert_eq!(version_number(name), None, "{name}");
        }
    }
}
