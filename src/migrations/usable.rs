//! Lists of migrations that a program can run: each has a version of its own, and its scripts can be read.

use std::collections::BTreeMap;

use super::embedded::{EmbeddedMigration, version_of};
use super::steps::StepDirection;
use crate::backend::Backend;
use crate::error::{Error, MigrationFault, Result};

/// Returns the version in the name of a migration's directory as the number that `schema_version` records:
/// the digits before the first underscore. `None` if there are none, or if they exceed an `i64`.
#[must_use]
pub fn version_number(name: &str) -> Option<i64> {
    let version = version_of(name);
    let is_number = name.contains('_') && version.bytes().all(|byte| byte.is_ascii_digit());
    version.parse().ok().filter(|_| is_number)
}

/// Refuses a list in which two migrations have the same version: Diesel's ledger records versions, so that
/// only one of the two would run. Also refuses a name without a version, and a script that begins with a byte
/// order mark.
///
/// # Errors
/// [`Error::Migration`], which names the migrations.
pub(crate) fn ensure_usable(migrations: &[EmbeddedMigration]) -> Result<()> {
    let mut seen: BTreeMap<i64, &str> = BTreeMap::new();
    for migration in migrations {
        let name = migration.name();
        let Some(version) = version_number(name) else {
            return Err(Error::Migration(MigrationFault::NoVersion { name: name.to_owned() }));
        };
        if let Some(first) = seen.insert(version, name) {
            let (first, second) = (first.to_owned(), name.to_owned());
            let version = migration.version();
            return Err(Error::Migration(MigrationFault::SameVersion { first, second, version }));
        }
        for backend in Backend::ALL {
            let scripts = [
                (StepDirection::Applied, migration.up(backend)),
                (StepDirection::Reverted, migration.down(backend)),
            ];
            let marked = scripts.into_iter().find(|(_, text)| text.starts_with('\u{feff}'));
            if let Some((direction, _)) = marked {
                let (name, script) = (name.to_owned(), direction.file());
                return Err(Error::Migration(MigrationFault::ByteOrderMark {
                    name,
                    script,
                    backend,
                }));
            }
        }
    }
    Ok(())
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
