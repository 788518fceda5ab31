//! File systems that lack what SQLite and this program ask for, by injected errors.

use std::path::Path;

use crate::support::injected::injected;
use crate::support::{SqliteFixture, backups_in, files_in, run, stderr, stdout};

/// CIFS and its like cannot synchronise a directory.
#[test]
fn where_directories_cannot_be_synchronised_a_backup_is_still_a_backup() {
    let fixture = SqliteFixture::created();
    let backups = fixture.backups();
    let mut command = fixture.zenith();
    command.arg("backup");
    let injections = ["fsync:error=EINVAL"];
    let Some(mut command) = injected(&command, Some(&backups), &injections) else { return };
    run(&mut command, 0);
    assert_eq!(backups_in(&fixture.backups()).len(), 1);
    assert_eq!(fixture.text("SELECT group_concat(status) FROM backup_jobs"), "completed");
}

/// The rename that replaces no file is missing, and so are hard links.
#[test]
fn without_hard_links_and_exclusive_renames_a_backup_gets_its_name() {
    let fixture = SqliteFixture::created();
    let injections = ["renameat2:error=EINVAL", "link,linkat:error=EPERM"];
    let mut command = fixture.zenith();
    command.arg("backup");
    let Some(mut command) = injected(&command, None, &injections) else { return };
    run(&mut command, 0);
    assert_eq!(backups_in(&fixture.backups()).len(), 1);
}

/// SQLite takes a file without locks for one that another process has locked, and waits for it.
#[test]
fn without_locks_every_command_that_needs_them_says_so_and_changes_nothing() {
    let created = SqliteFixture::created();
    let before = created.everything();
    let commands: [&[&str]; 7] = [
        &["create"],
        &["migrate"],
        &["redo", "--yes"],
        &["seed"],
        &["backup"],
        &["create", "--force", "--yes"],
        &["user", "reset-password", "admin", "--generate"],
    ];
    for arguments in commands {
        for error in ["ENOLCK", "ENOSYS"] {
            let mut command = created.zenith();
            command.args(arguments);
            let injection = format!("fcntl:error={error}");
            let Some(mut command) = injected(&command, None, &[&injection]) else { return };
            let said = stderr(&run(&mut command, 2));
            for word in ["zenith.db", "does not support locks", "local disk", "PostgreSQL"] {
                assert!(said.contains(word), "{arguments:?}, {error}: {said}");
            }
            assert!(!said.contains("another") && said.lines().count() < 3, "{said}");
        }
    }
    assert_eq!(created.everything(), before);
}

/// Without a log nobody writes, so that nothing has to be locked out; whether somebody did is checked.
#[test]
fn without_locks_a_database_without_a_log_can_be_looked_at() {
    let fixture = SqliteFixture::created();
    for arguments in [&["status"] as &[&str], &["health-check"], &["migrate", "--plan"]] {
        let mut command = fixture.zenith();
        command.args(arguments);
        let Some(mut command) = injected(&command, None, &["fcntl:error=ENOLCK"]) else { return };
        run(&mut command, 0);
    }
    // With one, a reader needs locks.
    let mut writer = fixture.raw();
    diesel::connection::SimpleConnection::batch_execute(&mut writer, "CREATE TABLE t (x)")
        .expect("a log");
    for (name, exit) in [("status", 2), ("health-check", 2)] {
        let mut command = fixture.zenith();
        command.arg(name);
        let Some(mut command) = injected(&command, None, &["fcntl:error=ENOLCK"]) else { return };
        let output = run(&mut command, exit);
        let said = format!("{}{}", stdout(&output), stderr(&output));
        assert!(said.contains("does not support locks"), "{said}");
    }
}

/// A new database in a file system without locks is refused before anything is in it.
#[test]
fn without_locks_no_database_is_created() {
    let fixture = SqliteFixture::empty();
    let mut command = fixture.zenith();
    command.arg("create");
    let Some(mut command) = injected(&command, None, &["fcntl:error=ENOLCK"]) else { return };
    let said = stderr(&run(&mut command, 2));
    assert!(said.contains("does not support locks"), "{said}");
    fixture.assert_nothing_was_created();
    run(fixture.zenith().arg("create"), 0);
    assert!(Path::new(&fixture.path()).exists());
}

/// As on a share whose server has gone: not even the directories above can be looked at.
#[test]
fn where_no_file_can_be_looked_at_create_fails_with_an_error() {
    let fixture = SqliteFixture::empty();
    let mut command = fixture.zenith();
    command.arg("create");
    // If the first fails, the standard library uses another system call.
    for first in 2..=12 {
        let injection = format!("statx:error=EIO:when={first}+");
        let Some(mut command) = injected(&command, None, &[&injection]) else { return };
        let output = command.output().expect("it starts");
        assert!(output.status.code().is_some(), "{injection}: {output:?}");
        assert!(!output.status.success(), "{injection}: {output:?}");
    }
}

/// SQLite ignores that it cannot remove the log of the copy.
#[test]
fn what_sqlite_could_not_remove_beside_a_copy_the_next_backup_removes() {
    let fixture = SqliteFixture::created();
    let mut command = fixture.zenith();
    command.arg("backup");
    let Some(mut failing) = injected(&command, None, &["unlink:error=EPERM"]) else { return };
    failing.output().expect("it starts");
    let hidden = || {
        let files = files_in(&fixture.backups()).into_iter();
        files.filter(|name| name.starts_with('.')).collect::<Vec<_>>()
    };
    assert_ne!(hidden(), Vec::<String>::new(), "nothing was left");
    run(&mut command, 0);
    assert_eq!(hidden(), Vec::<String>::new());
}
