//! Eight processes at once on one database: all succeed, and the result is as if one had run.

use std::process::{Command, Output, Stdio};

use crate::support::command::json;
use crate::support::{Fixture, run};

const PROCESSES: usize = 8;

/// Starts all of them before it waits for any; each must succeed.
fn at_once(command: impl Fn() -> Command) -> Vec<Output> {
    let start = |mut command: Command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let children: Vec<_> = (0..PROCESSES).map(|_| start(command())).collect();
    let outputs: Vec<Output> =
        children.into_iter().map(|child| child.wait_with_output().expect("it ends")).collect();
    for output in &outputs {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    outputs
}

/// No two rows may say the same, whatever a unique index would allow.
fn assert_no_duplicates(fixture: &Fixture) {
    for (table, columns) in [
        ("roles", "name"),
        ("permissions", "name"),
        ("permissions", "resource || ':' || action"),
        ("role_permissions", "role_id || ':' || permission_id"),
        ("system_settings", "key"),
        ("schema_version", "version"),
        ("schema_version", "description"),
        ("__diesel_schema_migrations", "version"),
        ("users", "username"),
    ] {
        let rows = fixture.text(&format!("SELECT count(*) FROM {table}"));
        let different = fixture.text(&format!("SELECT count(DISTINCT {columns}) FROM {table}"));
        assert_eq!(rows, different, "{table}: {columns}");
    }
}

#[test]
fn eight_processes_that_create_one_database_at_once_all_succeed_and_make_one_administrator() {
    for round in 0..20 {
        let fixture = Fixture::empty();
        let outputs = at_once(|| {
            let mut command = fixture.zenith();
            command.args(["create", "--format", "json"]);
            command
        });
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

#[test]
fn eight_processes_that_migrate_at_once_all_succeed_and_apply_each_migration_once() {
    let fixture = Fixture::created();
    let applied = fixture.manager().status().expect("a status").applied_migrations;
    let first = &applied[0];
    for switch in ["--no-backup", "--backup"] {
        run(fixture.zenith().args(["rollback", "--to", first, "--yes", "--no-backup"]), 0);
        let outputs = at_once(|| {
            let mut command = fixture.zenith();
            command.args(["migrate", "--format", "json", switch]);
            command
        });
        let steps: usize = outputs
            .iter()
            .map(|output| json(output)["steps"].as_array().expect("the steps").len())
            .sum();
        assert_eq!(steps, applied.len() - 1, "{switch}");
        for output in &outputs {
            assert_eq!(json(output)["version"].as_str(), applied.last().map(String::as_str));
        }
        assert_no_duplicates(&fixture);
        let status = fixture.manager().status().expect("a status");
        assert_eq!(status.applied_migrations, applied);
    }
    // The last migrations made the tables of the seeds anew, without rows.
    run(fixture.zenith().arg("seed"), 0);
    run(fixture.zenith().arg("health-check"), 0);
}
