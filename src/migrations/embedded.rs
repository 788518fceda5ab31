//! Migrations compiled into the program.

use std::fmt;

use diesel::connection::BoxableConnection;
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationVersion};

use crate::backend::Backend;
use crate::types::Sha256Hash;

static ALL: &[EmbeddedMigration] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Returns the library's migrations, oldest first. Both backends have the same migrations.
#[must_use]
pub const fn all() -> &'static [EmbeddedMigration] {
    ALL
}

/// Returns the newest version of the library's migrations, which an up-to-date database has.
#[must_use]
pub fn latest() -> String {
    all().last().map(EmbeddedMigration::version).unwrap_or_default()
}

/// Returns the SHA-256 of a migration's text in hexadecimal. CRLF counts as LF, because a checkout may
/// change line ends.
#[must_use]
pub fn checksum(text: &str) -> String {
    Sha256Hash::of(text.replace("\r\n", "\n")).to_string()
}

/// Returns the version in the name of a migration's directory, as Diesel reads it: what precedes the first
/// underscore, without hyphens.
#[must_use]
pub fn version_of(name: &str) -> String {
    name.split('_').next().unwrap_or_default().replace('-', "")
}

/// Migration compiled into a program: the name of its directory, and its scripts for each backend.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedMigration {
    name: &'static str,
    program: &'static str,
    sqlite: Option<Script>,
    postgres: Option<Script>,
}

/// Scripts of a migration for one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script {
    /// Text of `up.sql`, which applies the migration.
    pub up: &'static str,
    /// Text of `down.sql`, which reverts the migration.
    pub down: &'static str,
}

impl EmbeddedMigration {
    /// Returns a migration of an application that supports both backends, for
    /// [`DatabaseManager::with_own`](crate::manager::DatabaseManager::with_own). The name is
    /// `<timestamp>_<verb_object>`. The timestamp without its hyphens is the version, and no other migration of the
    /// program, nor of this library, may have it. `zenith_db_embed::write` makes the list of a directory.
    #[must_use]
    pub const fn new(name: &'static str, sqlite: Script, postgres: Script) -> Self {
        Self::of(name, Some(sqlite), Some(postgres))
    }

    /// Returns a migration of an application that supports only SQLite. On PostgreSQL, a manager with it refuses
    /// every operation.
    #[must_use]
    pub const fn for_sqlite(name: &'static str, script: Script) -> Self {
        Self::of(name, Some(script), None)
    }

    /// Returns a migration of an application that supports only PostgreSQL. On SQLite, a manager with it refuses
    /// every operation. What such migrations create is not compared with the database, because the structure that
    /// migrations create is found by running them on SQLite.
    #[must_use]
    pub const fn for_postgres(name: &'static str, script: Script) -> Self {
        Self::of(name, None, Some(script))
    }

    const fn of(name: &'static str, sqlite: Option<Script>, postgres: Option<Script>) -> Self {
        Self { name, program: "an application", sqlite, postgres }
    }

    /// Returns the migration with the name and the version of the program that has it, such as `notes 1.2.0`, which
    /// `schema_version` records; `an application` by default.
    #[must_use]
    pub const fn by(self, program: &'static str) -> Self {
        Self { program, ..self }
    }

    /// Returns the scripts for a backend; `None` if the application does not support it.
    #[must_use]
    pub const fn script(&self, backend: Backend) -> Option<Script> {
        match backend {
            Backend::Sqlite => self.sqlite,
            Backend::Postgres => self.postgres,
        }
    }

    /// Returns the name of the directory: `<timestamp>_<verb_object>`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the name and the version of the program that has the migration.
    #[must_use]
    pub const fn program(&self) -> &'static str {
        self.program
    }

    /// Returns the version: the digits of the timestamp, as `__diesel_schema_migrations` records it.
    #[must_use]
    pub fn version(&self) -> String {
        version_of(self.name)
    }

    /// Returns the part of the name after the timestamp, in words: for example, `create chat`.
    #[must_use]
    pub fn description(&self) -> String {
        self.name.split_once('_').map_or(self.name, |(_, words)| words).replace('_', " ")
    }

    /// Returns the checksum of `up.sql` for a backend, which `schema_version` records; `None` if the application
    /// does not support it.
    #[must_use]
    pub fn checksum(&self, backend: Backend) -> Option<String> {
        self.script(backend).map(|script| checksum(script.up))
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

/// Metadata of every migration: it runs as a savepoint inside the transaction that the engine opens.
#[derive(Clone, Copy, Debug)]
struct InTransaction;

impl MigrationMetadata for InTransaction {
    fn run_in_transaction(&self) -> bool {
        true
    }
}

/// Migration with its scripts for one backend, in the form that Diesel runs.
pub(super) struct Runnable {
    pub(super) migration: &'static EmbeddedMigration,
    pub(super) script: Script,
}

impl<DB: diesel::backend::Backend> Migration<DB> for Runnable {
    fn run(&self, conn: &mut dyn BoxableConnection<DB>) -> diesel::migration::Result<()> {
        Ok(conn.batch_execute(self.script.up)?)
    }

    fn revert(&self, conn: &mut dyn BoxableConnection<DB>) -> diesel::migration::Result<()> {
        Ok(conn.batch_execute(self.script.down)?)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &InTransaction
    }

    fn name(&self) -> &dyn MigrationName {
        self.migration
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
            for backend in Backend::ALL {
                let down = migration.script(backend).expect("scripts").down;
                assert!(down.contains("DROP") || down.contains("ALTER"), "{migration}");
            }
        }
    }
}
