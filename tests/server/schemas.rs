//! The schema in which the tables are: whatever its name, and whatever else the `search_path` names.
#![cfg(feature = "postgres")]

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::config::Key;
use zenith_db::manager::{
    DatabaseManager, RestoreOptions, RetentionPolicy, RoleNames, RollbackTarget,
};
use zenith_db::prelude::*;
use zenith_db::schema::roles;
use zenith_db::{Config, Error};
use zenith_db_transfer::{TransferOptions, transfer};

use crate::support::own_server::{Pooler, Server, config, value};
use crate::support::wait::wait_for;
use crate::support::{Fixture, administrator, failed};

/// Names that SQL has to quote, that look like something else, or that are as long as can be.
const NAMES: [&str; 30] = [
    "MySchema",
    "my.app",
    "two words",
    "say \"hi\"",
    "it's",
    "sélection",
    "数据",
    "select",
    "user",
    "$users",
    "public ",
    " leading",
    "a(b",
    "a, b",
    "*",
    "my?",
    "a|b",
    "a-b",
    "1st",
    "%s",
    "\\x41",
    "a\\",
    "pg",
    "PG_TEMP",
    "Information_Schema",
    "null",
    "\u{1F5C4}",
    "a;b--",
    "{a}",
    "a23456789012345678901234567890123456789012345678901234567890123",
];

/// The names to try: all with `ZENITH_TEST_NAMES=all`, and otherwise a few.
fn names() -> impl Iterator<Item = &'static str> {
    let all = std::env::var("ZENITH_TEST_NAMES").is_ok_and(|names| names == "all");
    NAMES.into_iter().step_by(if all { 1 } else { 8 })
}

fn in_schema(fixture: &Fixture, name: &str) -> DatabaseManager {
    DatabaseManager::new(fixture.config_with(&[(Key::Schema, name)]))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A database with a schema, of almost that name, that has tables of another program.
fn beside_another(name: &str) -> Option<Fixture> {
    let fixture = Fixture::on_a_server(Fixture::blank)?;
    let other = if name.to_lowercase() == name { name.to_uppercase() } else { name.to_lowercase() };
    let is_reserved = other == "information_schema" || other.starts_with("pg_");
    let other = if other == name || is_reserved { "other".to_owned() } else { other };
    let other = quoted(&other);
    fixture.sql(&format!("CREATE SCHEMA {other}; CREATE TABLE {other}.recipes (name TEXT)"));
    Some(fixture)
}

fn recipes(fixture: &Fixture) -> String {
    fixture.text("SELECT count(*) FROM pg_class WHERE relname = 'recipes'")
}

#[test]
fn whatever_the_name_of_the_schema_everything_works_in_it_alone() {
    for name in names() {
        let Some(fixture) = beside_another(name) else { return };
        let manager = in_schema(&fixture, name);
        let _ = manager.initialize(&administrator()).expect(name);
        assert_eq!(failed(&manager.health_check()), Vec::<&str>::new(), "{name}");
        manager.rollback(&RollbackTarget::Steps(1)).expect(name);
        manager.migrate().expect(name);
        let backup = manager.backup().expect(name).path;
        manager.verify_backup(&backup, &mut |_| ()).expect(name);
        let _ = manager.recreate(&administrator()).expect(name);
        manager.drill(&mut |_| ()).expect(name);
        let file = Config::for_path(fixture.directory.path().join("copy.db")).expect("a path");
        transfer(&manager, file.location(), &TransferOptions::default(), &mut |_| ()).expect(name);
        manager.rollback(&RollbackTarget::Version("0".into())).expect(name);
        let left = format!(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
             WHERE relnamespace = '{}'::regnamespace AND relkind = 'r'",
            quoted(name).replace('\'', "''")
        );
        assert_eq!(fixture.text(&left), "__diesel_schema_migrations", "{name}");
        assert_eq!(recipes(&fixture), "1", "{name}");
        // The other schema would be lost by a restore that replaces the database.
        let options = RestoreOptions::default();
        let refused = manager.restore(&backup, &options, &mut |_| ());
        assert!(matches!(refused, Err(Error::Refused { .. })), "{name}: {refused:?}");
        fixture.sql(
            "DO $$ BEGIN EXECUTE (SELECT format('DROP SCHEMA %s CASCADE', relnamespace::regnamespace)
                FROM pg_class WHERE relname = 'recipes'); END $$",
        );
        let restored = manager.restore(&backup, &options, &mut |_| ()).expect(name);
        assert_eq!(failed(&restored.health), Vec::<&str>::new(), "{name}");
        // What was there, which nobody else can drop.
        let kept = restored.renamed_to.expect("the database was not empty");
        let exists = format!("SELECT count(*) FROM pg_database WHERE datname = '{kept}'");
        assert_eq!(fixture.text(&exists), "1", "{name}");
        fixture.sql(&format!("DROP DATABASE {}", quoted(&kept)));
    }
}

