//! A server whose database has the roles of `zenith-db roles`, and connections as each of them.
use diesel::prelude::*;
use tempfile::TempDir;
use zenith_db::Database;
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RoleNames};

use super::administrator;
use super::own_server::{Server, config};

pub struct Roles {
    pub server: Server,
    pub names: RoleNames,
    directory: TempDir,
}

impl Roles {
    /// Starts a server with a finished database and the roles `zenith_owner` and so on.
    pub fn start() -> Option<Self> {
        let roles = Self::on(Server::start()?, "zenith");
        let _ = roles.manager_as("zenith").initialize(&administrator()).expect("created");
        roles.apply();
        Some(roles)
    }

    /// Returns the roles that begin with the prefix, which are yet to be created.
    pub fn on(server: Server, prefix: &str) -> Self {
        let names = RoleNames::with_prefix(prefix).expect("names");
        Self { server, names, directory: TempDir::new().expect("a directory") }
    }

    /// Creates the roles as the superuser, and returns the script.
    pub fn apply(&self) -> String {
        let manager = self.manager_as("zenith");
        let plan = manager.plan_roles(&self.names).expect("a plan");
        manager.apply_roles(&plan).expect(&plan.sql);
        plan.sql
    }

    pub fn manager_as(&self, role: &str) -> DatabaseManager {
        self.manager_with(role, &[])
    }

    pub fn manager_with(&self, role: &str, settings: &[(Key, &str)]) -> DatabaseManager {
        let backups = self.directory.path().to_str().expect("UTF-8");
        let settings = [&[(Key::BackupDir, backups)], settings].concat();
        DatabaseManager::new(config(&self.server.url_as(role), &settings))
    }

    pub fn database_as(&self, role: &str) -> Database {
        Database::open(self.manager_as(role).config()).expect(role)
    }

    pub fn connect_as(&self, role: &str) -> PgConnection {
        PgConnection::establish(&self.server.url_as(role)).expect(role)
    }
}

/// Fails unless the role lacks the right that the statement needs.
pub fn assert_denied(connection: &mut PgConnection, statement: &str) {
    use diesel::connection::SimpleConnection;
    let refused = connection.batch_execute(statement).expect_err(statement).to_string();
    let words = ["permission denied", "must be owner of"];
    assert!(words.iter().any(|words| refused.starts_with(words)), "{statement}: {refused}");
}
