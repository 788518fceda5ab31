//! Restores that must be refused, and manifests that cannot be read or belong to another backup.

use std::fs;
use std::path::Path;

use super::{History, assert_swept, assert_whole, named_backups, state};
use crate::support::injected::injected;
use crate::support::legacy::{Shape, former};
use crate::support::{Raw, SqliteFixture, open_file, run, stderr};

/// Restores the backup, which must fail with these words and change nothing.
fn refused(history: &History, backup: impl Fn(&SqliteFixture) -> std::path::PathBuf, words: &str) {
    let fixture = history.copy();
    let backup = backup(&fixture);
    let mut command = fixture.zenith();
    let output = command.arg("restore").arg(&backup).arg("--yes").output().expect("it starts");
    let said = stderr(&output);
    assert!(!output.status.success() && said.contains(words), "{words}: {said}");
    assert!(state(&fixture.path()) == history.present, "{words}: other rows");
}

fn change(path: &Path, statements: &str) {
    use diesel::connection::SimpleConnection;
    open_file(path).batch_execute(statements).expect(statements);
}

#[test]
fn files_that_are_no_backups_of_this_program_are_not_restored() {
    let history = History::new(1, 20);
    let newest = |fixture: &SqliteFixture| history.backup_in(fixture, 0);
    let other = |fixture: &SqliteFixture| fixture.directory.path().join("other.db");
    refused(&history, SqliteFixture::path, "it is the database itself");
    refused(
        &history,
        |fixture| {
            change(&other(fixture), "CREATE TABLE other (id INTEGER)");
            other(fixture)
        },
        "not a database of this program",
    );
    refused(
        &history,
        |fixture| {
            let old = former(Shape::Plain);
            fs::copy(old.path(), other(fixture)).expect("a copy");
            other(fixture)
        },
        "adopt --from",
    );
    refused(
        &history,
        |fixture| {
            fs::copy(newest(fixture), other(fixture)).expect("a copy");
            let newer =
                "INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')";
            change(&other(fixture), newer);
            other(fixture)
        },
        "20991231000000",
    );
    refused(
        &history,
        |fixture| {
            let mut log = newest(fixture).into_os_string();
            log.push("-wal");
            fs::write(log, "log").expect("a file");
            newest(fixture)
        },
        "a write-ahead log is beside it",
    );
}

#[test]
fn a_database_of_another_program_is_not_replaced() {
    let history = History::new(1, 20);
    let fixture = history.copy();
    fs::remove_file(fixture.path()).expect("removed");
    change(&fixture.path(), "CREATE TABLE other (id INTEGER)");
    let before = fs::read(fixture.path()).expect("a file");
    let backup = history.backup_in(&fixture, 0);
    let mut command = fixture.zenith();
    let said = stderr(&command.arg("restore").arg(backup).arg("--yes").output().expect("it"));
    assert!(said.contains("--to"), "{said}");
    assert!(fs::read(fixture.path()).expect("a file") == before);
}

#[test]
fn a_database_that_another_process_has_open_is_not_replaced_and_the_process_is_named() {
    let history = History::new(1, 20);
    let fixture = history.copy();
    let mut other = fixture.raw();
    assert_eq!(other.lines("SELECT count(*) || '' AS line FROM users").len(), 1);
    let mut command = fixture.zenith();
    command.args(["restore", "--latest", "--yes"]).env("DATABASE_BUSY_TIMEOUT_MS", "100");
    let said = stderr(&run(&mut command, 1));
    assert!(said.contains("stop the application first"), "{said}");
    if cfg!(target_os = "linux") {
        assert!(said.contains(&std::process::id().to_string()), "{said}");
    }
    drop(other);
    assert!(state(&fixture.path()) == history.present);
    run(fixture.zenith().args(["restore", "--latest", "--yes"]), 0);
    assert!(state(&fixture.path()) == history.newest);
}

#[test]
fn a_backup_whose_manifest_cannot_be_read_is_restored_once_that_is_moved_away() {
    let history = History::new(1, 20);
    let huge = " ".repeat(5 * 1024 * 1024);
    for text in ["", "{", "\u{0}\u{1}", "[[[[", "{\"format\": 99}", &huge] {
        let fixture = history.copy();
        let backup = history.backup_in(&fixture, 0);
        let manifest = backup.with_extension("db.json");
        fs::write(&manifest, text).expect("a manifest");
        let said = stderr(&run(fixture.zenith().args(["restore", "--latest", "--yes"]), 1));
        assert!(said.contains("db.json"), "{said}");
        assert!(state(&fixture.path()) == history.present);
        fs::rename(&manifest, manifest.with_extension("aside")).expect("moved away");
        run(fixture.zenith().args(["restore", "--latest", "--yes"]), 0);
        assert!(state(&fixture.path()) == history.newest);
    }
}

#[test]
fn a_backup_with_the_manifest_of_another_is_refused() {
    let history = History::new(2, 20);
    refused(
        &history,
        |fixture| {
            let manifest = |index| history.backup_in(fixture, index).with_extension("db.json");
            fs::copy(manifest(0), manifest(1)).expect("a copy");
            history.backup_in(fixture, 1)
        },
        "bytes, not",
    );
}

/// The exclusive renames of a backup are that of its manifest and its own.
#[test]
fn a_backup_whose_name_another_takes_in_the_same_microsecond_gets_another_or_is_none() {
    let history = History::new(1, 20);
    for (rename, exit, backups) in [(1, 0, 2), (2, 1, 1)] {
        let fixture = history.copy();
        let mut backup = fixture.zenith();
        backup.arg("backup");
        let taken = format!("renameat2:error=EEXIST:when={rename}");
        let Some(mut backup) = injected(&backup, None, &[&taken]) else { return };
        let output = run(&mut backup, exit);
        assert!(exit == 0 || stderr(&output).contains("exists"), "{output:?}");
        assert_eq!(named_backups(&fixture.backups()).len(), backups, "{taken}");
        assert_whole(&fixture.manager(), &taken);
        assert_swept(&fixture, &taken);
    }
}
