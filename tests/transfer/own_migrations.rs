//! Transfers of an application with migrations of its own, and targets that a failed transfer created.

use std::panic::{AssertUnwindSafe, catch_unwind};

use zenith_db::Backend;
use zenith_db::manager::DatabaseManager;
use zenith_db::migrations::EmbeddedMigration;
use zenith_db_transfer::{
    Result, TransferError, TransferOptions, TransferRecord, table_contents, transfer,
    transfer_between,
};

use crate::support::filled::FILLED;
use crate::support::own_migrations::{manager_with, migration};
use crate::support::place::RESUME;
use crate::support::{Fixture, SqliteFixture, administrator, failed};

/// Rows of a table that no migration creates.
const BY_HAND: &str =
    "CREATE TABLE by_hand (id BIGINT PRIMARY KEY); INSERT INTO by_hand VALUES (1)";

fn own() -> [EmbeddedMigration; 1] {
    let up = "CREATE TABLE own_notes (
        id BIGINT PRIMARY KEY NOT NULL,
        user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        note TEXT NOT NULL)";
    [migration(up, "DROP TABLE own_notes")]
}

/// A place for an SQLite source, with one for a target of each backend.
fn places() -> Vec<(Fixture, Fixture)> {
    let sqlite = || SqliteFixture::empty().fixture();
    let mut places = vec![(sqlite(), sqlite())];
    let other = Fixture::empty();
    if other.backend() == Backend::Postgres {
        places.push((sqlite(), other));
    }
    places
}

/// Finished databases of the application, each with a place for a target.
fn sources() -> Vec<(Fixture, DatabaseManager, Fixture)> {
    let finished = |(source, target): (Fixture, Fixture)| {
        let manager = manager_with(&source, &own());
        let _ = manager.initialize(&administrator()).expect("a database");
        (source, manager, target)
    };
    places().into_iter().map(finished).collect()
}

fn to(
    target: &Fixture,
    manager: &DatabaseManager,
    options: &TransferOptions,
) -> Result<TransferRecord> {
    transfer(manager, target.config().location(), options, &mut |_| ())
}

fn assert_moved(source: &Fixture, target: &Fixture) {
    let contents = |place: &Fixture| table_contents(&mut place.raw()).expect("the contents");
    assert_eq!(contents(target), contents(source));
    let health = manager_with(target, &own()).health_check();
    assert!(health.healthy, "{:?}", failed(&health));
    let notes = "SELECT count(*) || ' ' || coalesce(sum(id * user_id), 0) FROM own_notes";
    assert_eq!(target.text(notes), source.text(notes));
}

#[test]
fn an_empty_table_of_the_application_exists_in_the_target_too() {
    for (source, manager, target) in sources() {
        let record = to(&target, &manager, &TransferOptions::default()).expect("a transfer");
        assert!(record.report.left_behind.is_empty());
        assert_moved(&source, &target);
    }
}

#[test]
fn rows_of_the_application_are_transferred() {
    for (source, manager, target) in sources() {
        source.sql("INSERT INTO own_notes VALUES (1, 1, 'a note'), (7, 1, 'another')");
        let report = to(&target, &manager, &TransferOptions::default()).expect("a transfer").report;
        assert!(report.left_behind.is_empty());
        let own = report.tables.iter().find(|table| table.table == "own_notes").expect("its table");
        assert_eq!((own.source.rows, own.source), (2, own.target));
        assert_moved(&source, &target);
    }
}

#[test]
fn rows_of_other_tables_are_refused_before_a_target_is_created() {
    for (source, manager, target) in sources() {
        source.sql(BY_HAND);
        let refused = to(&target, &manager, &TransferOptions::default()).expect_err("it has a row");
        let TransferError::OtherTables { found } = refused else { panic!("{refused:?}") };
        assert_eq!(found, "by_hand (1 row)");
        target.assert_nothing_was_created();
    }
}

#[test]
fn rows_of_other_tables_are_skipped_if_that_is_asked_for() {
    for (source, manager, target) in sources() {
        source.sql(BY_HAND);
        let options = TransferOptions { leave_other_tables: true, ..TransferOptions::default() };
        let report = to(&target, &manager, &options).expect("a transfer").report;
        assert_eq!(report.left_behind.into_iter().collect::<Vec<_>>(), [("by_hand".into(), 1)]);
        assert_moved(&source, &target);
    }
}

