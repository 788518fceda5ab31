//! The migrations as they were compiled in.

use std::fmt;

use diesel::connection::BoxableConnection;
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationVersion};
use diesel::sqlite::Sqlite;

use crate::types::Sha256Hash;

static SQLITE: &[EmbeddedMigration] = include!(concat!(env!("OUT_DIR"), "/sqlite_migrations.rs"));

/// Every migration, oldest first.
#[must_use]
pub fn all() -> &'static [EmbeddedMigration] {
    SQLITE
}

/// The newest version: what a database has when it is up to date.
#[must_use]
pub fn latest() -> String {
    all().last().map(EmbeddedMigration::version).unwrap_or_default()
}

/// SHA-256 of a migration's text, in hexadecimal, the same whatever a checkout did to line ends.
#[must_use]
pub fn checksum(text: &str) -> String {
    Sha256Hash::of(text.replace("\r\n", "\n")).to_string()
}

/// One migration: its directory's name and the text of both its files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedMigration {
    name: &'static str,
    up: &'static str,
    down: &'static str,
}

impl EmbeddedMigration {
    const fn new(name: &'static str, up: &'static str, down: &'static str) -> Self {
        Self { name, up, down }
    }

    /// The directory's name: `<timestamp>_<verb_object>`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The version: the digits of the timestamp, as Diesel keeps them.
    #[must_use]
    pub fn version(&self) -> String {
        let timestamp = self.name.split('_').next().unwrap_or_default();
        timestamp.replace('-', "")
    }

    /// The name in words: `create chat`.
    #[must_use]
    pub fn description(&self) -> String {
        self.name.split_once('_').map_or(self.name, |(_, words)| words).replace('_', " ")
    }

    /// What `up.sql` says.
    #[must_use]
    pub const fn up(&self) -> &'static str {
        self.up
    }

    /// What `down.sql` says.
    #[must_use]
    pub const fn down(&self) -> &'static str {
        self.down
    }

    /// The checksum that `schema_version` records: of `up.sql`.
    #[must_use]
    pub fn checksum(&self) -> String {
        checksum(self.up)
    }
}

impl fmt::Debug for EmbeddedMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmbeddedMigration({})", self.name)
    }
}

impl fmt::Display for EmbeddedMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl MigrationName for EmbeddedMigration {
    fn version(&self) -> MigrationVersion<'_> {
        self.version().into()
    }
}

/// All migrations run inside one transaction, which the engine opens: each is a savepoint there.
#[derive(Clone, Copy, Debug)]
struct InTransaction;

impl MigrationMetadata for InTransaction {
    fn run_in_transaction(&self) -> bool {
        true
    }
}

impl Migration<Sqlite> for EmbeddedMigration {
    fn run(&self, conn: &mut dyn BoxableConnection<Sqlite>) -> diesel::migration::Result<()> {
        Ok(conn.batch_execute(self.up)?)
    }

    fn revert(&self, conn: &mut dyn BoxableConnection<Sqlite>) -> diesel::migration::Result<()> {
        Ok(conn.batch_execute(self.down)?)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &InTransaction
    }

    fn name(&self) -> &dyn MigrationName {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_does_not_depend_on_line_ends_but_on_everything_else() {
        assert_eq!(checksum("a\nb\n"), checksum("a\r\nb\r\n"));
        assert_ne!(checksum("a\nb\n"), checksum("a\nc\n"));
    }

    #[test]
    fn versions_ascend_and_are_digits() {
        let versions: Vec<String> = all().iter().map(EmbeddedMigration::version).collect();
        assert!(versions.is_sorted());
        assert!(versions.iter().all(|v| v.len() == 14 && v.bytes().all(|b| b.is_ascii_digit())));
    }

    #[test]
    fn every_migration_says_how_to_undo_it() {
        for migration in all() {
            assert!(migration.down().contains("DROP") || migration.down().contains("ALTER"));
        }
    }
}
