//! `open` refuses a database that lacks migrations, and `ready` says what a service lacks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use diesel::connection::SimpleConnection;
use zenith_db::config::{Config, Key};
use zenith_db::manager::{DatabaseManager, RollbackTarget};
use zenith_db::{CallRefused, Database, Error, MigrationFault, NoRoom, PragmaFault, Result};

use super::writes::{insert, names, open, panic_quietly};
use crate::support::command::assert_unchanged;
use crate::support::embedded::{before, notifications};
use crate::support::mounts::SmallDisk;
use crate::support::own_migrations::{manager_with, migration, upgraded};
use crate::support::{Fixture, SqliteFixture, administrator, run};

fn pending<T: std::fmt::Debug>(result: Result<T>) -> usize {
    match result {
        Err(Error::Migration(MigrationFault::Pending { count })) => count,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_database_that_lacks_migrations_is_not_opened_unless_the_program_says_so() {
    let blank = Fixture::blank();
    assert!(pending(Database::open(&blank.config())) > 1);
    let fixture = Fixture::created();
    let manager = fixture.manager();
    manager.rollback(&before(notifications())).expect("a rollback");
    assert!(pending(Database::open(&fixture.config())) >= 1);
    let database = Database::open_unchecked(&fixture.config()).expect("a database");
    assert!(pending(database.ready()) >= 1);
    // What is missing comes while it is open.
    manager.migrate().expect("migrated");
    database.ready().expect("ready");
    Database::open(&fixture.config()).expect("a database").ready().expect("ready");
}

#[test]
fn the_database_of_another_program_is_not_opened_and_stays_as_it_was() {
    let fixture = Fixture::blank();
    fixture.sql("CREATE TABLE recipes (name TEXT)");
    let before = fixture.everything();
    let refused = Database::open(&fixture.config());
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    assert_unchanged(&before, &fixture.everything());
}

#[test]
fn migrations_of_the_application_are_looked_at_by_its_manager() {
    let fixture = Fixture::created();
    let notes =
        migration("CREATE TABLE notes (id BIGINT PRIMARY KEY NOT NULL)", "DROP TABLE notes");
    let manager = manager_with(&fixture, &[notes]);
    assert_eq!(pending(manager.open_database()), 1);
    manager.migrate().expect("migrated");
    let database = manager.open_database().expect("a database");
    database.ready().expect("ready");
    manager.rollback(&RollbackTarget::Steps(1)).expect("a rollback");
    assert_eq!(pending(database.ready()), 1);
}

#[test]
fn a_database_that_a_newer_version_of_the_service_has_migrated_is_opened() {
    let fixture = Fixture::created();
    let later =
        migration("CREATE TABLE later (id BIGINT PRIMARY KEY NOT NULL)", "DROP TABLE later");
    upgraded(&fixture, &[later]).migrate().expect("migrated");
    fixture.database().ready().expect("ready");
}

#[test]
fn a_service_is_ready_with_one_connection_too_and_not_when_it_is_closed() {
    for limit in ["1", "2"] {
        let fixture = Fixture::created();
        let database = open(&fixture, limit);
        database.ready().expect("ready");
        database.close().expect("closed");
        let refused = database.ready();
        assert!(matches!(refused, Err(Error::CallRefused(CallRefused::Closed))), "{refused:?}");
    }
}

#[test]
fn a_service_whose_writer_or_readers_are_taken_is_not_ready() {
    let fixture = SqliteFixture::created();
    let settings = [(Key::MaxConnections, "2"), (Key::PoolTimeout, "50")];
    let database = Database::open(&fixture.config_with(&settings)).expect("a database");
    let asks = || {
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| database.ready()).join().expect("no panic");
            assert!(matches!(asked, Err(Error::PoolTimeout(_))), "{asked:?}");
        });
        Ok(())
    };
    database.write(|_| asks()).expect("a write");
    database.read(|_| asks()).expect("a read");
    database.ready().expect("ready");
}

#[test]
fn a_setting_that_a_closure_has_changed_is_found_and_mended() {
    for setting in [
        "query_only = ON",
        "locking_mode = EXCLUSIVE",
        "busy_timeout = 1",
        "ignore_check_constraints = ON",
        "writable_schema = ON",
    ] {
        let fixture = SqliteFixture::created();
        let database = Database::open(&fixture.config()).expect("a database");
        let change = format!("PRAGMA {setting}");
        database.write(|conn| Ok(conn.batch_execute(&change)?)).expect("a write");
        let asked = database.ready();
        let Err(Error::Pragma(changed)) = asked else { panic!("{setting}: {asked:?}") };
        assert!(matches!(changed, PragmaFault::Changed { .. }), "{changed:?}");
        assert!(changed.to_string().starts_with("a closure has changed PRAGMA"), "{changed}");
        database.ready().expect("a new connection");
        database.write(|conn| insert(conn, "kept")).expect("a write");
    }
}

