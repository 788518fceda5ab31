//! Backup directories that are symbolic links, missing, read-only or shared with other files.

use std::fs;
use std::os::unix::fs::symlink;

use super::{History, assert_swept, assert_whole, named_backups, state};
use crate::support::command::{at_once, json};
use crate::support::mounts::unshare;
use crate::support::{run, stderr};

/// Name of a backup that nobody took, newer than any.
const NAME: &str = "zenith-20991231T000000.000000Z.db";

#[test]
fn a_directory_of_backups_behind_a_symbolic_link_serves_every_command() {
    let history = History::new(2, 20);
    let fixture = history.copy();
    let real = fixture.directory.path().join("real");
    fs::rename(fixture.backups(), &real).expect("moved");
    symlink(&real, fixture.backups()).expect("a link");
    run(fixture.zenith().args(["backup", "verify", "--all"]), 0);
    run(fixture.zenith().args(["restore", "--latest", "--yes"]), 0);
    assert!(state(&fixture.path()) == history.newest);
    run(fixture.zenith().arg("backup"), 0);
    assert_whole(&fixture.manager(), "behind a link");
    assert_swept(&fixture, "behind a link");
}

#[test]
fn a_vanished_directory_of_backups_has_none_and_the_next_backup_creates_it() {
    let history = History::new(1, 20);
    let fixture = history.copy();
    fs::remove_dir_all(fixture.backups()).expect("removed");
    for arguments in [&["restore", "--latest", "--yes"][..], &["backup", "verify"]] {
        let said = stderr(&run(fixture.zenith().args(arguments), 2));
        assert!(said.contains("there is no backup"), "{said}");
    }
    run(fixture.zenith().args(["backup", "prune", "--yes", "--keep-last", "1"]), 0);
    assert!(state(&fixture.path()) == history.present);
    run(fixture.zenith().arg("backup"), 0);
    assert_eq!(named_backups(&fixture.backups()).len(), 1);
}

#[test]
fn a_read_only_directory_of_backups_is_an_error_that_names_it_and_changes_nothing() {
    if unshare().is_none() {
        return;
    }
    let history = History::new(2, 20);
    let fixture = history.copy();
    let commands: [&[&str]; 3] = [
        &["backup"],
        &["backup", "prune", "--yes", "--keep-last", "1"],
        &["restore", "--latest", "--yes"],
    ];
    let read_only = |arguments: &[&str], exit| {
        let command = fixture.zenith();
        let mut mounted = unshare().expect("as before");
        let script = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
        mounted.args(["sh", "-c", script]).arg(fixture.backups()).arg(command.get_program());
        stderr(&run(mounted.args(command.get_args()).args(arguments), exit))
    };
    for arguments in commands {
        let said = read_only(arguments, 1);
        assert!(said.contains("backups"), "{said}");
        assert!(state(&fixture.path()) == history.present, "{arguments:?}");
    }
    read_only(&["backup", "verify", "--all"], 0);
    assert_eq!(named_backups(&fixture.backups()).len(), 2);
    assert_swept(&fixture, "read-only");
}

#[test]
fn what_only_has_the_name_of_a_backup_is_neither_listed_nor_restored_nor_removed() {
    let history = History::new(2, 20);
    for what in ["a link", "a directory", "a text"] {
        let fixture = history.copy();
        let odd = fixture.backups().join(NAME);
        match what {
            "a link" => symlink(history.backup_in(&fixture, 0), &odd).expect(what),
            "a directory" => fs::create_dir(&odd).expect(what),
            _ => fs::write(&odd, "no database").expect(what),
        }
        let listed = json(&run(fixture.zenith().args(["backup", "list", "--format", "json"]), 0));
        assert_eq!(listed["backups"].as_array().map(Vec::len), Some(2), "{what}: {listed}");
        run(fixture.zenith().args(["backup", "prune", "--yes", "--keep-last", "1"]), 0);
        run(fixture.zenith().args(["restore", "--latest", "--yes"]), 0);
        assert!(state(&fixture.path()) == history.newest, "{what}");
        assert!(fs::symlink_metadata(&odd).is_ok(), "{what} was removed");
    }
}

#[test]
fn a_manifest_without_its_backup_is_removed_by_the_next_backup_and_pruning() {
    let history = History::new(1, 20);
    for arguments in [&["backup"][..], &["backup", "prune", "--yes", "--keep-last", "9"]] {
        let fixture = history.copy();
        let described = history.backup_in(&fixture, 0).with_extension("db.json");
        fs::copy(described, fixture.backups().join(format!("{NAME}.json"))).expect("a copy");
        // Those of other databases may be about to get their backups.
        let other = fixture.backups().join(format!("x{NAME}.json"));
        fs::write(&other, "{}").expect("a file");
        run(fixture.zenith().args(arguments), 0);
        assert!(other.exists(), "{arguments:?}");
        fs::remove_file(other).expect("removed");
        assert_swept(&fixture, "afterwards");
    }
}

#[test]
fn backups_at_the_same_time_are_all_whole() {
    let history = History::new(1, 200);
    let fixture = history.copy();
    at_once((0..4).map(|_| {
        let mut command = fixture.zenith();
        command.arg("backup");
        command
    }));
    assert_eq!(named_backups(&fixture.backups()).len(), 5);
    assert_whole(&fixture.manager(), "four at once");
    assert_swept(&fixture, "four at once");
    let completed = "SELECT count(*) FROM backup_jobs WHERE status = 'completed'";
    // With that of the first.
    assert_eq!(fixture.text(completed), "5");
}
