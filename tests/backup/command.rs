//! The subcommands of `backup`, and `restore`.

use std::fs;
use std::process::Stdio;

use super::{IS_LATER, backed_up, filled};
use crate::support::command::json;
use crate::support::{Fixture, SqliteFixture, backups_in, bare_zenith, run, stderr, stdout};

fn prepared() -> (Fixture, std::path::PathBuf) {
    let fixture = filled(SqliteFixture::created().fixture());
    let backup = backed_up(&fixture);
    (fixture, backup)
}

#[test]
fn list_and_verify_show_each_backup_in_text_and_json() {
    let (fixture, backup) = prepared();
    let name = backup.to_str().expect("UTF-8");
    let listed = stdout(&run(fixture.zenith().args(["backup", "list"]), 0));
    assert!(listed.contains(name) && listed.contains("1 backup\n"), "{listed}");
    let listed = json(&run(fixture.zenith().args(["backup", "list", "--format", "json"]), 0));
    assert_eq!(listed["backups"][0]["path"], name);
    assert_eq!(listed["backups"][0]["manifest"]["triggered_by"], "backup");
    for arguments in
        [&["backup", "verify"][..], &["backup", "verify", "--all"], &["backup", "verify", name]]
    {
        let said = stdout(&run(fixture.zenith().args(arguments), 0));
        assert!(said.contains("1 of 1 backup passed"), "{said}");
    }
    fs::write(&backup, "damaged").expect("damage");
    let all = ["backup", "verify", "--all", "--format", "json"];
    let found = json(&run(fixture.zenith().args(all), 1));
    assert_eq!(found["backups"][0]["verified"], false);
    assert!(found["backups"][0]["error"].as_str().is_some_and(|error| error.contains(name)));
    run(fixture.zenith().args(["backup", "verify", "nowhere.db"]), 2);
}

#[test]
fn prune_asks_and_a_dry_run_does_not() {
    let (fixture, _) = prepared();
    run(fixture.zenith().arg("backup"), 0);
    let dry = ["backup", "prune", "--keep-last", "1", "--dry-run"];
    let said = stdout(&run(fixture.zenith().args(dry), 0));
    assert!(said.contains("would remove 1 backup ("), "{said}");
    let said = stderr(&run(fixture.zenith().args(["backup", "prune", "--keep-last", "1"]), 2));
    assert!(said.contains("--yes") && said.contains("Remove 1 backup, and keep 1?"), "{said}");
    assert_eq!(backups_in(&fixture.backups()).len(), 2);
    let yes = ["backup", "prune", "--keep-last", "1", "--yes", "--format", "json"];
    let report = json(&run(fixture.zenith().args(yes), 0));
    assert_eq!(report["removed"].as_array().map(Vec::len), Some(1));
    assert_eq!(backups_in(&fixture.backups()).len(), 1);
    let said = stderr(&run(fixture.zenith().args(["backup", "prune"]), 2));
    assert!(said.contains("--keep-last"), "{said}");
}

#[test]
fn restore_asks_and_replaces_the_database_with_the_newest_backup() {
    let (fixture, backup) = prepared();
    let said = stderr(&run(fixture.zenith().args(["restore", "--latest"]), 2));
    assert!(said.contains("add --yes") && said.contains("is kept in"), "{said}");
    assert_eq!(fixture.text(IS_LATER), "1");
    let said = stdout(&run(fixture.zenith().args(["restore", "--latest", "--yes"]), 0));
    assert!(said.contains(backup.to_str().expect("UTF-8")) && said.contains("healthy"), "{said}");
    assert_eq!(fixture.text(IS_LATER), "0");
    run(fixture.zenith().arg("restore"), 2);
    run(fixture.zenith().args(["restore", "nowhere.db", "--yes"]), 2);
    let drilled = json(&run(fixture.zenith().args(["restore", "--drill", "--format", "json"]), 0));
    assert_eq!(drilled["health"]["healthy"], true);
}

#[test]
fn a_backup_goes_through_a_pipe_and_back() {
    let (fixture, _) = prepared();
    let file = fixture.directory.path().join("piped");
    let mut backup = fixture.zenith();
    backup.args(["backup", "--to", "-"]).stdout(fs::File::create(&file).expect("a file"));
    backup.stderr(Stdio::piped());
    let said = stderr(&run(&mut backup, 0));
    assert!(said.contains("verified"), "{said}");
    assert_eq!(backups_in(&fixture.backups()).len(), 1, "nothing is kept");
    let new = fixture.directory.path().join("new.db");
    let mut restore = fixture.zenith();
    restore.args(["restore", "-", "--to", new.to_str().expect("UTF-8")]);
    restore.stdin(fs::File::open(&file).expect("the file"));
    let said = stdout(&run(&mut restore, 0));
    assert!(said.contains("healthy"), "{said}");
    let mut again = fixture.zenith();
    again.args(["restore", "-", "--to", new.to_str().expect("UTF-8")]);
    again.stdin(fs::File::open(&file).expect("the file"));
    assert!(stderr(&run(&mut again, 2)).contains("exists"));
    // Half of one is none.
    let bytes = fs::read(&file).expect("the file");
    fs::write(&file, &bytes[..bytes.len() / 2]).expect("half");
    let mut half = fixture.zenith();
    half.args(["restore", "-", "--yes"]).stdin(fs::File::open(&file).expect("the file"));
    run(&mut half, 1);
    assert_eq!(fixture.text(IS_LATER), "1");
}

