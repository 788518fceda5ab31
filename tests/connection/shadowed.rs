//! Tables and views that have the names of SQLite's own: a name in the file takes precedence over the
//! table-valued functions with which the program reads the schema and checks the pages.

use zenith_db::Error;
use zenith_db::manager::RollbackTarget;
use zenith_db_transfer::{TransferOptions, transfer};

use crate::support::{SqliteFixture, administrator, failed};

/// The functions that the program reads.
const NAMES: &[&str] = &[
    "dbstat",
    "json_each",
    "pragma_data_version",
    "pragma_database_list",
    "pragma_foreign_key_check",
    "pragma_foreign_key_list",
    "pragma_foreign_keys",
    "pragma_freelist_count",
    "pragma_index_info",
    "pragma_index_list",
    "pragma_integrity_check",
    "pragma_journal_mode",
    "pragma_page_count",
    "pragma_page_size",
    "pragma_quick_check",
    "pragma_synchronous",
    "pragma_table_info",
    "pragma_table_list",
    "pragma_table_xinfo",
];

/// What a file may say about itself.
const LIES: &str = r#"
    CREATE VIEW pragma_integrity_check AS SELECT 'ok' AS integrity_check;
    CREATE VIEW pragma_quick_check AS SELECT 'ok' AS quick_check;
    CREATE VIEW pragma_foreign_key_check AS
        SELECT '' AS "table", 1 AS rowid, '' AS parent, 0 AS fkid WHERE FALSE;"#;

#[test]
fn a_view_named_like_a_check_hides_no_damage() {
    let fixture = SqliteFixture::created();
    fixture.sql(LIES);
    fixture.manager().backup().expect("no damage yet");
    // Two tables then have the same pages.
    fixture.sql(
        "CREATE TABLE spare (a);
         CREATE TABLE other (a);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET rootpage =
             (SELECT rootpage FROM sqlite_schema WHERE name = 'spare') WHERE name = 'other';
         PRAGMA writable_schema = OFF",
    );
    let manager = fixture.manager();
    assert_eq!(failed(&manager.health_check()), ["Quick Integrity"]);
    let deep = manager.deep_health_check(&mut |_| ());
    assert_eq!(failed(&deep), ["Recent Drill", "Full Integrity"]);
    let backup = manager.backup();
    assert!(matches!(backup, Err(Error::IntegrityFaults { .. })), "{backup:?}");
    let rollback = manager.rollback(&RollbackTarget::Steps(1));
    assert!(matches!(rollback, Err(Error::IntegrityFaults { .. })), "{rollback:?}");
}

#[test]
fn a_view_named_like_a_check_hides_no_broken_reference() {
    let fixture = SqliteFixture::created();
    fixture.sql(LIES);
    fixture.sql(
        "PRAGMA foreign_keys = OFF;
         UPDATE role_permissions SET role_id = 777 WHERE rowid = 1",
    );
    let manager = fixture.manager();
    assert_eq!(failed(&manager.health_check()), ["Foreign Key Violations"]);
    manager.rollback(&RollbackTarget::Steps(1)).expect_err("a broken reference");
}

#[test]
fn tables_named_like_functions_of_sqlite_stop_nothing() {
    let fixture = SqliteFixture::created();
    for name in NAMES {
        fixture.sql(&format!("CREATE TABLE {name} (a); INSERT INTO {name} VALUES ('kept')"));
    }
    let manager = fixture.manager();
    assert_eq!(manager.status().expect("a status").record_counts["dbstat"], 1);
    assert_eq!(failed(&manager.deep_health_check(&mut |_| ())), ["Recent Backup", "Recent Drill"]);
    manager.backup().expect("a backup");
    manager.rollback(&RollbackTarget::Steps(1)).expect("a rollback");
    manager.migrate().expect("a migration");
    manager.seed().expect("seeds");
    for name in NAMES {
        assert_eq!(fixture.text(&format!("SELECT a FROM main.{name}")), "kept", "{name}");
    }
    let target = SqliteFixture::empty();
    let options = TransferOptions { leave_other_tables: true, ..TransferOptions::default() };
    transfer(&manager, target.config().location(), &options, &mut |_| ()).expect("a transfer");
    let _ = manager.recreate(&administrator()).expect("recreated");
    assert_eq!(failed(&manager.health_check()), Vec::<&str>::new());
}
