//! What destroys asks first, keeps a copy, and does what it says; what creates twice changes nothing.

use std::path::PathBuf;

use zenith_db::Backend;
use zenith_db::migrations::{all, latest};

use crate::support::command::{assert_unchanged, json, run_with_input, tree};
use crate::support::embedded::notifications;
use crate::support::{Fixture, SqliteFixture, backups_in, rows, run, stderr, stdout};

/// A finished database with what its users did to it.
fn used() -> Fixture {
    let fixture = Fixture::created();
    fixture.sql(
        "UPDATE system_settings SET value = '9' WHERE key = 'MAX_LOGIN_ATTEMPTS';
         INSERT INTO roles (name) VALUES ('auditor')",
    );
    // A schema on a server with a stranger's table is refused.
    if fixture.backend() == Backend::Sqlite {
        fixture.sql("CREATE TABLE notes_of_somebody AS SELECT 'kept' AS text");
    }
    fixture
}

/// Text of the table that no migration has created.
fn notes(fixture: &Fixture) -> String {
    match fixture.backend() {
        Backend::Sqlite => fixture.text("SELECT text FROM notes_of_somebody"),
        Backend::Postgres => "kept".to_owned(),
    }
}

const ATTEMPTS: &str = "SELECT value FROM system_settings WHERE key = 'MAX_LOGIN_ATTEMPTS'";
const AUDITORS: &str = "SELECT count(*) FROM roles WHERE name = 'auditor'";

fn backups(fixture: &Fixture) -> Vec<PathBuf> {
    let directory = fixture.backups();
    if !directory.exists() {
        return Vec::new();
    }
    backups_in(&directory).into_iter().map(|name| directory.join(name)).collect()
}

#[test]
fn creating_again_changes_not_one_byte_and_says_so() {
    let fixture = used();
    let before = fixture.everything();
    let said = stdout(&run(fixture.zenith().arg("create"), 0));
    assert!(said.contains("is up to date; nothing was changed"), "{said}");
    let report = json(&run(fixture.zenith().args(["create", "--format", "json"]), 0));
    assert_eq!(report["status"], "unchanged");
    assert_eq!(report["details"]["migrations"].as_array().map(Vec::len), Some(0));
    assert_eq!(report["details"]["backup"], serde_json::Value::Null);
    assert_unchanged(&before, &fixture.everything());
    assert_eq!(fixture.text(ATTEMPTS), "9");
}

#[test]
fn create_adds_what_a_database_lacks_after_a_backup() {
    let fixture = used();
    run(fixture.zenith().args(["rollback", "--yes", "--no-backup"]), 0);
    let report = json(&run(fixture.zenith().args(["create", "--format", "json"]), 0));
    assert_eq!(report["status"], "updated");
    assert_eq!(report["details"]["migrations"].as_array().map(Vec::len), Some(1));
    assert_eq!(backups(&fixture).len(), 1);
    assert_eq!(fixture.text(ATTEMPTS), "9");
    assert_eq!(notes(&fixture), "kept");
}

#[test]
fn force_without_a_terminal_needs_yes_and_changes_nothing_without_it() {
    let fixture = used();
    let before = fixture.everything();
    for answer in ["", "y\n", "yes\n"] {
        let mut command = fixture.zenith();
        let output = run_with_input(command.args(["create", "--force"]), answer, 2);
        assert!(stderr(&output).contains("--yes"), "{}", stderr(&output));
        assert!(stderr(&output).contains("after a backup"), "{}", stderr(&output));
        assert_unchanged(&before, &fixture.everything());
    }
    let output = run(fixture.zenith().args(["create", "--force", "--no-backup"]), 2);
    assert!(stderr(&output).contains("WITHOUT a backup"), "{}", stderr(&output));
    let output = run(fixture.zenith().args(["create", "--force", "--format", "json"]), 2);
    assert_eq!(json(&output)["exit_code"], 2);
    assert_unchanged(&before, &fixture.everything());
}

#[test]
fn force_backs_up_the_old_rows_and_really_makes_the_database_anew() {
    let fixture = used();
    let old_hash = fixture.text("SELECT password_hash FROM users");
    let mut command = fixture.zenith();
    command.args(["create", "--force", "--yes", "--format", "json", "--admin-password-stdin"]);
    let report = json(&run_with_input(&mut command, "another long password", 0));
    assert_eq!(report["status"], "recreated");
    assert_eq!(report["details"]["migrations"].as_array().map(Vec::len), Some(all().len()));
    assert_eq!(report["details"]["health"]["all_checks_passed"], true);

    let saved = backups(&fixture);
    assert_eq!(saved.len(), 1);
    assert_eq!(report["details"]["backup"]["path"].as_str(), saved[0].to_str());
    let copy = fixture.restored(&saved[0]);
    assert_eq!(copy.text(ATTEMPTS), "9");
    assert_eq!(copy.text(AUDITORS), "1");
    assert_eq!(notes(&copy), "kept");
    assert_eq!(copy.text("SELECT password_hash FROM users"), old_hash);

    assert_eq!(fixture.text(ATTEMPTS), "5");
    assert_eq!(fixture.text(AUDITORS), "0");
    assert!(!rows::has_table(&mut fixture.raw(), "notes_of_somebody"));
    assert_eq!(fixture.text("SELECT count(*) FROM users"), "1");
    assert_ne!(fixture.text("SELECT password_hash FROM users"), old_hash);
    // The new database knows of the copy of the old one.
    let status = json(&run(fixture.zenith().args(["status", "--format", "json"]), 0));
    assert_eq!(status["last_backup"]["path"].as_str(), saved[0].to_str());
}