#[test]
fn what_undoes_a_migration_is_a_command_with_the_file() {
    let (fixture, _) = prepared();
    let said = stdout(&run(fixture.zenith().args(["rollback", "--yes"]), 0));
    let line = said.lines().find(|line| line.contains("zenith-db restore")).expect("a command");
    let command = line.split('`').nth(1).expect("in backquotes");
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    run(fixture.zenith().env_remove("DATABASE_PATH").args(&words).arg("--yes"), 0);
    assert_eq!(fixture.text(IS_LATER), "1");
}

#[test]
fn a_password_or_a_secret_key_in_the_place_of_a_file_is_not_repeated() {
    let (fixture, backup) = prepared();
    let key = "AGE-SECRET-KEY-1S3CR3TPW";
    let odd = fixture.backups().join(key);
    fs::copy(&backup, &odd).expect("a copy");
    let odd = odd.to_str().expect("UTF-8");
    let long = format!("./{}", "postgres://u:s3cr3tpw@h/d");
    for file in
        ["postgres://u:s3cr3tpw@h/d", "u:s3cr3tpw@h/d", "host=h password=s3cr3tpw", key, odd, &long]
    {
        for arguments in [
            &["restore", file][..],
            &["restore", file, "--yes"],
            &["restore", file, "--to", "no/such/AGE-SECRET-KEY-1S3CR3TPW"],
            &["backup", "verify", file],
            &["adopt", "--from", file, "--plan"],
        ] {
            let output = fixture.zenith().args(arguments).output().expect("it starts");
            let said = stderr(&output).to_lowercase();
            // A backup of this name can be verified and restored.
            assert!(!output.status.success() || file == odd, "{arguments:?}");
            assert!(!said.contains("s3cr3tpw"), "{said}");
            assert!(!stdout(&output).to_lowercase().contains("s3cr3tpw"), "{}", stdout(&output));
        }
    }
}

/// An unmounted disk is no proof of sound backups.
#[test]
fn verifying_all_of_no_backups_fails_as_verifying_the_newest_does() {
    let fixture = Fixture::created();
    let (missing, empty) =
        (fixture.directory.path().join("gone"), fixture.directory.path().join("empty"));
    fs::create_dir(&empty).expect("a directory");
    for directory in [&missing, &empty] {
        for arguments in
            [&["verify"][..], &["verify", "--all"], &["verify", "--all", "--format", "json"]]
        {
            let mut command = fixture.zenith();
            command.arg("backup").args(arguments).arg("--backup-dir").arg(directory);
            let said = stderr(&run(&mut command, 2));
            assert!(said.contains("there is no backup of"), "{said}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_missed_before_the_question() {
    let fixture = Fixture::created();
    let said = stderr(&run(fixture.zenith().args(["restore", "nowhere.db"]), 2));
    assert!(said.contains("there is no backup at nowhere.db") && !said.contains("--yes"), "{said}");
}

/// Whether something is there is asked before its directories are made: through one that is missing, nothing is.
#[test]
fn what_is_found_at_the_end_is_replaced_only_after_the_question() {
    let (_source, backup) = prepared();
    let backup = backup.to_str().expect("UTF-8");
    let fixture = SqliteFixture::created();
    let before = fs::read(fixture.path()).expect("a database");
    let directory = fixture.directory.path().to_str().expect("UTF-8");
    let hidden = format!("{directory}/missing/../zenith.db");
    let to = ["restore", backup, "--to", &hidden];
    let said = stderr(&run(fixture.zenith().args(to), 2));
    assert!(said.contains("is not to be replaced"), "{said}");
    fs::remove_dir(fixture.directory.path().join("missing")).expect("made on the way");
    let mut at = bare_zenith("/".as_ref());
    let said = stderr(&run(at.args(["--path", &hidden, "restore", backup]), 2));
    assert!(said.contains("is not to be replaced"), "{said}");
    assert!(fs::read(fixture.path()).expect("a database") == before, "it was replaced");
}