fn refusal<T: std::fmt::Debug>(result: zenith_db::Result<T>) -> String {
    match result {
        Err(Error::Refused { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

/// As when a role with CREATE on the database makes a schema with the name of the user.
#[test]
fn a_schema_that_comes_before_the_one_with_the_tables_is_not_taken_for_it() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql("DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I', current_user); END $$");
    let before = fixture.everything();
    for asked in [
        refusal(Database::open(&fixture.config())),
        refusal(fixture.manager().status()),
        refusal(fixture.manager().initialize(&administrator())),
        refusal(fixture.manager().recreate(&administrator())),
        refusal(fixture.manager().rollback(&RollbackTarget::Steps(1))),
    ] {
        assert!(asked.contains("\"public\"") && asked.contains("DATABASE_SCHEMA"), "{asked}");
    }
    assert_eq!(fixture.everything(), before);
    let manager = in_schema(&fixture, "public");
    assert_eq!(failed(&manager.health_check()), Vec::<&str>::new());
    Database::open(manager.config()).expect("a database").ready().expect("ready");
    // With a copy of the ledger it is no better.
    fixture.sql(
        "DO $$ BEGIN EXECUTE format('CREATE TABLE %I.__diesel_schema_migrations AS
        TABLE public.__diesel_schema_migrations', current_user); END $$",
    );
    let asked = refusal(Database::open(&fixture.config()));
    assert!(asked.contains("in \"public\" too"), "{asked}");
    assert_eq!(failed(&manager.health_check()), Vec::<&str>::new());
}

#[test]
fn a_pool_stays_in_the_schema_that_its_first_connection_has_found() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let database = Database::open(&fixture.config()).expect("a database");
    fixture.sql("DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I', current_user); END $$");
    // More at once than there are open.
    let begun = AtomicU32::new(0);
    let read = |conn: &mut DbConnection| {
        begun.fetch_add(1, Ordering::SeqCst);
        wait_for("eight reads at once", || begun.load(Ordering::SeqCst) == 8);
        Ok(roles::table.count().get_result::<i64>(conn)?)
    };
    let count = || database.read(read).expect("the roles of the schema");
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| assert!(count() > 0)))));
}

#[test]
fn a_temporary_table_does_not_stand_for_one_of_the_schema() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let database = Database::open(&fixture.config()).expect("a database");
    let found = database.write(|conn| {
        conn.batch_execute("CREATE TEMP TABLE roles (LIKE roles)")?;
        Ok(roles::table.count().get_result::<i64>(conn)?)
    });
    assert!(found.expect("a count") > 0);
}

#[test]
fn a_schema_that_is_missing_is_made_by_creating_only() {
    let Some(fixture) = Fixture::on_a_server(Fixture::blank) else { return };
    let manager = in_schema(&fixture, "Zenith's");
    let missing = Database::open(manager.config());
    assert!(matches!(missing, Err(Error::NoDatabase { .. })), "{missing:?}");
    let _ = manager.initialize(&administrator()).expect("created");
    assert_eq!(fixture.text("SELECT count(*) FROM \"Zenith's\".users"), "1");
}

#[test]
fn behind_a_pooler_each_transaction_is_in_the_schema() {
    let Some(server) = Server::start() else { return };
    let made = DatabaseManager::new(server.config(&[(Key::Schema, "Zenith")]));
    let _ = made.initialize(&administrator()).expect("created");
    let Some(pooler) = Pooler::before(&server) else { return };
    let settings = [(Key::TransactionPooler, "true"), (Key::Schema, "Zenith")];
    let database = Database::open_unchecked(&config(&pooler.url(), &settings)).expect("a pool");
    let new = NewRole::builder().name("new").build();
    let id = database.write(|conn| new.insert(conn)).expect("a role").id;
    let found = database.read(|conn| Role::find_by_name(conn, "new"));
    assert_eq!(found.expect("a look").map(|role| role.id), Some(id));
    let mut other = PgConnection::establish(&pooler.url()).expect("another client");
    assert_eq!(value(&mut other, "SELECT current_setting('search_path')"), "\"$user\", public");
}

