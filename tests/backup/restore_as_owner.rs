//! Restoring on a server as a user who is no superuser.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tempfile::TempDir;
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RestoreOptions};

use super::{IS_LATER, LATER};
use crate::support::own_server::{Server, config, value};
use crate::support::server::{OwnDatabase, connect, url_of};
use crate::support::{administrator, skipped};

/// User of a test, who is no superuser. The databases that it owns have to be dropped before it.
struct Role(String);

impl Role {
    fn create(name: String, attributes: &str) -> Self {
        let role = format!("CREATE ROLE {name} LOGIN {attributes}");
        connect(&url_of("postgres")).batch_execute(&role).expect("a role");
        Self(name)
    }

    /// Returns the URL of a database with this user.
    fn url(&self, database: &str) -> String {
        let url = url_of(database);
        let (scheme, rest) = url.split_once("://").expect("a URL");
        format!("{scheme}://{}@{}", self.0, rest.rsplit_once('@').map_or(rest, |(_, host)| host))
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let drop = format!("DROP OWNED BY {0}; DROP ROLE {0}", self.0);
        connect(&url_of("postgres")).batch_execute(&drop).expect("no role");
    }
}

/// A database that belongs to a role, with a backup and a row that this does not have.
struct Owned {
    database: OwnDatabase,
    owner: Role,
    directory: TempDir,
    backup: PathBuf,
}

impl Owned {
    fn create(attributes: &str) -> Option<Self> {
        if crate::support::server::url().is_none() {
            skipped("ZENITH_TEST_POSTGRES names no server");
            return None;
        }
        let database = OwnDatabase::missing();
        let owner = Role::create(format!("{}_owner", database.name), attributes);
        let create =
            format!("CREATE DATABASE {} TEMPLATE template0 OWNER {}", database.name, owner.0);
        connect(&url_of("postgres")).batch_execute(&create).expect("a database");
        let directory = TempDir::new().expect("a directory");
        let url = owner.url(&database.name);
        let manager = manager_of(directory.path(), &url);
        let _ = manager.initialize(&administrator()).expect("a schema");
        let backup = manager.backup().expect("a backup").path;
        connect(&url).batch_execute(LATER).expect("a later row");
        Some(Self { database, owner, directory, backup })
    }

    fn manager_as(&self, role: &Role) -> DatabaseManager {
        manager_of(self.directory.path(), &role.url(&self.database.name))
    }

    fn ask(&self, query: &str) -> String {
        value(&mut connect(&self.database.url()), query)
    }
}

fn manager_of(directory: &Path, url: &str) -> DatabaseManager {
    DatabaseManager::new(config(url, &[(Key::BackupDir, directory.to_str().expect("UTF-8"))]))
}

fn restore(manager: &DatabaseManager, backup: &Path) -> zenith_db::Result<()> {
    manager.restore(backup, &RestoreOptions::default(), &mut |_| ()).map(drop)
}

#[test]
fn an_owner_who_may_create_databases_restores_and_drills() {
    let Some(owned) = Owned::create("CREATEDB") else { return };
    // Neither is the owner's to copy.
    let settings = format!(
        "ALTER DATABASE {0} SET log_statement = 'none'; ALTER ROLE CURRENT_USER IN DATABASE {0} SET work_mem = '6MB';
         ALTER DATABASE {0} SET work_mem = '5MB'",
        owned.database.name
    );
    connect(&url_of("postgres")).batch_execute(&settings).expect("settings");
    let manager = owned.manager_as(&owned.owner);
    let drilled = manager.drill(&mut |_| ()).expect("a drill");
    assert!(drilled.health.healthy, "{:?}", drilled.health);
    restore(&manager, &owned.backup).expect("a restore");
    assert_eq!(owned.ask(IS_LATER), "0");
    let owners =
        "SELECT string_agg(DISTINCT tableowner, ',') FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(owned.ask(owners), owned.owner.0);
    let of_database =
        "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()";
    assert_eq!(owned.ask(of_database), owned.owner.0);
    assert_eq!(owned.ask("SELECT current_setting('work_mem')"), "5MB");
}

