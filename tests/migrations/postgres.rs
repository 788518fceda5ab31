//! What the migrations promise, where that is another thing on a server than in a file.

use crate::support::own_migrations::{migration, migrations, upgraded};
use crate::support::own_server::config;
use crate::support::{Fixture, rows, skipped};
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RollbackTarget, RowChange};
use zenith_db::migrations::{EmbeddedMigration, Script};
use zenith_db::{Error, MigrationFault};

/// A finished database with another user, who has a conversation.
fn created() -> Option<Fixture> {
    let fixture = Fixture::on_a_server(Fixture::created)?;
    fixture.sql(
        "INSERT INTO users (uuid, username, email, password_hash, role_id)
             SELECT gen_random_uuid()::text, 'other', 'other@x.org', password_hash, role_id
             FROM users LIMIT 1;
         INSERT INTO chat_sessions (session_id, user_id, title)
             SELECT gen_random_uuid()::text, id, 'chat' FROM users WHERE username = 'other'",
    );
    Some(fixture)
}

fn refused(fixture: &Fixture, up: &str) -> Vec<RowChange> {
    let counts = || fixture.manager().status().expect("a status").record_counts;
    let before = counts();
    let error = upgraded(fixture, &[migration(up, "SELECT 1")]).migrate().expect_err(up);
    fixture.sql("DELETE FROM system_health");
    assert_eq!(counts(), before, "{up}");
    let Error::Migration(MigrationFault::RowsNotConserved { changes, .. }) = error else {
        panic!("{error}")
    };
    changes
}

fn seen(changes: &[RowChange]) -> Vec<(&str, i64, String)> {
    changes.iter().map(|c| (c.table.as_str(), c.lost_rows, c.changed_columns.join(" "))).collect()
}

#[test]
fn a_cascade_on_a_server_is_refused_with_the_children_that_it_takes() {
    let Some(fixture) = created() else { return };
    let delete = "-- loses-rows: users only this one\nDELETE FROM users WHERE username = 'other'";
    let lost = [("chat_sessions", 1, String::new())];
    let changes = refused(&fixture, delete);
    assert_eq!((changes[0].table.as_str(), changes[0].lost_rows), (lost[0].0, lost[0].1));
    let declared = format!("-- loses-rows: chat_sessions theirs\n{delete}");
    let report =
        upgraded(&fixture, &[migration(&declared, "SELECT 1")]).migrate().expect("declared");
    let tables: Vec<&str> = report.steps[0].rows.iter().map(|c| c.table.as_str()).collect();
    assert_eq!(tables, ["chat_sessions", "users"]);
}

#[test]
fn a_change_on_a_server_is_refused_with_its_columns_and_an_alteration_is_none() {
    let Some(fixture) = created() else { return };
    let update = "UPDATE roles SET description = 'x' WHERE id = 1";
    let expected = ("roles", 0, "description updated_at".to_owned());
    assert_eq!(seen(&refused(&fixture, update)), std::slice::from_ref(&expected));
    let declared = format!("-- changes-rows: roles (description, updated_at) clearer\n{update}");
    let alter = "ALTER TABLE roles ALTER COLUMN description TYPE varchar(500);
                 INSERT INTO system_health (component, status) VALUES ('other', 'healthy');";
    let script = format!("{declared};{alter}");
    // In memory, the structure is made by SQLite, which has no such statement.
    let both = migration(&declared, "SELECT 1");
    let own = EmbeddedMigration::new(
        both.name(),
        Script { up: "SELECT 1", down: "SELECT 1" },
        Script { up: script.leak(), down: "SELECT 1" },
    );
    let report = upgraded(&fixture, &[own]).migrate();
    // PostgreSQL then has another type than SQLite: that is a difference in the structure.
    let error = report.expect_err("the two differ");
    assert!(
        matches!(&error, Error::Migration(MigrationFault::StructureDiffers { missing }) if missing.contains("roles.description")),
        "{error}"
    );
    let report = upgraded(&fixture, &[both]).migrate().expect("declared");
    assert_eq!(seen(&report.steps[0].rows), [expected]);
}

