//! The server that `ZENITH_TEST_POSTGRES` names, and the databases of tests on it.
//!
//! A database is called `test_RUN_NUMBER`, where RUN is this process. While the process lives, it
//! has a session of the same name on the server. The databases of a killed run have none, and the
//! next run drops them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use uuid::Uuid;
use zenith_db::DbConnection;
use zenith_db::config::{Key, Loader};
use zenith_db::manager::{DatabaseManager, RoleNames};

use super::{Fixture, administrator, skipped};

/// Returns the server's URL, if one is configured.
pub fn url() -> Option<&'static str> {
    static URL: OnceLock<Option<String>> = OnceLock::new();
    let read = || std::env::var("ZENITH_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
    URL.get_or_init(read).as_deref()
}

/// What the names of the roles begin with that `ZENITH_TEST_ROLE` uses; they stay on the server.
const PREFIX: &str = "zenith_test";

/// Returns the role that reads and writes in [`Fixture::database`], if `ZENITH_TEST_ROLE` names one of those of
/// `zenith-db roles`, such as `app`.
pub fn role() -> Option<String> {
    let role = std::env::var("ZENITH_TEST_ROLE").ok().filter(|role| !role.is_empty())?;
    Some(format!("{PREFIX}_{role}"))
}

impl Fixture {
    /// Returns a fixture on the server, or `None` with a notice if no server is configured: for
    /// tests of the server itself.
    pub fn on_a_server(make: fn() -> Self) -> Option<Self> {
        if url().is_none() {
            skipped("ZENITH_TEST_POSTGRES names no server");
            return None;
        }
        Some(make())
    }
}

/// Returns the URL of another database on the same server.
pub fn url_of(database: &str) -> String {
    let url = url().expect("a server");
    let (before_query, query) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = before_query.rsplit_once('/').expect("a database");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{server}/{database}{mark}{query}")
}

/// Opens a plain connection.
pub fn connect(url: &str) -> PgConnection {
    let mut connection = PgConnection::establish(url).expect("a connection");
    connection.batch_execute("SET client_min_messages = warning").expect("a setting");
    connection
}

fn administer(statement: &str) {
    connect(url().expect("a server")).batch_execute(statement).expect(statement);
}

/// Database of a test, which may not exist yet. It is dropped with this value, whoever is
/// connected.
pub struct OwnDatabase {
    pub name: String,
    _template: Option<Arc<OwnDatabase>>,
}

impl OwnDatabase {
    /// Returns the name of a database that does not exist.
    pub fn missing() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { name: format!("test_{}_{number}", run()), _template: None }
    }

    /// Creates an empty database.
    pub fn empty() -> Self {
        let database = Self::missing();
        administer(&format!("CREATE DATABASE {} TEMPLATE template0", database.name));
        database
    }

    /// Creates a database with every migration, the seeds and an administrator: a copy of a
    /// template, which exists as long as one of its copies.
    pub fn created() -> Self {
        static TEMPLATE: Mutex<Weak<OwnDatabase>> = Mutex::new(Weak::new());
        let mut shared = TEMPLATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let template = shared.upgrade().unwrap_or_else(|| Arc::new(Self::template()));
        *shared = Arc::downgrade(&template);
        drop(shared);
        let name = Self::missing().into_name();
        administer(&format!("CREATE DATABASE {name} TEMPLATE {}", template.name));
        Self { name, _template: Some(template) }
    }

    fn template() -> Self {
        let database = Self::missing();
        let loader = Loader::new().flag(Key::Url, "database-url", url_of(&database.name));
        let manager = DatabaseManager::new(loader.load().expect("a valid configuration"));
        let _ = manager.initialize(&administrator()).expect("a database");
        if role().is_some() {
            let names = RoleNames::with_prefix(PREFIX).expect("names");
            let plan = manager.plan_roles(&names).expect("the roles");
            manager.apply_roles(&plan).expect("the roles");
        }
        database
    }

    fn into_name(mut self) -> String {
        std::mem::take(&mut self.name)
    }

    pub fn url(&self) -> String {
        url_of(&self.name)
    }

    /// Returns the URL for connections with this role.
    pub fn url_for(&self, role: &str) -> String {
        let url = self.url();
        let mark = if url.contains('?') { '&' } else { '?' };
        format!("{url}{mark}options=-crole%3D{role}")
    }

    pub fn exists(&self) -> bool {
        let query = format!(
            "SELECT datname::text AS name FROM pg_database WHERE datname = '{}'",
            self.name
        );
        !names(&mut connect(url().expect("a server")), &query).is_empty()
    }

    pub fn connect(&self) -> DbConnection {
        DbConnection::Postgres(connect(&self.url()))
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // A restore gives the database that it replaces another name.
            let query = format!(
                "SELECT datname::text AS name FROM pg_database WHERE datname ~ '^{}(_[a-z]+_.*)?$'",
                self.name
            );
            for name in names(&mut connect(url().expect("a server")), &query) {
                administer(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
            }
        }
    }
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

