//! The command, subcommand by subcommand, through the real binary: text, JSON and exit codes.

use zenith_db::migrations::{all, latest};

use crate::support::command::{assert_unchanged, json, run_with_input};
use crate::support::{Fixture, SqliteFixture, bare_zenith, rows, run, stderr, stdout};

/// The subcommands that need a database, with what they must be given.
const NEED_A_DATABASE: [&[&str]; 7] = [
    &["migrate"],
    &["rollback", "--yes"],
    &["seed"],
    &["health-check"],
    &["health"],
    &["status"],
    &["backup"],
];

#[test]
fn create_and_its_alias_make_a_healthy_seeded_database_and_say_so() {
    for name in ["create", "init"] {
        let fixture = Fixture::empty();
        let output = run(fixture.zenith().arg(name), 0);
        let said = stdout(&output);
        assert!(said.contains(&format!("created {}", fixture.config().location())), "{said}");
        assert!(said.contains("5 roles, 18 permissions, 12 grants, 10 settings"), "{said}");
        let healthy = fixture.either("healthy: 16 of 16 checks", "healthy: 24 of 24 checks");
        assert!(said.contains(healthy), "{said}");
        assert_eq!(fixture.text("SELECT count(*) FROM roles"), "5");

        let fixture = Fixture::empty();
        let report = json(&run(fixture.zenith().args([name, "--format", "json"]), 0));
        assert_eq!(report["status"], "created");
        assert_eq!(report["phase"], "complete");
        assert_eq!(report["details"]["health"]["all_checks_passed"], true);
        assert_eq!(report["details"]["migrations"].as_array().map(Vec::len), Some(all().len()));
    }
}

#[test]
fn an_empty_database_is_filled_and_seeded_like_a_missing_one() {
    let fixture = Fixture::blank();
    run(fixture.zenith().arg("create"), 0);
    assert_eq!(fixture.text("SELECT count(*) FROM system_settings"), "10");
}

#[test]
fn a_missing_database_is_exit_code_4_and_is_not_created() {
    for arguments in NEED_A_DATABASE {
        let fixture = Fixture::empty();
        let output = run(fixture.zenith().args(arguments), 4);
        let said = stdout(&output) + &stderr(&output);
        assert!(said.contains("there is no database"), "{arguments:?}: {said}");
        let output = run(fixture.zenith().args(arguments).args(["--format", "json"]), 4);
        json(&output);
        fixture.assert_nothing_was_created();
    }
}

#[test]
fn migrate_applies_what_is_pending_and_then_has_nothing_to_do() {
    let fixture = Fixture::created();
    run(fixture.zenith().args(["rollback", "--steps", "2", "--yes", "--no-backup"]), 0);
    let report = json(&run(fixture.zenith().args(["migrate", "--format", "json"]), 0));
    let steps = report["steps"].as_array().expect("the steps");
    assert_eq!(steps.len(), 2);
    assert!(steps.iter().all(|step| step["direction"] == "applied"), "{steps:?}");
    assert!(report["backup"]["path"].is_string(), "{report}");

    run(fixture.zenith().args(["rollback", "--yes", "--no-backup"]), 0);
    let said = stdout(&run(fixture.zenith().args(["migrate", "--no-backup"]), 0));
    let last = all()[all().len() - 1].name();
    assert!(said.contains("applied") && said.contains(last), "{said}");
    let before = fixture.everything();
    let said = stdout(&run(fixture.zenith().arg("migrate"), 0));
    assert!(said.contains("nothing to do"), "{said}");
    assert_unchanged(&before, &fixture.everything());
}

#[test]
fn rollback_goes_back_by_steps_or_to_a_version() {
    let fixture = Fixture::created();
    let versions = fixture.manager().status().expect("a status").applied_migrations;
    let back = |arguments: &[&str]| {
        let mut command = fixture.zenith();
        command.args(["rollback", "--yes", "--no-backup", "--format", "json"]).args(arguments);
        json(&run(&mut command, 0))["version"].clone()
    };
    let last = versions.len() - 1;
    assert_eq!(back(&[]), versions[last - 1].as_str());
    assert_eq!(back(&["--steps", "2"]), versions[last - 3].as_str());
    assert_eq!(back(&["--to", &versions[1]]), versions[1].as_str());
    assert_eq!(back(&["--to", "0"]), serde_json::Value::Null);
    assert!(!rows::has_table(&mut fixture.raw(), "users"));

    let said = stdout(&run(fixture.zenith().args(["migrate", "--no-backup"]), 0));
    assert_eq!(said.matches("applied  ").count(), versions.len(), "{said}");
    let said = stdout(&run(fixture.zenith().args(["rollback", "--yes", "--no-backup"]), 0));
    assert!(said.contains("reverted") && said.contains(all()[last].name()), "{said}");
}

