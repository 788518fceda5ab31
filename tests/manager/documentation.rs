//! The manager: creating, and doing it again.

use crate::support::command::assert_unchanged;
use crate::support::{Fixture, administrator, failed};
use zenith_db::manager::{AdministratorOutcome, SetupStatus};

#[test]
fn a_fresh_database_has_every_table_its_seeds_an_administrator_and_is_healthy() {
    let fixture = Fixture::empty();
    let report = fixture.manager().initialize(&administrator()).expect("a database");
    assert_eq!(report.status, SetupStatus::Created);
    assert_eq!(failed(&report.details.health), Vec::<&str>::new());
    let status = fixture.manager().status().expect("a status");
    assert_eq!(status.table_count, 21);
    for (table, rows) in
        [("roles", 5), ("permissions", 18), ("role_permissions", 12), ("system_settings", 10)]
    {
        assert_eq!(status.record_counts[table], rows, "{table}");
    }
}

#[test]
fn creating_again_changes_nothing_and_says_so() {
    let fixture = Fixture::created();
    let before = fixture.everything();
    let report = fixture.manager().initialize(&administrator()).expect("no error");
    assert_eq!(report.status, SetupStatus::Unchanged);
    assert_eq!(report.details.administrator.outcome, AdministratorOutcome::Existed);
    assert_unchanged(&before, &fixture.everything());
}