#[test]
fn a_new_target_is_removed_if_the_transfer_is_refused_once_it_exists() {
    for (source, target) in places() {
        // The source lacks the application's migration, which is only seen beside the target's.
        let _ = source.manager().initialize(&administrator()).expect("a database");
        let manager = manager_with(&source, &own());
        let refused = to(&target, &manager, &TransferOptions::default()).expect_err("it lacks one");
        assert!(matches!(refused, TransferError::OtherMigrations { .. }), "{refused:?}");
        target.assert_nothing_was_created();
    }
}

#[test]
fn a_target_that_existed_is_never_removed() {
    let file = SqliteFixture::empty();
    std::fs::write(file.path(), "").expect("a file");
    for target in [file.fixture(), Fixture::blank()] {
        let source = SqliteFixture::created();
        let manager = manager_with(&source, &own());
        let refused = to(&target, &manager, &TransferOptions::default()).expect_err("it lacks one");
        assert!(matches!(refused, TransferError::OtherMigrations { .. }), "{refused:?}");
        assert_eq!(target.text("SELECT count(*) FROM own_notes"), "0");
    }
}

/// A source of which this table's first row cannot be read.
fn unreadable(source: &Fixture, table: &str, column: &str) -> DatabaseManager {
    let manager = manager_with(source, &own());
    let _ = manager.initialize(&administrator()).expect("a database");
    manager.rollback(&zenith_db::manager::RollbackTarget::Version("0".into())).expect("no tables");
    manager.migrate().expect("tables without rows");
    source.sql(FILLED);
    source.sql(&format!("UPDATE {table} SET {column} = CAST(x'61ff62' AS TEXT) WHERE id = 1"));
    manager
}

#[test]
fn a_new_target_is_removed_only_if_nothing_was_copied_to_it() {
    for (source, target) in places() {
        let manager = unreadable(&source, "api_keys", "name");
        let refused = to(&target, &manager, &TransferOptions::default()).expect_err("no text");
        assert!(matches!(refused, TransferError::Table { table: "api_keys", .. }), "{refused:?}");
        target.assert_nothing_was_created();
    }
    for (source, target) in places() {
        let manager = unreadable(&source, "notifications", "message");
        let refused = to(&target, &manager, &TransferOptions::default()).expect_err("no text");
        let TransferError::Table { table, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(table, "notifications");
        source.sql("UPDATE notifications SET message = 'text' WHERE id = 1");
        let report = to(&target, &manager, &RESUME).expect("a transfer").report;
        assert!(report.resumed_rows > 0, "{report:?}");
    }
}

#[test]
fn a_table_of_the_application_does_not_keep_a_table_from_being_copied_again() {
    for (source, manager, target) in sources() {
        let (mut from, mut into) = (source.raw(), {
            zenith_db::internal::connection::create(&target.config()).expect("a place");
            manager_with(&target, &own()).migrate().expect("a target");
            target.raw()
        });
        let options = TransferOptions { migrations: manager.migrations(), ..RESUME };
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            transfer_between(&mut from, &mut into, &options, &mut |progress| {
                assert_ne!(progress.phase, zenith_db_transfer::TransferPhase::Proving, "stopped");
            })
        }));
        assert!(stopped.is_err(), "it was not stopped");
        source.sql("UPDATE users SET full_name = 'another' WHERE id = 1");
        transfer_between(&mut from, &mut into, &options, &mut |_| ()).expect("a transfer");
        assert_moved(&source, &target);
    }
}

#[test]
fn a_table_of_the_application_with_the_name_of_the_record_is_refused_clearly() {
    let up = "CREATE TABLE zenith_transfer (id BIGINT PRIMARY KEY NOT NULL, note TEXT)";
    for (source, target) in places() {
        let own = [migration(up, "DROP TABLE zenith_transfer")];
        let manager = manager_with(&source, &own);
        let _ = manager.initialize(&administrator()).expect("a database");
        let refused = to(&target, &manager, &TransferOptions::default()).expect_err("a name");
        assert!(matches!(refused, TransferError::TableOfTheApplication), "{refused}");
        target.assert_nothing_was_created();
        // It does not pass for the target of a transfer either.
        source.sql("INSERT INTO zenith_transfer (id) VALUES (1)");
        assert!(manager.health_check().healthy);
        let refused = to(&target, &manager, &TransferOptions::default()).expect_err("rows");
        assert!(matches!(refused, TransferError::TableOfTheApplication), "{refused}");
    }
}