#[test]
fn a_rollback_and_a_redo_on_a_server_keep_the_rows_of_what_stays() {
    let Some(fixture) = created() else { return };
    let manager = upgraded(&fixture, &[]);
    let before = manager.status().expect("a status").record_counts;
    manager.redo().expect("redone");
    manager.rollback(&RollbackTarget::Steps(3)).expect("back");
    let report = manager.migrate().expect("forth");
    assert!(report.steps.iter().all(|step| step.rows.is_empty()), "{report:?}");
    let after = manager.status().expect("a status").record_counts;
    for table in ["users", "chat_sessions", "roles", "permissions"] {
        assert_eq!(after[table], before[table], "{table}");
    }
    assert_eq!(manager.status().expect("a status").history_faults, []);
}

/// A migration that ends its own session on a server, either at once or when it is committed.
fn breaks_the_connection(at_the_commit: bool) -> EmbeddedMigration {
    let up = "CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
        CREATE TABLE fragile (id BIGINT);
        CREATE CONSTRAINT TRIGGER break_off AFTER INSERT ON fragile DEFERRABLE INITIALLY WHEN
            FOR EACH ROW EXECUTE FUNCTION break_off();
        INSERT INTO fragile VALUES (1)";
    let up = up.replace("WHEN", if at_the_commit { "DEFERRED" } else { "IMMEDIATE" });
    EmbeddedMigration::new(
        "2099-01-01-000001_break_off",
        Script { up: "SELECT 1", down: "SELECT 1" },
        Script { up: up.leak(), down: "SELECT 1" },
    )
}

/// Runs it without and with a backup before, and returns why it failed.
fn broken_off(fixture: &Fixture, at_the_commit: bool) -> [Error; 2] {
    let before = (rows::contents(&mut fixture.raw()), rows::catalogue(&mut fixture.raw()));
    let own = migrations(&[], &[breaks_the_connection(at_the_commit)]);
    ["false", "true"].map(|auto_backup| {
        let config = fixture.config_with(&[(Key::AutoBackup, auto_backup)]);
        let manager = DatabaseManager::with(config, own);
        let error = manager.migrate().expect_err("cut off");
        let failed = manager.status().expect("a status").failed_migration.expect("a record");
        assert!(failed.error.contains("the connection to the server was lost"), "{failed:?}");
        fixture.sql("DELETE FROM system_health; DELETE FROM backup_jobs");
        let after = (rows::contents(&mut fixture.raw()), rows::catalogue(&mut fixture.raw()));
        assert_eq!(after, before);
        match error {
            Error::Migration(MigrationFault::RolledBack { source, .. })
                if auto_backup == "true" =>
            {
                *source
            }
            error => error,
        }
    })
}

#[test]
fn a_connection_that_breaks_is_an_error_of_its_own_and_leaves_the_old_database() {
    let Some(fixture) = created() else { return };
    for error in broken_off(&fixture, false) {
        let Error::Migration(MigrationFault::Failed { source, .. }) = &error else {
            panic!("{error}")
        };
        let cause = source.downcast_ref::<Error>();
        assert!(matches!(cause, Some(Error::ConnectionLost(_))), "{source}");
    }
}

#[test]
fn a_connection_that_breaks_during_the_commit_leaves_what_the_server_says_it_does() {
    let Some(fixture) = created() else { return };
    for error in broken_off(&fixture, true) {
        assert!(matches!(&error, Error::ConnectionLost(_)), "{error}");
    }
}

/// PostgreSQL 17 and later may limit a transaction.
#[test]
fn migrations_take_longer_than_a_transaction_may() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let is_older = "SELECT (current_setting('transaction_timeout', true) IS NULL)::text";
    if fixture.text(is_older) == "true" {
        skipped("the server has no transaction_timeout");
        return;
    }
    let (_, url) = fixture.address();
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{mark}options=-ctransaction_timeout%3D2s");
    let backups = fixture.backups();
    let config = config(&url, &[(Key::BackupDir, backups.to_str().expect("UTF-8"))]);
    let script = |up| Script { up, down: "SELECT 1" };
    let slow = EmbeddedMigration::new(
        "2099-01-01-000001_slow",
        script("SELECT 1"),
        script("SELECT pg_sleep(3)"),
    );
    let migrated = DatabaseManager::with(config, migrations(&[slow], &[])).migrate();
    assert_eq!(migrated.expect("a migration").steps.len(), 1);
}