#[test]
fn behind_a_pooler_a_command_is_in_the_schema_or_refused() {
    let Some(server) = Server::start() else { return };
    let made = DatabaseManager::new(server.config(&[(Key::Schema, "Zenith")]));
    let _ = made.initialize(&administrator()).expect("created");
    let Some(pooler) = Pooler::before(&server) else { return };
    let settings = [(Key::TransactionPooler, "true"), (Key::Schema, "Zenith")];
    let manager = DatabaseManager::new(config(&pooler.url(), &settings));
    for said in [
        refusal(manager.status()),
        refusal(manager.origin()),
        refusal(manager.seed()),
        refusal(manager.migrate()),
        refusal(manager.recreate(&administrator())),
        refusal(manager.plan_roles(&RoleNames::with_prefix("zenith").expect("names"))),
    ] {
        assert!(said.contains("ALTER ROLE … SET search_path = \"Zenith\""), "{said}");
    }
    let set = "ALTER ROLE zenith SET search_path = \"Zenith\"";
    server.admin("zenith").batch_execute(set).expect("a setting");
    drop(pooler);
    let Some(pooler) = Pooler::before(&server) else { return };
    let manager = DatabaseManager::new(config(&pooler.url(), &settings));
    assert_eq!(
        manager.status().expect("it").record_counts,
        made.status().expect("it").record_counts
    );
    assert_eq!(failed(&manager.health_check()), Vec::<&str>::new());
}

/// A pooler gives its connections to others with what the last client has set.
#[test]
fn what_another_client_has_left_at_a_pooler_changes_nothing() {
    let Some(server) = Server::start() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let backups = (Key::BackupDir, directory.path().to_str().expect("UTF-8"));
    let _ = DatabaseManager::new(server.config(&[])).initialize(&administrator()).expect("created");
    let other = DatabaseManager::new(server.config(&[backups, (Key::Schema, "b")]));
    let _ = other.initialize(&administrator()).expect("created");
    let Some(pooler) = Pooler::before(&server) else { return };
    let client = || PgConnection::establish(&pooler.url()).expect("another client");
    let mut clients = [client(), client()];
    // On both connections of the pooler, whichever the command gets.
    let mut leave = |left: &str| {
        for statement in ["BEGIN", left, "COMMIT"] {
            for client in &mut clients {
                client.batch_execute(statement).expect(statement);
            }
        }
    };
    leave("SET search_path = b");
    let config = config(&pooler.url(), &[backups, (Key::TransactionPooler, "true")]);
    let manager = DatabaseManager::new(config.clone());
    let reset = || refusal(manager.reset_password("admin", None, |_, _| Ok(())));
    for said in [reset(), refusal(manager.recreate(&administrator())), refusal(manager.status())] {
        assert!(said.contains("another search_path"), "{said}");
    }
    let database = Database::open(&config).expect("a pool");
    let new = NewRole::builder().name("new").build();
    database.write(|conn| new.insert(conn)).expect("a role");
    let mut admin = server.admin("zenith");
    let count = |admin: &mut PgConnection, schema: &str| {
        value(admin, &format!("SELECT count(*) FROM {schema}.roles WHERE name = 'new'"))
    };
    assert_eq!((count(&mut admin, "public"), count(&mut admin, "b")), ("1".into(), "0".into()));
    leave("RESET search_path; CREATE TEMP TABLE users (LIKE public.users)");
    let said = reset();
    assert!(said.contains("temporary table"), "{said}");
}

/// The backups of two schemas of a database may be in one directory.
#[test]
fn a_backup_belongs_to_its_schema() {
    let Some(fixture) = Fixture::on_a_server(Fixture::blank) else { return };
    let [a, b] = ["a", "a!"].map(|name| in_schema(&fixture, name));
    for manager in [&a, &b] {
        let _ = manager.initialize(&administrator()).expect("created");
        let _ = manager.backup().expect("a backup");
        assert_eq!(manager.backups().expect("a list").len(), 1);
    }
    let policy = RetentionPolicy { keep_last: NonZeroUsize::new(1), ..RetentionPolicy::default() };
    let _ = b.backup().expect("a second backup");
    let pruned = b.prune_backups(&policy, false).expect("pruned");
    assert_eq!(pruned.removed.len(), 1);
    assert_eq!(a.backups().expect("a list").len(), 1);
}

#[test]
fn the_ledger_of_another_program_is_not_dropped() {
    let Some(fixture) = Fixture::on_a_server(Fixture::blank) else { return };
    fixture.sql(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY, run_on TIMESTAMP DEFAULT now());
         INSERT INTO __diesel_schema_migrations VALUES ('20990101')",
    );
    let refused = refusal(fixture.manager().recreate(&administrator()));
    assert!(refused.contains("__diesel_schema_migrations"), "{refused}");
    assert_eq!(fixture.text("SELECT version FROM __diesel_schema_migrations"), "20990101");
}

