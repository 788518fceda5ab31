//! Tables of an application beside the library's: the example `examples/own-tables`, which docs/own-tables.md describes.

mod attack;
mod command;
mod documentation;
mod force;
mod hung;
mod order;
mod plain_command;
mod transfer;
mod walk;

use notebook::MIGRATIONS;
use zenith_db::Backend;
use zenith_db::manager::DatabaseManager;
use zenith_db::migrations::{EmbeddedMigration, Script};
use zenith_db::models::User;
use zenith_db::types::UserId;
use zenith_db_lint::{MigrationSet, rebuild_script};

use crate::support::own_migrations::{manager_of, manager_with};
use crate::support::{Fixture, administrator, failed, repository};

/// Returns a finished database of the example.
fn created() -> (Fixture, DatabaseManager) {
    let fixture = Fixture::empty();
    let manager = manager_with(&fixture, MIGRATIONS);
    let report = manager.initialize(&administrator()).expect("a database");
    assert_eq!(failed(&report.details.health), Vec::<&str>::new());
    (fixture, manager)
}

/// Returns a manager of the example with a later library.
fn later(fixture: &Fixture, library: &[EmbeddedMigration]) -> DatabaseManager {
    manager_of(fixture, library, MIGRATIONS)
}

/// Returns a migration of a later library, which is older by name than those of the example: it adds a column, and on
/// SQLite rebuilds the table `users` in both directions.
fn older_by_name() -> EmbeddedMigration {
    let ours = MigrationSet::read(&repository().join("migrations/sqlite"), Backend::Sqlite);
    let rebuild = rebuild_script(&ours.expect("migrations").migrations, "users").expect("a script");
    let (up, down) = (
        "ALTER TABLE documents ADD COLUMN language TEXT;",
        "ALTER TABLE documents DROP COLUMN language;",
    );
    let leak = |text: String| -> &'static str { text.leak() };
    let sqlite =
        Script { up: leak(format!("{up}\n{rebuild}")), down: leak(format!("{down}\n{rebuild}")) };
    EmbeddedMigration::new("2026-11-30-000001_add_language", sqlite, Script { up, down })
}

/// Returns the key of the administrator.
fn admin(fixture: &Fixture) -> UserId {
    let found = User::list_administrators(&mut fixture.raw()).expect("users");
    found.first().expect("an administrator").id
}

/// Returns the names of what a run did or would do.
fn names(steps: &[zenith_db::manager::Step]) -> Vec<&str> {
    steps.iter().map(|step| step.name.as_str()).collect()
}

fn assert_healthy(manager: &DatabaseManager) {
    let report = manager.health_check();
    let failures: Vec<_> = report.failures().collect();
    assert!(report.healthy, "{failures:?}");
}
