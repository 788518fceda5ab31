//! `ensure`: it adds everything that is missing, changes nothing the second time, and names one command
//! for what it cannot do.

use std::collections::BTreeSet;

use zenith_db::migrations::all;

use crate::support::command::{assert_unchanged, json};
use crate::support::{Fixture, SqliteFixture, bare_zenith, run, stdout};

fn zenith(fixture: &Fixture, arguments: &[&str], exit: i32) -> serde_json::Value {
    json(&run(fixture.zenith().args(arguments).args(["--format", "json"]), exit))
}

/// A second `ensure` has nothing to set up, and changes not one byte and not one row.
fn assert_complete(fixture: &Fixture) {
    let before = fixture.everything();
    let report = zenith(fixture, &["ensure"], 0);
    assert_eq!(report["setup"], serde_json::Value::Null);
    assert_eq!(report["migrations"].as_array().map(Vec::len), Some(0));
    assert_eq!(report["health"]["healthy"], true);
    assert_unchanged(&before, &fixture.everything());
}

/// The tables that Diesel's CLI makes, and nothing else.
fn only_set_up_by_diesel() -> Fixture {
    let fixture = Fixture::blank();
    fixture.sql(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL,
             run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
    );
    fixture
}

#[test]
fn after_a_rollback_to_nothing_and_migrating_again_it_writes_seeds_and_administrator() {
    let fixture = Fixture::created();
    run(fixture.zenith().args(["rollback", "--to", "0", "--yes", "--no-backup"]), 0);
    run(fixture.zenith().args(["migrate", "--no-backup"]), 0);
    let report = zenith(&fixture, &["ensure"], 0);
    assert_eq!(report["setup"]["status"], "updated");
    assert_eq!(report["setup"]["details"]["seeded"]["roles"], 5);
    assert_eq!(report["health"]["all_checks_passed"], true);
    let administrator = &report["setup"]["details"]["administrator"];
    assert_eq!(administrator["outcome"], "created");
    // As `create` does: a generated password is shown once.
    assert!(administrator["generated_password"].is_string(), "{report}");
    assert_eq!(fixture.text("SELECT count(*) FROM system_settings"), "10");
    assert_complete(&fixture);
}

#[test]
fn where_the_migrations_are_pending_as_well_it_does_all_of_it() {
    let fixture = Fixture::created();
    run(fixture.zenith().args(["rollback", "--to", "0", "--yes", "--no-backup"]), 0);
    let flags = ["ensure", "--no-backup", "--admin-user", "root"];
    let report = zenith(&fixture, &flags, 0);
    assert_eq!(report["migrations"].as_array().map(Vec::len), Some(all().len()));
    assert_eq!(report["health"]["all_checks_passed"], true);
    assert_eq!(fixture.text("SELECT username FROM users"), "root");
    assert_complete(&fixture);
}

#[test]
fn a_database_that_the_diesel_cli_set_up_is_filled() {
    let fixture = only_set_up_by_diesel();
    let report = zenith(&fixture, &["ensure"], 0);
    assert_eq!(report["health"]["healthy"], true);
    assert_eq!(report["migrations"].as_array().map(Vec::len), Some(all().len()));
    assert_eq!(fixture.text("SELECT count(*) FROM users"), "1");
    assert_complete(&fixture);
}

#[test]
fn what_the_diesel_cli_ran_is_recorded() {
    let fixture = Fixture::created();
    fixture.sql("DELETE FROM schema_version WHERE id = 1");
    run(fixture.zenith().arg("health-check"), 3);
    zenith(&fixture, &["ensure"], 0);
    assert_eq!(fixture.text("SELECT count(*) FROM schema_version"), all().len().to_string());
    assert_complete(&fixture);
}