const MARKER: &str = "CREATE TABLE zenith_transfer (id int, run text, state text);
    INSERT INTO zenith_transfer VALUES (1, 'x', 'y')";

#[test]
fn what_marks_a_transfer_counts_only_if_somebody_has_made_it_who_may() {
    let Some(server) = Server::start() else { return };
    let manager = DatabaseManager::new(server.config(&[(Key::AutoBackup, "false")]));
    let _ = manager.initialize(&administrator()).expect("created");
    let mut admin = server.admin("zenith");
    let as_a_guest = "CREATE ROLE guest; GRANT CREATE ON SCHEMA public TO guest; SET ROLE guest";
    admin.batch_execute(as_a_guest).expect("a role");
    admin.batch_execute(MARKER).expect("a table");
    manager.rollback(&RollbackTarget::Steps(1)).expect("a rollback");
    manager.migrate().expect("migrated");
    assert!(!failed(&manager.health_check()).contains(&"Unfinished Transfer"));
    let dropped =
        "DROP TABLE zenith_transfer; RESET ROLE; REVOKE CREATE ON SCHEMA public FROM guest";
    admin.batch_execute(dropped).expect("dropped");
    admin.batch_execute(MARKER).expect("a table");
    let refused = manager.rollback(&RollbackTarget::Steps(1));
    assert!(matches!(refused, Err(Error::UnfinishedTransfer)), "{refused:?}");
    // As the error says.
    let _ = manager.recreate(&administrator()).expect("emptied");
    assert_eq!(failed(&manager.health_check()), Vec::<&str>::new());
}

/// A restore drops the empty database that it replaces, and no other.
#[test]
fn a_restore_keeps_a_database_that_has_anything() {
    for (strange, is_kept) in [
        ("CREATE FUNCTION cook() RETURNS int LANGUAGE sql AS 'SELECT 1'", true),
        ("CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)", true),
        ("CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple)", true),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC", true),
        ("SELECT 1", false),
    ] {
        let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
        let backup = fixture.manager().backup().expect("a backup").path;
        let _ = fixture.manager().rollback(&RollbackTarget::Version("0".into())).expect("empty");
        fixture.sql("DROP TABLE __diesel_schema_migrations");
        fixture.sql(strange);
        let options = RestoreOptions::default();
        let restored = fixture.manager().restore(&backup, &options, &mut |_| ()).expect(strange);
        assert_eq!(restored.renamed_to.is_some(), is_kept, "{strange}");
        if let Some(kept) = restored.renamed_to {
            fixture.sql(&format!("DROP DATABASE {}", quoted(&kept)));
        }
    }
}

#[test]
fn nothing_is_dropped_that_no_migration_has_made() {
    for (strange, words) in [
        ("CREATE TABLE recipes (name TEXT)", "recipes"),
        ("CREATE VIEW names AS SELECT username FROM users", "names"),
        ("CREATE FUNCTION cook() RETURNS int LANGUAGE sql AS 'SELECT 1'", "cook()"),
        ("CREATE SEQUENCE dishes", "dishes"),
        ("CREATE TABLE years (year INTEGER) PARTITION BY RANGE (year)", "years"),
        ("CREATE TYPE taste AS ENUM ('good')", "taste"),
        ("CREATE TYPE pair AS (first int, second int)", "pair"),
        ("CREATE TYPE lengths AS RANGE (subtype = float8)", "lengths"),
        // With the name of an index, and of a function, that a migration has created.
        ("CREATE TYPE idx_users_email AS ENUM ('good')", "idx_users_email"),
        (
            "CREATE FUNCTION is_json(json) RETURNS bool LANGUAGE sql AS 'SELECT true'",
            "is_json(json)",
        ),
    ] {
        let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
        fixture.sql(strange);
        let before = fixture.text("SELECT uuid FROM users");
        let refused = refusal(fixture.manager().recreate(&administrator()));
        assert!(refused.contains(words), "{refused}");
        assert_eq!(fixture.text("SELECT uuid FROM users"), before);
    }
    // Nor what a pending one would create.
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.manager().rollback(&RollbackTarget::Steps(1)).expect("a rollback");
    fixture.sql("CREATE TABLE notifications (theirs TEXT)");
    let refused = refusal(fixture.manager().recreate(&administrator()));
    assert!(refused.contains(": notifications;"), "{refused}");
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql("CREATE SCHEMA theirs; CREATE VIEW theirs.names AS SELECT username FROM users");
    let refused = fixture.manager().recreate(&administrator()).expect_err("a view depends on it");
    assert!(format!("{refused:?}").contains("depend"), "{refused:?}");
    assert_eq!(fixture.text("SELECT count(*) FROM theirs.names"), "1");
}