#[test]
fn force_without_a_backup_makes_none() {
    let fixture = used();
    let said = stdout(&run(fixture.zenith().args(["create", "--force", "-y", "--no-backup"]), 0));
    assert!(said.contains("deleted the tables of") && said.contains("healthy"), "{said}");
    assert_eq!(fixture.text(AUDITORS), "0");
    assert_eq!(backups(&fixture), Vec::<PathBuf>::new());
}

#[test]
fn force_touches_no_other_file_than_its_own_database() {
    let fixture = SqliteFixture::created();
    run(fixture.zenith().arg("backup"), 0);
    let other = fixture.directory.path().join("other.db");
    std::fs::copy(fixture.path(), &other).expect("a copy");
    let before = tree(fixture.directory.path());
    run(fixture.zenith().args(["create", "--force", "--yes"]), 0);
    let after = tree(fixture.directory.path());
    for (path, bytes) in before.iter().filter(|(path, _)| **path != fixture.path()) {
        assert!(after.get(path) == Some(bytes), "{} was changed", path.display());
    }
    assert_eq!(after.len(), before.len() + 2, "a backup and its manifest");
}

#[test]
fn force_on_a_missing_database_creates_it_without_a_question() {
    let fixture = Fixture::empty();
    let report = json(&run(fixture.zenith().args(["create", "--force", "--format", "json"]), 0));
    assert_eq!(report["status"], "created");
    assert_eq!(backups(&fixture), Vec::<PathBuf>::new());
}

#[test]
fn force_with_what_cannot_be_accepted_keeps_the_old_database() {
    let fixture = used();
    let before = fixture.everything();
    let force = ["create", "--force", "--yes"];
    run(fixture.zenith().args(force).args(["--admin-email", "nowhere"]), 2);
    run_with_input(fixture.zenith().args(force).arg("--admin-password-stdin"), "short\n", 2);
    run(fixture.zenith().args(force).args(["--max-connections", "0"]), 2);
    assert_unchanged(&before, &fixture.everything());
}

#[test]
fn force_whose_backup_fails_keeps_the_old_database() {
    let fixture = used();
    // A file where the directory of the backups should be.
    let blocked = fixture.directory.path().join("blocked");
    std::fs::write(&blocked, "").expect("a file");
    let mut command = fixture.zenith();
    command.args(["create", "--force", "--yes"]).arg("--backup-dir").arg(&blocked);
    run(&mut command, 1);
    assert_eq!((fixture.text(ATTEMPTS), fixture.text(AUDITORS)), ("9".into(), "1".into()));
    assert_eq!(notes(&fixture), "kept");
}

#[test]
fn force_replaces_the_database_of_another_program_only_after_a_backup() {
    let fixture = Fixture::blank();
    fixture.sql("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')");
    if fixture.backend() == Backend::Postgres {
        // A schema is not one program's, as a file is.
        let refused = run(fixture.zenith().args(["create", "--force", "--yes"]), 2);
        assert!(stderr(&refused).contains("recipes"), "{refused:?}");
        return assert_eq!(fixture.text("SELECT name FROM recipes"), "soup");
    }
    run(fixture.zenith().args(["create", "--force", "--yes"]), 0);
    let saved = backups(&fixture);
    assert_eq!(fixture.restored(&saved[0]).text("SELECT name FROM recipes"), "soup");
    assert_eq!(fixture.text("SELECT count(*) FROM roles"), "5");
}

#[test]
fn rollback_without_a_terminal_needs_yes_and_changes_nothing_without_it() {
    let fixture = used();
    let before = fixture.everything();
    for answer in ["", "y\n"] {
        let output = run_with_input(fixture.zenith().arg("rollback"), answer, 2);
        assert!(stderr(&output).contains("--yes"), "{}", stderr(&output));
        assert!(stderr(&output).contains(&latest()), "{}", stderr(&output));
    }
    assert_unchanged(&before, &fixture.everything());
    run(fixture.zenith().args(["rollback", "-y"]), 0);
    let applied = fixture.text("SELECT count(*) FROM __diesel_schema_migrations");
    assert_eq!(applied, (all().len() - 1).to_string());
}

#[test]
fn rollback_keeps_the_rows_of_the_tables_that_go_in_a_backup() {
    let fixture = used();
    fixture.sql(
        "INSERT INTO notifications (notification_id, user_id, title, message, type)
         VALUES ('00000000-0000-7000-8000-000000000001', 1, 'news', 'text', 'info')",
    );
    let target = all()[notifications() - 1].version();
    let arguments = ["rollback", "--to", &target, "--yes", "--format", "json"];
    let report = json(&run(fixture.zenith().args(arguments), 0));
    let path = report["backup"]["path"].as_str().expect("a backup");
    let copy = fixture.restored(path.as_ref());
    assert_eq!(copy.text("SELECT title FROM notifications"), "news");
    assert!(!rows::has_table(&mut fixture.raw(), "notifications"));
    // The way back: the migrations again, and the database is healthy.
    run(fixture.zenith().arg("migrate"), 0);
    run(fixture.zenith().arg("health-check"), 0);
}

#[test]
fn rollback_to_nothing_and_migrating_again_works_with_rows_in_the_tables() {
    let fixture = used();
    run(fixture.zenith().args(["rollback", "--to", "0", "--yes"]), 0);
    run(fixture.zenith().arg("create"), 0);
    assert_eq!(fixture.text("SELECT count(*) FROM schema_version"), all().len().to_string());
    assert_eq!(fixture.text("SELECT count(*) FROM roles"), "5");
    run(fixture.zenith().arg("health-check"), 0);
}