/// A temporary table stands for one of its name: what is written to it is in no file.
#[test]
fn what_a_closure_has_left_on_a_connection_is_found_and_mended() {
    for left in [
        "CREATE TEMP TABLE system_metrics AS SELECT * FROM system_metrics",
        "CREATE TEMP VIEW system_metrics AS SELECT 1 AS id",
        "ATTACH ':memory:' AS other",
    ] {
        let fixture = SqliteFixture::created();
        let database = Database::open(&fixture.config()).expect("a database");
        let name = if left.starts_with("ATTACH") { "other" } else { "system_metrics" };
        let assert_mended = |database: &Database| {
            let asked = database.ready();
            let Err(Error::Pragma(PragmaFault::Left { name: found })) = asked else {
                panic!("{left}: {asked:?}")
            };
            assert_eq!(found, name);
            database.ready().expect("a new connection");
        };
        database.write(|conn| Ok(conn.batch_execute(left)?)).expect("a write");
        assert_mended(&database);
        // SQLite lets a connection that cannot write attach a file.
        if name == "other" {
            database.read(|conn| Ok(conn.batch_execute(left)?)).expect("a read");
            assert_mended(&database);
        }
        database.write(|conn| insert(conn, "kept")).expect("a write");
        assert_eq!(names(&fixture), "kept");
    }
}

#[test]
fn the_journal_mode_that_a_read_has_changed_is_found_and_mended() {
    let fixture = SqliteFixture::created();
    let database =
        Database::open(&fixture.config_with(&[(Key::MaxConnections, "1")])).expect("a database");
    let change = "PRAGMA journal_mode = DELETE";
    database.read(|conn| Ok(conn.batch_execute(change)?)).expect("a read");
    let asked = database.ready();
    assert!(matches!(asked, Err(Error::Pragma(PragmaFault::Changed { .. }))), "{asked:?}");
    database.ready().expect("a new connection");
    assert_eq!(fixture.text("SELECT journal_mode FROM pragma_journal_mode"), "wal");
}

#[test]
fn a_file_that_is_not_at_its_path_any_more_is_not_written() {
    let replace = |path: &Path| std::fs::copy(path.with_extension("moved"), path).map(drop);
    let remove = |_: &Path| Ok(());
    for then in [replace as fn(&Path) -> std::io::Result<()>, remove] {
        let fixture = SqliteFixture::created();
        let database = Database::open(&fixture.config()).expect("a database");
        database.write(|conn| insert(conn, "kept")).expect("a write");
        let path = &fixture.path();
        std::fs::rename(path, path.with_extension("moved")).expect("moved");
        then(path).expect("done");
        let refused = database.write(|conn| insert(conn, "lost"));
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
        let asked = database.ready();
        assert!(matches!(asked, Err(Error::Refused { .. })), "{asked:?}");
        // Neither does a connection that is opened again look at another file than the readers.
        let broken = || -> Result<()> { database.write(|_| panic_quietly()) };
        let _ = catch_unwind(AssertUnwindSafe(broken));
        let refused = database.write(|conn| insert(conn, "lost"));
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    }
}

const DISK: &str = "ZENITH_TEST_DISK";

#[test]
fn a_service_on_a_disk_that_is_nearly_full_is_not_ready() {
    let Some(disk) = SmallDisk::mount(30_000_000) else { return };
    // The disk is mounted for the processes of its namespace only.
    let mut asker = Command::new(std::env::current_exe().expect("this program"));
    asker.args(["--exact", "pool::readiness::the_service_on_a_disk", "--ignored", "--nocapture"]);
    run(&mut disk.command(asker.env(DISK, disk.path())), 0);
}

#[test]
#[ignore = "a process of its own, on the disk of another test"]
fn the_service_on_a_disk() {
    let directory = PathBuf::from(std::env::var_os(DISK).expect("a directory"));
    let config = Config::for_path(directory.join("zenith.db")).expect("a configuration");
    let manager = DatabaseManager::new(config);
    let _ = manager.initialize(&administrator()).expect("a database");
    let database = manager.open_database().expect("a database");
    database.ready().expect("ready");
    std::fs::write(directory.join("other"), vec![1; 16_000_000]).expect("a file");
    let asked = database.ready();
    assert!(matches!(asked, Err(Error::NoRoom(NoRoom { needed: 16_000_000, .. }))), "{asked:?}");
    database.write(|conn| insert(conn, "still")).expect("a write, while there is room");
}