#[test]
fn rollback_to_what_is_not_there_changes_nothing() {
    let fixture = Fixture::created();
    let before = fixture.everything();
    let output = run(fixture.zenith().args(["rollback", "--to", "19990101000000", "--yes"]), 2);
    assert!(stderr(&output).contains("no migration has the version 19990101000000"), "{output:?}");
    run(fixture.zenith().args(["rollback", "--to", "0", "--steps", "1", "--yes"]), 2);
    run(fixture.zenith().args(["rollback", "--steps", "many", "--yes"]), 2);
    let output = run(fixture.zenith().args(["rollback", "--steps", "0", "--yes"]), 2);
    assert!(stderr(&output).contains('0'), "{output:?}");
    assert_unchanged(&before, &fixture.everything());
}

#[test]
fn seed_writes_what_is_missing_and_never_what_somebody_changed() {
    let fixture = Fixture::created();
    fixture.sql(
        "UPDATE system_settings SET value = '9' WHERE key = 'MAX_LOGIN_ATTEMPTS';
         DELETE FROM system_settings WHERE key = 'SESSION_TIMEOUT';",
    );
    let report = json(&run(fixture.zenith().args(["seed", "--format", "json"]), 0));
    assert_eq!((&report["settings"], &report["roles"]), (&1.into(), &0.into()));
    let attempts = "SELECT value FROM system_settings WHERE key = 'MAX_LOGIN_ATTEMPTS'";
    assert_eq!(fixture.text(attempts), "9");
    let said = stdout(&run(fixture.zenith().arg("seed"), 0));
    assert!(said.contains("nothing was changed"), "{said}");
}

#[test]
fn setup_counts_as_done_only_once_there_is_an_administrator() {
    let fixture = Fixture::created();
    let first = "SELECT value FROM system_settings WHERE key = 'FIRST_SETUP'";
    fixture.sql("DELETE FROM users; DELETE FROM system_settings;");
    run(fixture.zenith().arg("seed"), 0);
    assert_eq!(fixture.text(first), "true");
    run(fixture.zenith().arg("create"), 0);
    assert_eq!(fixture.text(first), "false");
}

#[test]
fn an_operation_that_fails_is_exit_code_1_and_changes_nothing() {
    let fixture = Fixture::created();
    run(fixture.zenith().args(["rollback", "--yes", "--no-backup"]), 0);
    let before = fixture.everything();
    let output = run(fixture.zenith().args(["seed", "--format", "json"]), 1);
    let error = json(&output);
    assert_eq!(error["exit_code"], 1);
    assert!(error["error"].as_str().is_some_and(|text| text.contains("pending")), "{error}");
    assert!(stderr(&output).contains("zenith-db migrate"), "{}", stderr(&output));
    assert_unchanged(&before, &fixture.everything());
}

#[test]
fn a_database_of_another_program_is_refused_and_not_changed() {
    let fixture = Fixture::blank();
    fixture.sql("CREATE TABLE recipes (id INTEGER PRIMARY KEY, name TEXT)");
    let before = fixture.everything();
    for name in ["create", "migrate", "seed"] {
        let output = fixture.zenith().arg(name).output().expect("it starts");
        assert!(matches!(output.status.code(), Some(1 | 2)), "{name}: {output:?}");
        // Not a byte: the journal mode is its owner's as well.
        assert_unchanged(&before, &fixture.everything());
    }
    let output = run(fixture.zenith().arg("create"), 2);
    assert!(stderr(&output).contains("another program"), "{}", stderr(&output));
}

#[test]
fn ensure_never_adds_tables_to_a_database_of_another_program() {
    let fixture = Fixture::blank();
    fixture.sql("CREATE TABLE recipes (id INTEGER PRIMARY KEY, name TEXT)");
    let output = fixture.zenith().arg("ensure").output().expect("it starts");
    assert_ne!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(rows::tables(&mut fixture.raw()), ["recipes"]);
}