fn names(connection: &mut PgConnection, query: &str) -> Vec<String> {
    let names: Vec<Name> = diesel::sql_query(query).load(connection).expect(query);
    names.into_iter().map(|row| row.name).collect()
}

/// Returns the name of this run, which has a session on the server from before its first database.
fn run() -> &'static str {
    static RUN: OnceLock<(String, Mutex<PgConnection>)> = OnceLock::new();
    let begin = || {
        let run = Uuid::new_v4().simple().to_string()[..12].to_owned();
        let mut connection = connect(url().expect("a server"));
        announce(&mut connection, &run);
        drop_left_behind(&mut connection);
        (run, Mutex::new(connection))
    };
    &RUN.get_or_init(begin).0
}

fn announce(connection: &mut PgConnection, run: &str) {
    let name = format!("SET application_name = 'zenith tests {run}'");
    connection.batch_execute(&name).expect("a name");
}

/// Drops the databases of runs that have ended.
fn drop_left_behind(connection: &mut PgConnection) {
    let query = r"SELECT d.datname::text AS name FROM pg_database AS d
        WHERE d.datname ~ '^test_[0-9a-f]{12}_[0-9]+(_|$)' AND NOT EXISTS (
            SELECT FROM pg_stat_activity
            WHERE application_name = 'zenith tests ' || split_part(d.datname, '_', 2))";
    for name in names(connection, query) {
        // Another run may do the same at the same time.
        let drop = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
        if let Err(error) = connection.batch_execute(&drop) {
            eprintln!("{name} was left behind by another run, and stays: {error}");
        }
    }
}

#[test]
fn what_a_killed_run_left_behind_goes_with_the_next_and_what_another_uses_stays() {
    if url().is_none() {
        return skipped("ZENITH_TEST_POSTGRES names no server");
    }
    let own = OwnDatabase::empty();
    let mut connection = connect(url().expect("a server"));
    let run = Uuid::new_v4().simple().to_string()[..12].to_owned();
    let (used, left) = (format!("test_{run}_0"), format!("test_{run}_1"));
    let there = |connection: &mut PgConnection, name: &str| {
        let query =
            format!("SELECT datname::text AS name FROM pg_database WHERE datname = '{name}'");
        !names(connection, &query).is_empty()
    };
    let mut other = connect(url().expect("a server"));
    announce(&mut other, &run);
    connection.batch_execute(&format!("CREATE DATABASE {used}")).expect("a database");
    drop_left_behind(&mut connection);
    assert!(there(&mut connection, &used) && own.exists());
    // The run dies. Others may sweep as well, now.
    connection.batch_execute(&format!("CREATE DATABASE {left}")).expect("a database");
    announce(&mut other, "is over");
    drop_left_behind(&mut connection);
    assert!(!there(&mut connection, &used) && !there(&mut connection, &left) && own.exists());
}
