//! An application's own migrations belong to both sides of a transfer.

use zenith_db::config::Location;
use zenith_db_transfer::{TransferError, TransferOptions, transfer};

use crate::support::SqliteFixture;
use crate::support::own_migrations::{manager_with, migration};

#[test]
fn a_database_with_own_migrations_is_moved_and_rows_of_own_tables_stop_it_before_there_is_a_target()
{
    let own = [migration("CREATE TABLE own (id BIGINT PRIMARY KEY);", "DROP TABLE own;")];
    let fixture = SqliteFixture::created().fixture();
    let manager = manager_with(&fixture, &own);
    manager.migrate().expect("migrated");

    let place = fixture.directory.path().join("target.db");
    let to = Location::from_flag("--to", place.to_str().expect("UTF-8")).expect("a location");
    let options = TransferOptions::default();
    fixture.sql("INSERT INTO own (id) VALUES (1)");
    let refused = transfer(&manager, &to, &options, &mut |_| ()).expect_err("own rows stay behind");
    assert!(
        matches!(&refused, TransferError::OtherTables { found } if found.contains("own (1 row)"))
    );
    assert!(!place.exists(), "a refused transfer left a target behind");

    fixture.sql("DELETE FROM own");
    transfer(&manager, &to, &options, &mut |_| ()).expect("moved");
    let target = manager.for_config(manager.config().at(to));
    let health = target.health_check();
    assert!(health.healthy, "{:?}", health.failures().collect::<Vec<_>>());
}