#[test]
fn health_check_and_its_alias_list_every_check() {
    let fixture = Fixture::created();
    for name in ["health-check", "health"] {
        let said = stdout(&run(fixture.zenith().arg(name), 0));
        let report = json(&run(fixture.zenith().args([name, "--format", "json"]), 0));
        assert_eq!(
            (&report["healthy"], &report["all_checks_passed"]),
            (&true.into(), &true.into())
        );
        let checks = report["checks"].as_array().expect("the checks");
        assert_eq!(checks.len(), fixture.either(16, 24));
        for check in checks {
            assert!(said.contains(check["name"].as_str().expect("a name")), "{said}");
            assert_eq!(check["passed"], true, "{check}");
            assert!(check["critical"].is_boolean() && check["details"].is_string(), "{check}");
        }
    }
}

#[test]
fn a_dropped_table_or_a_broken_reference_is_unhealthy_and_exit_code_3() {
    let orphan = "INSERT INTO role_permissions (role_id, permission_id) VALUES (999, 1)";
    let unguarded = "ALTER TABLE role_permissions DISABLE TRIGGER ALL";
    let broken = Fixture::empty().either(orphan, unguarded);
    for (damage, check) in [
        ("DROP TABLE user_sessions", "Required Tables"),
        ("DROP TABLE api_keys", "Required Tables"),
        ("DROP TABLE notifications", "Required Tables"),
        (broken, "Foreign Key Violations"),
    ] {
        let fixture = Fixture::created();
        fixture.sql(damage);
        let report = json(&run(fixture.zenith().args(["health", "--format", "json"]), 3));
        assert_eq!(report["healthy"], false, "{damage}");
        let mut checks = report["checks"].as_array().expect("the checks").iter();
        assert!(checks.any(|found| found["name"] == check && found["passed"] == false), "{damage}");
        let said = stdout(&run(fixture.zenith().arg("health"), 3));
        assert!(said.contains("FAILED") && said.contains("UNHEALTHY"), "{said}");
    }
}

#[test]
fn create_on_a_database_with_tables_missing_is_never_reported_healthy() {
    let fixture = Fixture::created();
    fixture.sql(
        "DROP TABLE document_chunks; DROP TABLE notifications; DROP TABLE api_keys;
         DROP TABLE system_metrics; DROP TABLE user_preferences;",
    );
    let report = json(&run(fixture.zenith().args(["create", "--format", "json"]), 3));
    assert_eq!(report["phase"], "verification");
    assert_eq!(report["details"]["health"]["healthy"], false);
}

