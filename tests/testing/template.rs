//! A copy is a whole database of its own, and nothing of it stays.
use std::path::PathBuf;

use zenith_db::config::Synchronous;
use zenith_db::manager::DatabaseManager;
use zenith_db::prelude::*;
use zenith_db::testing::{Template, a_user};

use super::database;
use crate::support::own_migrations::{manager_with, migration};
use crate::support::{Fixture, SqliteFixture, text};

/// Number of users.
fn users(database: &Database) -> String {
    let count =
        |conn: &mut DbConnection| Ok(text(conn, "SELECT CAST(count(*) AS TEXT) FROM users"));
    database.read(count).expect("a read")
}

#[test]
fn a_copy_is_migrated_seeded_healthy_and_without_users() {
    let database = database();
    let health = database.manager().health_check();
    assert!(health.healthy, "{health:?}");
    assert_eq!(database.manager().status().expect("a status").table_count, 21);
    let role = database.read(|conn| Role::find_by_name(conn, "user")).expect("a read");
    assert!(role.is_some(), "the seeds are missing");
    assert_eq!(users(&database), "0");
}

#[test]
fn copies_share_nothing() {
    let (one, other) = (database(), database());
    one.write(|conn| a_user().named("ann").insert(conn)).expect("a user");
    assert_eq!(users(&one), "1");
    assert_eq!(users(&other), "0");
}

#[test]
fn a_copy_is_removed_with_its_last_use() {
    let database = database();
    let config = database.config().clone();
    let directory = config.location().path().map(|path| path.directory().to_owned());
    assert!(DatabaseManager::new(config.clone()).exists().expect("an answer"));
    drop(database);
    assert!(!DatabaseManager::new(config).exists().expect("an answer"));
    assert!(!directory.is_some_and(|directory| directory.exists()), "the directory is left");
}

#[test]
fn a_copy_has_the_configuration_and_the_migrations_of_its_manager() {
    use zenith_db::config::Key;

    let fixture = SqliteFixture::empty();
    let config = fixture.config_with(&[(Key::MaxConnections, "3"), (Key::AutoBackup, "true")]);
    let notes = migration("CREATE TABLE notes (id BIGINT PRIMARY KEY)", "DROP TABLE notes");
    let manager = manager_with(&fixture, &[notes]).for_config(config);
    let database = Template::of(&manager).expect("a template").database().expect("a database");
    assert_eq!(database.config().max_connections(), 3);
    // What makes tests slow is off.
    assert_eq!(database.config().sqlite().synchronous, Synchronous::Normal);
    assert!(!database.config().auto_backup());
    let notes = database.read(|conn| Ok(text(conn, "SELECT CAST(count(*) AS TEXT) FROM notes")));
    assert_eq!(notes.expect("the table of the application"), "0");
    // Another list of migrations is another template.
    let plain = Template::of(&fixture.manager()).expect("a template");
    let plain = plain.database().expect("a database");
    assert_eq!(plain.manager().status().expect("a status").table_count, 21);
    // The manager's own database is not made.
    assert_eq!(fixture.files(), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn files_of_copies_are_private() {
    use std::os::unix::fs::PermissionsExt;

    let database = Template::new().expect("a template").database().expect("a database");
    let path: PathBuf = database.config().location().path().expect("a file").as_path().to_owned();
    let mode = |path| std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(path.as_path()), 0o600);
    assert_eq!(mode(path.parent().expect("a directory")), 0o700);
}

#[test]
fn many_threads_get_copies_at_once() {
    let fixture = Fixture::empty();
    let template = Template::of(&fixture.manager()).expect("a template");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let database = template.database().expect("a database");
                database.write(|conn| a_user().insert(conn)).expect("a user");
            });
        }
    });
}