/// A temporary database has more connections than the limit of an application may allow.
#[test]
fn a_limit_of_connections_does_not_keep_from_a_drill() {
    let Some(owned) = Owned::create("CREATEDB") else { return };
    let limit = format!("ALTER DATABASE {} CONNECTION LIMIT 1", owned.database.name);
    connect(&url_of("postgres")).batch_execute(&limit).expect("a limit");
    owned.manager_as(&owned.owner).drill(&mut |_| ()).expect("a drill");
}

#[test]
fn a_user_who_only_reads_by_default_is_told_how_to_restore() {
    let Some(owned) = Owned::create("CREATEDB") else { return };
    let read_only = format!("ALTER ROLE {} SET default_transaction_read_only = on", owned.owner.0);
    connect(&url_of("postgres")).batch_execute(&read_only).expect("a setting");
    let mut command = crate::support::bare_zenith(owned.directory.path());
    let url = owned.owner.url(&owned.database.name);
    command.args(["restore", "--yes", "--database-url", &url]).arg(&owned.backup);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let said = crate::support::stderr(&crate::support::run(&mut command, 1));
    let options = "-c default_transaction_read_only=off";
    assert!(said.contains(&format!("PGOPTIONS='{options}'")), "{said}");
    assert_eq!(owned.ask(IS_LATER), "1");
    let _ = crate::support::run(command.env("PGOPTIONS", options), 0);
    assert_eq!(owned.ask(IS_LATER), "0");
}

#[test]
fn a_member_of_the_owner_restores_and_drills() {
    let Some(owned) = Owned::create("") else { return };
    let attributes = format!("CREATEDB IN ROLE {}", owned.owner.0);
    let member = Role::create(format!("{}_member", owned.database.name), &attributes);
    let manager = owned.manager_as(&member);
    manager.drill(&mut |_| ()).expect("a drill");
    restore(&manager, &owned.backup).expect("a restore");
    assert_eq!(owned.ask(IS_LATER), "0");
}

/// The tablespace of the database is kept, where the user may create in it.
#[test]
fn another_tablespace_is_that_of_the_restored_database_too() {
    let Some(server) = Server::start() else { return };
    let mut admin = server.admin("postgres");
    for statement in [
        "SET allow_in_place_tablespaces = on",
        "CREATE TABLESPACE space LOCATION ''",
        "CREATE ROLE o LOGIN CREATEDB",
        "CREATE DATABASE d OWNER o TABLESPACE space",
    ] {
        admin.batch_execute(statement).expect(statement);
    }
    let url = server.url("d").replace("zenith@", "o@");
    let directory = TempDir::new().expect("a directory");
    let manager = manager_of(directory.path(), &url);
    let _ = manager.initialize(&administrator()).expect("a schema");
    let backup = manager.backup().expect("a backup").path;
    let space = "SELECT spcname::text FROM pg_tablespace AS t JOIN pg_database ON t.oid = dattablespace WHERE datname = 'd'";
    for (grant, expected) in [
        ("GRANT CREATE ON TABLESPACE space TO o", "space"),
        ("REVOKE CREATE ON TABLESPACE space FROM o", "pg_default"),
    ] {
        admin.batch_execute(grant).expect(grant);
        restore(&manager, &backup).expect("a restore");
        assert_eq!(value(&mut admin, space), expected);
    }
}