#[test]
fn missing_seeds_are_written_and_changed_ones_are_kept() {
    let fixture = Fixture::created();
    fixture.sql(
        "DELETE FROM system_settings WHERE key = 'SESSION_TIMEOUT';
         UPDATE system_settings SET value = '9' WHERE key = 'MAX_LOGIN_ATTEMPTS'",
    );
    let report = zenith(&fixture, &["ensure"], 0);
    assert_eq!(report["setup"]["details"]["seeded"]["settings"], 1);
    let attempts = "SELECT value FROM system_settings WHERE key = 'MAX_LOGIN_ATTEMPTS'";
    assert_eq!(fixture.text(attempts), "9");
    assert_complete(&fixture);
}

#[test]
fn an_administrator_is_created_only_where_there_is_none() {
    let fixture = Fixture::created();
    fixture.sql("UPDATE users SET is_active = FALSE");
    // The name belongs to the deactivated account, which is left alone: that is a warning.
    let before = fixture.everything();
    let said = stdout(&run(fixture.zenith().arg("ensure"), 0));
    assert!(said.contains("no administrator") && said.contains("--admin-user"), "{said}");
    assert_unchanged(&before, &fixture.everything());
    // Nor does the health check advise what was just in vain.
    let advice = "`zenith-db ensure --admin-user NAME --admin-email EMAIL`";
    assert!(stdout(&run(fixture.zenith().arg("health-check"), 0)).contains(advice));

    let flags = ["ensure", "--admin-user", "second", "--admin-email", "second@zenith.local"];
    let report = zenith(&fixture, &flags, 0);
    assert_eq!(report["setup"]["details"]["administrator"]["outcome"], "created");
    assert_eq!(report["health"]["all_checks_passed"], true);
    assert_complete(&fixture);
}

#[test]
fn each_failed_check_of_what_it_can_do_names_it_and_no_other_command() {
    let rolled_back = Fixture::created();
    run(rolled_back.zenith().args(["rollback", "--to", "0", "--yes", "--no-backup"]), 0);
    let unseeded = Fixture::created();
    unseeded.sql("DELETE FROM users; DELETE FROM system_settings");
    let unrecorded = Fixture::created();
    unrecorded.sql("DELETE FROM schema_version WHERE id = 1");
    for fixture in [only_set_up_by_diesel(), rolled_back, unseeded, unrecorded] {
        let report = zenith(&fixture, &["health-check"], 3);
        let mut commands = BTreeSet::new();
        let checks = report["checks"].as_array().expect("the checks");
        for check in checks.iter().filter(|check| check["passed"] == false) {
            let details = check["details"].as_str().expect("a text");
            assert!(!details.contains("no such table"), "{check}");
            commands.extend(details.split('`').skip(1).step_by(2).map(str::to_owned));
        }
        assert_eq!(commands, BTreeSet::from(["zenith-db ensure".to_owned()]), "{report:#}");
        zenith(&fixture, &["ensure"], 0);
    }
}

#[test]
fn a_stopped_transfer_is_reported_and_nothing_is_added() {
    let fixture = Fixture::created();
    fixture.sql(
        "CREATE TABLE zenith_transfer (id INTEGER, run TEXT, state TEXT);
         INSERT INTO zenith_transfer (id) VALUES (1);
         DELETE FROM users",
    );
    let before = fixture.everything();
    let said = stdout(&run(fixture.zenith().arg("ensure"), 3));
    assert!(said.contains("`zenith-db transfer --to … --resume`"), "{said}");
    assert_unchanged(&before, &fixture.everything());
}

#[test]
fn damage_is_reported_with_one_way_out() {
    let fixture = SqliteFixture::created();
    fixture.sql("DROP TABLE notifications");
    let said = stdout(&run(fixture.zenith().arg("ensure"), 3));
    assert!(said.contains("restore a backup (`zenith-db restore --latest`)"), "{said}");
    assert_eq!(said.matches('`').count(), 2, "{said}");
    run(bare_zenith(fixture.directory.path()).args(["ensure", "--help"]), 0);
}
