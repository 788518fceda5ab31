//! The plain command on the database of an application: it does what is safe, and refuses the rest in a sentence.

use std::process::Command;

use notebook::{MIGRATIONS, Note};
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RestoreOptions};

use super::{admin, created};
use crate::support::command::json;
use crate::support::own_migrations::migrations;
use crate::support::{Fixture, rows, run, stderr, stdout};

const WHOSE: &str = "create notes, by notebook 1.0.0";

/// Runs the plain command with these arguments. It must exit with this code.
fn plain(fixture: &Fixture, arguments: &[&str], exit: i32) -> (String, String) {
    let output = run(fixture.zenith().args(arguments), exit);
    (stdout(&output), stderr(&output))
}

#[test]
fn it_reads_what_it_knows_and_says_whose_the_rest_is() {
    let (fixture, _) = created();
    let (status, _) = plain(&fixture, &["status"], 0);
    assert!(
        status.contains(WHOSE) && status.contains("and 20261215000001 of the application"),
        "{status}"
    );
    let status = json(&run(fixture.zenith().args(["status", "--format", "json"]), 0));
    assert_eq!(status["unknown_migrations"].as_array().expect("a list").len(), 2);
    assert_eq!(status["application_version"], "20261215000001");
    assert_eq!(status["history_faults"].as_array().expect("a list").len(), 0);
    let (health, _) = plain(&fixture, &["health-check"], 0);
    assert!(health.contains("not known to this program") && health.contains(WHOSE), "{health}");
    plain(&fixture, &["health-check", "--deep"], 0);
    // Its own part is checked.
    fixture.sql("DROP INDEX idx_notifications_is_read");
    let (health, _) = plain(&fixture, &["health-check"], 3);
    assert!(health.contains("idx_notifications_is_read"), "{health}");
}

#[test]
fn it_takes_backups_records_them_and_the_application_restores_them() {
    let (fixture, manager) = created();
    let user = admin(&fixture);
    fixture.database().write(|conn| Note::write(conn, user, "kept")).expect("a note");
    let (_, warnings) = plain(&fixture, &["backup"], 0);
    assert!(!warnings.contains("could not be recorded"), "{warnings}");
    let recorded = manager.last_backup().expect("a record").expect("a backup");
    let path = recorded.backup_path.expect("a path");
    plain(&fixture, &["backup", "verify", "--all"], 0);
    let listed = json(&run(fixture.zenith().args(["backup", "list", "--format", "json"]), 0));
    let manifest = &listed["backups"][0]["manifest"];
    assert_eq!(manifest["application_version"], "20261215000001", "{listed}");
    assert_eq!(manifest["tables"]["notes"], 1);
    fixture.sql("DELETE FROM notes");
    let config = fixture.config_with(&[(Key::AutoBackup, "false")]);
    let restoring = DatabaseManager::with(config, migrations(&[], MIGRATIONS));
    restoring.restore(path.as_ref(), &RestoreOptions::default(), &mut |_| ()).expect("restored");
    assert_eq!(fixture.text("SELECT text FROM notes"), "kept");
    super::assert_healthy(&restoring);
}

#[test]
fn it_refuses_the_rest_and_changes_nothing() {
    let (fixture, _) = created();
    plain(&fixture, &["backup"], 0);
    let contents = || (rows::catalogue(&mut fixture.raw()), rows::contents(&mut fixture.raw()));
    let before = contents();
    let target = fixture.directory.path().join("target.db");
    let target = target.to_str().expect("UTF-8");
    for arguments in [
        &["ensure"][..],
        &["create"],
        &["create", "--force"],
        &["create", "--force", "--yes"],
        &["migrate"],
        &["migrate", "--plan"],
        &["rollback", "--yes"],
        &["rollback", "--own", "--yes"],
        &["redo", "--yes"],
        &["seed"],
        &["transfer", "--to", target],
    ] {
        let (_, said) = plain(&fixture, arguments, 2);
        assert!(
            said.contains("migrations of an application, which this program does not know"),
            "{said}"
        );
        assert!(
            said.contains(WHOSE) && said.contains("use the command of that application"),
            "{said}"
        );
        assert_eq!(contents(), before, "{arguments:?}");
    }
    let mut restore: Command = fixture.zenith();
    let (_, said) = {
        let output = run(restore.args(["restore", "--latest", "--yes"]), 2);
        (stdout(&output), stderr(&output))
    };
    assert!(said.contains("use the command of that application"), "{said}");
    assert_eq!(contents(), before);
    assert!(!fixture.files().contains(&"target.db".to_owned()));
}
