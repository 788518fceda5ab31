//! What the migrations promise, on a server: each test in a database of its own, on the server that
//! `ZENITH_TEST_POSTGRES` names.

use crate::support::administrator;
use crate::support::own_migrations::migration;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use uuid::Uuid;
use zenith_db::Error;
use zenith_db::config::{Key, Loader};
use zenith_db::manager::{DatabaseManager, RollbackTarget, RowChange};
use zenith_db::migrations::{EmbeddedMigration, all};

struct Server {
    url: String,
    name: String,
    directory: tempfile::TempDir,
}

impl Server {
    /// A finished database, unless there is no server to make it on.
    fn created() -> Option<Self> {
        let url = std::env::var("ZENITH_TEST_POSTGRES").ok().filter(|url| !url.is_empty())?;
        let name = format!("test_{}", Uuid::new_v4().simple());
        let directory = tempfile::tempdir().expect("a directory");
        let server = Self { url, name, directory };
        server.manager(&[]).initialize(&administrator(), false).expect("a database");
        server.sql(
            "INSERT INTO users (uuid, username, email, password_hash, role_id)
                 SELECT gen_random_uuid()::text, 'other', 'other@x.org', password_hash, role_id
                 FROM users LIMIT 1;
             INSERT INTO chat_sessions (session_id, user_id, title)
                 SELECT gen_random_uuid()::text, id, 'chat' FROM users WHERE username = 'other'",
        );
        Some(server)
    }

    fn database(&self) -> String {
        let (server, _) = self.url.rsplit_once('/').expect("a URL with a database");
        format!("{server}/{}", self.name)
    }

    fn manager(&self, own: &[EmbeddedMigration]) -> DatabaseManager {
        let backups = self.directory.path().display().to_string();
        let loader = Loader::new()
            .flag(Key::Url, "test", self.database())
            .flag(Key::BackupDir, "test", backups)
            .flag(Key::AutoBackup, "test", "false".to_owned());
        let config = loader.load().expect("a configuration");
        DatabaseManager::with_migrations(config, [all(), own].concat().leak())
    }

    fn sql(&self, statements: &str) {
        let mut connection = PgConnection::establish(&self.database()).expect("a connection");
        connection.batch_execute(statements).expect(statements);
    }

    fn refused(&self, up: &str) -> Vec<RowChange> {
        let before = self.manager(&[]).status().expect("a status").record_counts;
        let error = self.manager(&[migration(up, "SELECT 1")]).migrate().expect_err(up);
        self.sql("DELETE FROM system_health");
        assert_eq!(self.manager(&[]).status().expect("a status").record_counts, before, "{up}");
        let Error::RowsNotConserved { changes, .. } = error else { panic!("{error}") };
        changes
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut server = PgConnection::establish(&self.url).expect("a server");
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        server.batch_execute(&drop).expect("the database is dropped");
    }
}

fn seen(changes: &[RowChange]) -> Vec<(&str, i64, String)> {
    changes.iter().map(|c| (c.table.as_str(), c.lost_rows, c.changed_columns.join(" "))).collect()
}

#[test]
fn a_cascade_on_a_server_is_refused_with_the_children_that_it_takes() {
    let Some(server) = Server::created() else { return };
    let delete = "-- loses-rows: users only this one\nDELETE FROM users WHERE username = 'other'";
    let lost = [("chat_sessions", 1, String::new())];
    let changes = server.refused(delete);
    assert_eq!((changes[0].table.as_str(), changes[0].lost_rows), (lost[0].0, lost[0].1));
    let declared = format!("-- loses-rows: chat_sessions theirs\n{delete}");
    let report = server.manager(&[migration(&declared, "SELECT 1")]).migrate().expect("declared");
    let tables: Vec<&str> = report.steps[0].rows.iter().map(|c| c.table.as_str()).collect();
    assert_eq!(tables, ["chat_sessions", "users"]);
}

#[test]
fn a_change_on_a_server_is_refused_with_its_columns_and_an_alteration_is_none() {
    let Some(server) = Server::created() else { return };
    let update = "UPDATE roles SET description = 'x' WHERE id = 1";
    let expected = ("roles", 0, "description updated_at".to_owned());
    assert_eq!(seen(&server.refused(update)), std::slice::from_ref(&expected));
    let declared = format!("-- changes-rows: roles (description, updated_at) clearer\n{update}");
    let alter = "ALTER TABLE roles ALTER COLUMN description TYPE varchar(500);
                 INSERT INTO system_health (component, status) VALUES ('other', 'healthy');";
    let script = format!("{declared};{alter}");
    // In memory, the structure is made by SQLite, which has no such statement.
    let both = migration(&declared, "SELECT 1");
    let own = EmbeddedMigration::new(
        both.name(),
        zenith_db::migrations::Script { up: "SELECT 1", down: "SELECT 1" },
        zenith_db::migrations::Script { up: script.leak(), down: "SELECT 1" },
    );
    let report = server.manager(&[own]).migrate();
    // PostgreSQL then has another type than SQLite: that is a difference in the structure.
    let error = report.expect_err("the two differ");
    assert!(
        matches!(&error, Error::StructureDiffers { missing } if missing.contains("roles.description")),
        "{error}"
    );
    let report = server.manager(&[both]).migrate().expect("declared");
    assert_eq!(seen(&report.steps[0].rows), [expected]);
}

#[test]
fn a_rollback_and_a_redo_on_a_server_keep_the_rows_of_what_stays() {
    let Some(server) = Server::created() else { return };
    let manager = server.manager(&[]);
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
