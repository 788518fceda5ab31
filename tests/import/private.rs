//! Adoption beside other users and processes: copies are private, files of others are not removed, and
//! the original is replaced only under a lock.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection;

use crate::support::command::{assert_unchanged, json, tree};
use crate::support::legacy::{Shape, former, former_with, messages};
use crate::support::{SqliteFixture, failed, files_in, run, stderr};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn a_plan_keeps_its_copy_to_itself_and_what_a_killed_one_leaves_goes_with_the_next() {
    let fixture = former_with(Shape::Plain, &messages(20_000));
    let temporary = tempfile::tempdir().expect("a directory");
    let plan = || {
        let mut command = fixture.zenith();
        command.env("TMPDIR", temporary.path()).args(["adopt", "--plan"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut child = plan().spawn().expect("it starts");
    let copy = || {
        let entries = std::fs::read_dir(temporary.path()).expect("a directory");
        let copies = entries.map(|entry| entry.expect("an entry").path().join("old.db"));
        copies.into_iter().find(|copy| copy.metadata().is_ok_and(|copy| copy.len() > 0))
    };
    let found = (0..3_000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(1));
        copy()
    });
    child.kill().expect("killed, or over");
    child.wait().expect("gone");
    let found = found.expect("a copy");
    assert_eq!(mode(found.parent().expect("a directory")), 0o700);
    assert_eq!(mode(&found), 0o600);
    run(&mut plan(), 0);
    assert!(tree(temporary.path()).is_empty(), "a former database stayed behind");
}

#[test]
fn who_may_not_write_the_original_does_not_replace_it() {
    let fixture = former(Shape::Plain);
    let place = tempfile::tempdir().expect("a directory");
    for directory in [place.path(), fixture.directory.path()] {
        set_mode(directory, 0o777);
    }
    set_mode(&fixture.path(), 0o444);
    let program = place.path().join("zenith-db");
    std::fs::copy(fixture.zenith().get_program(), &program).expect("a copy");
    let mut command = Command::new(&program);
    command.current_dir(fixture.directory.path()).env_clear();
    command.args(["adopt", "--yes", "--path"]).arg(fixture.path());
    if rustix::process::geteuid().is_root() {
        // Root may write everything.
        command.uid(65534).gid(65534);
    }
    let before = std::fs::read(fixture.path()).expect("bytes");
    let said = stderr(&run(&mut command, 1));
    assert!(said.contains("is read-only: the current user may not write to the file"), "{said}");
    assert_eq!(std::fs::read(fixture.path()).expect("bytes"), before);
}

/// Opening a database with a journal rolls it back, which writes to it.
#[test]
fn beside_a_journal_nothing_is_planned_or_copied() {
    let fixture = former(Shape::Plain);
    let elsewhere = SqliteFixture::empty();
    let mut writer = fixture.raw();
    writer
        .batch_execute(
            "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN IMMEDIATE;
             UPDATE users SET full_name = hex(zeroblob(20000))",
        )
        .expect("a writer");
    let copied = SqliteFixture::empty();
    let journal = fixture.path().with_file_name(format!(
        "{}-journal",
        fixture.path().file_name().expect("a name").display()
    ));
    // As a killed writer leaves it.
    std::fs::create_dir_all(copied.path().parent().expect("a directory")).expect("a directory");
    std::fs::copy(fixture.path(), copied.path()).expect("a copy");
    let name = copied.path().file_name().expect("a name").display().to_string();
    let beside = copied.path().with_file_name(format!("{name}-journal"));
    std::fs::copy(journal, beside).expect("a copy");
    writer.batch_execute("ROLLBACK").expect("over");
    let before = tree(copied.directory.path());
    let plan = run(copied.zenith().args(["adopt", "--plan"]), 2);
    let from = copied.path();
    let from = from.to_str().expect("UTF-8");
    let other = run(elsewhere.zenith().args(["adopt", "--from", from]), 2);
    for output in [plan, other] {
        let said = stderr(&output);
        assert!(said.contains("a rollback journal exists beside it"), "{said}");
    }
    assert_unchanged(&before, &tree(copied.directory.path()));
}

#[test]
fn adoptions_into_one_backup_directory_leave_each_other_alone() {
    let fixture = former_with(Shape::Plain, &messages(2_000));
    let backups = tempfile::tempdir().expect("a directory");
    let others = backups.path().join(".zenith-legacy-0123456789abcdef-unfinished");
    std::fs::write(&others, "another's").expect("a file");
    let mut command = fixture.zenith();
    command.env("DATABASE_BACKUP_DIR", backups.path()).args(["adopt", "--yes"]);
    run(&mut command, 0);
    assert!(others.exists());
    assert_eq!(files_in(backups.path()).len(), 2);
}

#[test]
fn of_a_former_database_every_command_says_what_to_do_with_it() {
    let fixture = former(Shape::Plain);
    let before = tree(fixture.directory.path());
    for arguments in [&["status"][..], &["rollback", "--yes"], &["redo", "--yes"]] {
        let said = stderr(&run(fixture.zenith().args(arguments), 2));
        assert!(said.contains("zenith-db adopt"), "{arguments:?}: {said}");
    }
    let report = fixture.manager().health_check();
    assert_eq!(failed(&report), ["Database File Exists"]);
    assert!(report.checks[0].details.contains("zenith-db adopt"), "{report:?}");
    assert_unchanged(&before, &tree(fixture.directory.path()));
}

#[test]
fn a_file_that_is_not_there_is_not_adopted_and_nothing_is_made() {
    let fixture = SqliteFixture::empty();
    let missing = fixture.directory.path().join("missing.db");
    let arguments = ["adopt", "--from", missing.to_str().expect("UTF-8"), "--format", "json"];
    let before = tree(fixture.directory.path());
    let report = json(&run(fixture.zenith().args(arguments), 1));
    assert!(report["error"].as_str().expect("an error").contains("there is no file"), "{report}");
    assert_unchanged(&before, &tree(fixture.directory.path()));
}

#[test]
fn the_rows_that_are_left_out_do_not_go_into_a_file_of_the_databases_own() {
    let fixture = former(Shape::Plain);
    let before = tree(fixture.directory.path());
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let file = format!("{}{suffix}", fixture.path().display());
        let said =
            stderr(&run(fixture.zenith().args(["adopt", "--yes", "--quarantine", &file]), 1));
        assert!(said.contains("belongs to the database"), "{said}");
    }
    assert_unchanged(&before, &tree(fixture.directory.path()));
}

#[test]
fn while_somebody_writes_an_adoption_says_to_stop_the_application() {
    let fixture = former(Shape::Plain);
    let mut writer = fixture.raw();
    writer.batch_execute("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE").expect("a writer");
    let mut command = fixture.zenith();
    command.env("DATABASE_BUSY_TIMEOUT_MS", "50").args(["adopt", "--yes"]);
    let said = stderr(&run(&mut command, 1));
    assert!(said.contains("stop the application first"), "{said}");
}
