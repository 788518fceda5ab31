//! Migrations of a test: those of an application, and later ones of the library.
use zenith_db::config::Key;
use zenith_db::manager::DatabaseManager;
use zenith_db::migrations::{EmbeddedMigration, Migrations, Script, all};

use super::Fixture;

/// Program whose migrations those of the library are.
const PROGRAM: &str = concat!("zenith-db ", env!("CARGO_PKG_VERSION"));

/// Returns a migration after all others, with one script for both databases.
pub fn migration(up: &str, down: &str) -> EmbeddedMigration {
    named("2099-01-01-000001_change_something", up, down)
}

/// Returns a migration with this name, with one script for both databases.
pub fn named(name: &'static str, up: &str, down: &str) -> EmbeddedMigration {
    let script = Script { up: up.to_owned().leak(), down: down.to_owned().leak() };
    EmbeddedMigration::new(name, script, script)
}

/// Returns a manager that knows these migrations of an application besides the library's, and takes no backups.
pub fn manager_with(fixture: &Fixture, own: &[EmbeddedMigration]) -> DatabaseManager {
    manager_of(fixture, &[], own)
}

/// Returns a manager of a later library, which has these migrations after those of today, and takes no backups.
pub fn upgraded(fixture: &Fixture, later: &[EmbeddedMigration]) -> DatabaseManager {
    manager_of(fixture, later, &[])
}

/// Returns a manager of an application with a later library, which takes no backups.
pub fn manager_of(
    fixture: &Fixture,
    later: &[EmbeddedMigration],
    own: &[EmbeddedMigration],
) -> DatabaseManager {
    let config = fixture.config_with(&[(Key::AutoBackup, "false")]);
    DatabaseManager::with(config, migrations(later, own))
}

/// Returns the migrations of an application with a later library.
pub fn migrations(later: &[EmbeddedMigration], own: &[EmbeddedMigration]) -> Migrations {
    let later: Vec<_> = later.iter().map(|migration| migration.by(PROGRAM)).collect();
    Migrations::of([all(), &later].concat().leak(), own.to_vec().leak())
        .expect("migrations with versions of their own")
}