#[test]
fn status_tells_what_the_database_holds() {
    let fixture = Fixture::created();
    let report = json(&run(fixture.zenith().args(["status", "--format", "json"]), 0));
    assert_eq!(report["database_path"], fixture.config().location().to_string());
    assert_eq!(report["table_count"], 21);
    assert_eq!(report["record_counts"].as_object().map(serde_json::Map::len), Some(21));
    assert_eq!(report["record_counts"]["users"], 1);
    assert_eq!(report["schema_version"], latest());
    assert_eq!(report["pending_migrations"].as_array().map(Vec::len), Some(0));
    assert_eq!(report["last_backup"], serde_json::Value::Null);
    assert_eq!(report["pool"]["max_connections"], 10);
    assert!(report["database_size_mb"].as_f64().is_some_and(|size| size > 0.1), "{report}");
    let said = stdout(&run(fixture.zenith().arg("status"), 0));
    for part in [&*latest(), "permissions", "18", "21 tables", "last backup    none"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn backup_makes_a_private_copy_with_every_row_and_status_shows_it() {
    let fixture = Fixture::created();
    let report = json(&run(fixture.zenith().args(["backup", "--format", "json"]), 0));
    let path = report["path"].as_str().expect("a path");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).expect("the backup").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let copy = fixture.restored(path.as_ref());
    assert_eq!(copy.text("SELECT count(*) FROM permissions"), "18");
    assert_eq!(copy.text("SELECT username FROM users"), "admin");
    let status = json(&run(fixture.zenith().args(["status", "--format", "json"]), 0));
    assert_eq!(status["last_backup"]["path"], path);
    let said = stdout(&run(fixture.zenith().arg("backup"), 0));
    assert!(said.contains("verified"), "{said}");
}

#[test]
fn status_never_shows_the_backup_of_another_database() {
    let (one, other) = (Fixture::created(), Fixture::created());
    let shared = one.directory.path().join("shared");
    run(one.zenith().arg("backup").arg("--backup-dir").arg(&shared), 0);
    let mut command = other.zenith();
    command.args(["status", "--format", "json"]).arg("--backup-dir").arg(&shared);
    assert_eq!(json(&run(&mut command, 0))["last_backup"], serde_json::Value::Null);
}

#[test]
fn ensure_creates_migrates_or_leaves_alone_and_reports_what_it_cannot_mend() {
    let fixture = Fixture::empty();
    let said = stdout(&run(fixture.zenith().arg("ensure"), 0));
    assert!(said.contains("created") && said.contains("healthy"), "{said}");
    let other = Fixture::empty();
    let report = json(&run(other.zenith().args(["ensure", "--format", "json"]), 0));
    assert_eq!(report["health"]["all_checks_passed"], true);
    assert_eq!(report["migrations"].as_array().map(Vec::len), Some(all().len()));

    let before = fixture.everything();
    let report = json(&run(fixture.zenith().args(["ensure", "--format", "json"]), 0));
    assert_eq!(report["health"]["healthy"], true);
    assert_unchanged(&before, &fixture.everything());

    run(fixture.zenith().args(["rollback", "--steps", "2", "--yes", "--no-backup"]), 0);
    let report = json(&run(fixture.zenith().args(["ensure", "--format", "json"]), 0));
    assert_eq!(report["migrations"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["health"]["all_checks_passed"], true);
    let files = fixture.either(["backups", "logs", "zenith.db"].as_slice(), &["backups"]);
    assert_eq!(fixture.files(), files);

    fixture.sql("DROP TABLE notifications");
    let said = stdout(&run(fixture.zenith().arg("ensure"), 3));
    assert!(said.contains("notifications") && said.contains("UNHEALTHY"), "{said}");
}

#[test]
fn ensure_reports_a_file_that_is_no_database() {
    let fixture = SqliteFixture::empty();
    std::fs::write(fixture.path(), "not a database at all").expect("a file");
    let report = json(&run(fixture.zenith().args(["ensure", "--format", "json"]), 2));
    assert_eq!(report["health"]["healthy"], false);
}

#[test]
fn reading_commands_change_nothing() {
    let fixture = Fixture::created();
    let before = fixture.everything();
    for name in ["status", "health-check", "config"] {
        run(fixture.zenith().arg(name), 0);
    }
    assert_unchanged(&before, &fixture.everything());
}

#[test]
fn help_documents_the_subcommands_the_exit_codes_and_examples() {
    let fixture = Fixture::empty();
    let help = stdout(&run(bare_zenith(fixture.directory.path()).arg("--help"), 0));
    for name in
        ["create", "migrate", "rollback", "seed", "health-check", "status", "backup", "config"]
    {
        assert!(help.contains(&format!("\n  {name} ")), "{name}: {help}");
        let own = stdout(&run(bare_zenith(fixture.directory.path()).args([name, "--help"]), 0));
        assert!(own.contains(&format!("Usage: zenith-db {name}")), "{own}");
    }
    for part in ["Examples:", "Exit codes:", "\n  0  ", "\n  1  ", "\n  2  ", "\n  3  ", "\n  4  "]
    {
        assert!(help.contains(part), "{part:?}: {help}");
    }
    for part in ["[alias: init]", "[alias: health]", "  ensure", "ZENITH_ADMIN_PASSWORD"] {
        assert!(help.contains(part), "{part:?}: {help}");
    }
    let version = stdout(&run(bare_zenith(fixture.directory.path()).arg("--version"), 0));
    assert_eq!(version, format!("zenith-db {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_it_does_not_know_is_exit_code_2_and_does_nothing() {
    let fixture = Fixture::empty();
    for arguments in [&["conjure"][..], &[], &["create", "--conjure"], &["create", "--format", "x"]]
    {
        let output = run(fixture.zenith().args(arguments), 2);
        assert!(stderr(&output).contains("Usage") || stderr(&output).contains("--help"));
        assert_eq!(stdout(&output), "");
    }
    run_with_input(fixture.zenith().args(["create", "extra"]), "", 2);
    assert_eq!(fixture.files(), Vec::<String>::new());
}