/// What a database is made with, and not the server's default.
#[test]
fn a_restored_database_has_the_locale_provider_that_it_had() {
    let icu = ["--locale-provider=icu", "--icu-locale=en"];
    let Some(server) = Server::start_with(&icu) else { return };
    let mut admin = server.admin("postgres");
    let provider = "SELECT datlocprovider FROM pg_database WHERE datname = 'd'";
    let create = "CREATE DATABASE d TEMPLATE template0 LOCALE 'C'";
    for (as_this, expected) in [(" LOCALE_PROVIDER libc", "c"), ("", "i")] {
        admin.batch_execute(&format!("{create}{as_this}")).expect("a database");
        let directory = TempDir::new().expect("a directory");
        let manager = manager_of(directory.path(), &server.url("d"));
        let _ = manager.initialize(&administrator()).expect("a schema");
        let backup = manager.backup().expect("a backup").path;
        restore(&manager, &backup).expect("a restore");
        assert_eq!(value(&mut admin, provider), expected);
        admin.batch_execute("DROP DATABASE d").expect("no database");
    }
}

/// The tables, and the ledger among them, belong to a role that may only create in the schema: whoever has no rights of
/// that role has to be able to restore them. Until it is done, nobody else is in the database.
#[test]
fn a_superuser_restores_and_drills_the_tables_of_a_role_that_may_only_create() {
    if crate::support::server::url().is_none() {
        skipped("ZENITH_TEST_POSTGRES names no server");
        return;
    }
    let database = OwnDatabase::empty();
    let maker = Role::create(format!("{}_maker", database.name), "");
    // The database is dropped first.
    let (database, maker) = &(database, maker);
    let grant = format!("GRANT CREATE ON SCHEMA public TO {}", maker.0);
    connect(&database.url()).batch_execute(&grant).expect("a right");
    let directory = TempDir::new().expect("a directory");
    let _ = manager_of(directory.path(), &maker.url(&database.name))
        .initialize(&administrator())
        .expect("a schema");
    let manager = manager_of(directory.path(), &database.url());
    let backup = manager.backup().expect("a backup").path;
    connect(&database.url()).batch_execute(LATER).expect("a later row");
    let drilled = manager.drill(&mut |_| ()).expect("a drill");
    assert!(drilled.health.healthy, "{:?}", drilled.health);
    let temporary = format!(
        "SELECT datname FROM pg_database WHERE datname ~ '^{}_restoring_' AND datallowconn",
        database.name
    );
    let mut others = Vec::new();
    let restored = manager.restore(&backup, &RestoreOptions::default(), &mut |_| {
        let found = value(&mut connect(&url_of("postgres")), &temporary);
        if found != "NULL" {
            others.push(PgConnection::establish(&maker.url(&found)).is_ok());
        }
    });
    restored.expect("a restore");
    assert!(!others.is_empty() && !others.contains(&true), "{others:?}");
    let mut restored = connect(&maker.url(&database.name));
    assert_eq!(value(&mut restored, IS_LATER), "0");
    let owner =
        "SELECT relowner::regrole FROM pg_class WHERE relname = '__diesel_schema_migrations'";
    assert_eq!(value(&mut restored, owner), maker.0);
}

/// The sentence says what is missing, and of whom.
#[test]
fn a_missing_right_is_named_before_anything_is_done() {
    let Some(owned) = Owned::create("") else { return };
    let other = Role::create(format!("{}_other", owned.database.name), "CREATEDB");
    for (role, words) in [(&owned.owner, "CREATEDB"), (&other, owned.owner.0.as_str())] {
        let manager = owned.manager_as(role);
        for said in [
            restore(&manager, &owned.backup).expect_err("no right").to_string(),
            manager.drill(&mut |_| ()).expect_err("no right").to_string(),
        ] {
            assert!(said.contains(words) && said.contains(&role.0), "{said}");
            assert!(!said.contains("a statement failed"), "{said}");
        }
        let mut command = crate::support::bare_zenith(owned.directory.path());
        command.args(["restore", "--yes", "--database-url", &role.url(&owned.database.name)]);
        let said = crate::support::stderr(&crate::support::run(command.arg(&owned.backup), 2));
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(owned.ask(IS_LATER), "1");
    let missing = OwnDatabase::missing();
    let manager = manager_of(owned.directory.path(), &owned.owner.url(&missing.name));
    let said = restore(&manager, &owned.backup).expect_err("no right").to_string();
    assert!(said.contains("CREATEDB"), "{said}");
}
