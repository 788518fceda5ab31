//! Migrations of a test after the embedded ones, as an application would have them.
use zenith_db::config::Key;
use zenith_db::manager::DatabaseManager;
use zenith_db::migrations::{EmbeddedMigration, Script, all};

use super::Fixture;

/// Returns a migration after all others, with one script for both databases.
pub fn migration(up: &str, down: &str) -> EmbeddedMigration {
    named("2099-01-01-000001_change_something", up, down)
}

/// Returns a migration with this name, with one script for both databases.
pub fn named(name: &'static str, up: &str, down: &str) -> EmbeddedMigration {
    let script = Script { up: up.to_owned().leak(), down: down.to_owned().leak() };
    EmbeddedMigration::new(name, script, script)
}

/// Returns a manager that knows these migrations and the embedded ones, and takes no backups.
pub fn manager_with(fixture: &Fixture, own: &[EmbeddedMigration]) -> DatabaseManager {
    let config = fixture.config_with(&[(Key::AutoBackup, "false")]);
    DatabaseManager::with_migrations(config, [all(), own].concat().leak())
        .expect("migrations with versions of their own")
}
