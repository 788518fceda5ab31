//! Eight processes at once on one database: all succeed, and the result is as if one had run.

use crate::support::command::{at_once, json};
use crate::support::rows::assert_no_duplicates;
use crate::support::{Fixture, run};

const PROCESSES: usize = 8;

#[test]
fn eight_processes_that_create_one_database_at_once_all_succeed_and_make_one_administrator() {
    // A server starts each connection slowly.
    for round in 0..Fixture::empty().either(20, 5) {
        let fixture = Fixture::empty();
        let outputs = at_once((0..PROCESSES).map(|_| {
            let mut command = fixture.zenith();
            command.args(["create", "--format", "json"]);
            command
        }));
        let reports: Vec<_> = outputs.iter().map(json).collect();
        let account =
            |report: &serde_json::Value| report["details"]["administrator"]["outcome"].clone();
        let created = reports.iter().filter(|report| account(report) == "created").count();
        let existed = reports.iter().filter(|report| account(report) == "existed").count();
        assert_eq!((created, existed), (1, PROCESSES - 1), "round {round}");
        // Only the one that made the account knows a password that works.
        let shown = |report: &&serde_json::Value| {
            report["details"]["administrator"]["generated_password"].is_string()
        };
        let showing: Vec<_> = reports.iter().filter(shown).collect();
        assert_eq!(showing.len(), 1, "round {round}");
        assert_eq!(account(showing[0]), "created", "round {round}");
        let migrated = |report: &&serde_json::Value| {
            report["details"]["migrations"].as_array().is_some_and(|steps| !steps.is_empty())
        };
        assert_eq!(reports.iter().filter(migrated).count(), 1, "round {round}");

        assert_eq!(fixture.text("SELECT count(*) FROM users"), "1", "round {round}");
        assert_eq!(fixture.text("SELECT count(*) FROM roles"), "5");
        assert_eq!(fixture.text("SELECT count(*) FROM permissions"), "18");
        assert_eq!(fixture.text("SELECT count(*) FROM role_permissions"), "12");
        assert_eq!(fixture.text("SELECT count(*) FROM system_settings"), "10");
        assert_no_duplicates(&fixture);
        let health = run(fixture.zenith().args(["health-check", "--format", "json"]), 0);
        assert_eq!(json(&health)["all_checks_passed"], true, "round {round}");
    }
}
