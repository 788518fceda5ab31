//! Migrations of an application that would take the library's tables from it.

use zenith_db::{Error, MigrationFault};

use crate::support::own_migrations::{manager_with, named};
use crate::support::{Fixture, rows};

#[test]
fn an_application_does_not_change_the_tables_of_the_library() {
    let fixture = Fixture::created();
    let before = (rows::catalogue(&mut fixture.raw()), rows::contents(&mut fixture.raw()));
    let trigger =
        fixture.either("DROP TRIGGER users_updated_at", "DROP TRIGGER users_updated_at ON users");
    for (up, change) in [
        ("DROP TABLE system_metrics", "column system_metrics.id "),
        ("ALTER TABLE users ADD COLUMN nickname TEXT", "column users.nickname TEXT was added"),
        ("ALTER TABLE documents RENAME TO papers", "column documents."),
        (
            "ALTER TABLE users RENAME COLUMN full_name TO whole_name",
            "column users.full_name TEXT is missing",
        ),
        (
            "DROP INDEX idx_notifications_is_read",
            "index notifications: idx_notifications_is_read (user_id, id)",
        ),
        (trigger, "trigger users: users_updated_at is missing"),
    ] {
        let own = [named("2026-12-01-000001_a", up, "SELECT 1")];
        let error = manager_with(&fixture, &own).migrate().expect_err(up);
        let Error::Migration(MigrationFault::ChangesLibrary { changes }) = &error else {
            panic!("{up}: {error}")
        };
        assert!(changes.contains(change), "{up}: {changes}");
        fixture.sql("DELETE FROM system_health WHERE component = 'migrations'");
        let after = (rows::catalogue(&mut fixture.raw()), rows::contents(&mut fixture.raw()));
        assert_eq!(after, before, "{up}");
    }
}

#[test]
fn rows_of_the_library_are_not_lost_without_a_declaration() {
    let fixture = Fixture::created();
    let own = [named("2026-12-01-000001_a", "DELETE FROM system_settings", "SELECT 1")];
    let error = manager_with(&fixture, &own).migrate().expect_err("rows");
    let lost = matches!(error, Error::Migration(MigrationFault::RowsNotConserved { .. }));
    assert!(lost, "{error}");
}
