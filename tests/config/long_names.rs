//! Names near the limit of file systems, 255 bytes: SQLite and this program append to them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::command::json;
use crate::support::legacy::{Shape, former};
use crate::support::{SqliteFixture, backups_in, bare_zenith, files_in, run, stderr, stdout};

/// Name of this many bytes that ends in characters of several bytes.
fn name(length: usize) -> String {
    let end = "ü.db";
    format!("{}{end}", "ä".repeat((length - end.len()) / 2) + &"n".repeat((length - end.len()) % 2))
}

fn zenith(directory: &Path, name: &str, arguments: &[&str]) -> Command {
    let mut command = bare_zenith(directory);
    command.args(["--path", name]).args(arguments);
    command
}

#[test]
fn a_name_of_up_to_247_bytes_works_for_every_command() {
    for length in [199, 228, 239, 243, 247] {
        let (fixture, name) = (SqliteFixture::empty(), name(length));
        assert_eq!(name.len(), length);
        let directory = fixture.directory.path();
        let commands: [&[&str]; 6] = [
            &["create"],
            &["backup"],
            &["redo", "--yes"],
            &["seed"],
            &["health-check"],
            &["ensure"],
        ];
        for arguments in commands {
            run(&mut zenith(directory, &name, arguments), 0);
        }
        let mut without_log = zenith(directory, &name, &["seed"]);
        run(without_log.env("DATABASE_WAL_MODE", "false"), 0);
        let status = json(&run(&mut zenith(directory, &name, &["status", "--format", "json"]), 0));
        let backups = backups_in(&fixture.backups());
        assert_eq!(backups.len(), 2, "{backups:?}");
        let newest = status["last_backup"]["path"].as_str().expect("a backup");
        assert!(newest.ends_with(backups.last().expect("a backup")), "{newest}: {backups:?}");
    }
}

#[test]
fn a_former_database_with_a_long_name_is_adopted() {
    let name = name(247);
    let fixture = former(Shape::Plain);
    fs::rename(fixture.path(), fixture.directory.path().join(&name)).expect("another name");
    run(&mut zenith(fixture.directory.path(), &name, &["adopt", "--yes"]), 0);
    run(&mut zenith(fixture.directory.path(), &name, &["health-check"]), 0);
    assert_eq!(backups_in(&fixture.backups()).len(), 1);
}

#[test]
fn a_longer_name_is_refused_by_every_command_and_nothing_is_created() {
    for length in [248, 255] {
        let (fixture, name) = (SqliteFixture::empty(), name(length));
        let commands: [&[&str]; 7] = [
            &["create"],
            &["backup"],
            &["backup", "verify", "--all"],
            &["restore", "--latest", "--yes"],
            &["migrate"],
            &["adopt"],
            &["status"],
        ];
        for arguments in commands {
            let said = stderr(&run(&mut zenith(fixture.directory.path(), &name, arguments), 2));
            assert!(
                said.contains("must not exceed 247 bytes") && said.contains("-journal"),
                "{said}"
            );
            fixture.assert_nothing_was_created();
        }
    }
}

/// Also with the names that a restore gives to the bytes of a database that SQLite cannot read.
#[test]
fn a_database_with_a_long_name_is_restored_and_what_was_there_is_kept() {
    let (fixture, name) = (SqliteFixture::empty(), name(247));
    let directory = fixture.directory.path();
    let restore: &[&str] = &["restore", "--latest", "--yes"];
    for arguments in [&["create"], &["backup"], restore, &["restore", "--drill"]] {
        run(&mut zenith(directory, &name, arguments), 0);
    }
    for suffix in ["", "-wal", "-journal"] {
        fs::write(directory.join(format!("{name}{suffix}")), "damaged").expect("damage");
    }
    run(&mut zenith(directory, &name, restore), 0);
    run(&mut zenith(directory, &name, &["backup", "verify", "--all"]), 0);
    let kept = backups_in(&fixture.backups());
    let damaged = kept.iter().filter(|name| name.contains("-damaged-"));
    assert_eq!((kept.len(), damaged.count()), (5, 3), "{kept:?}");
}

/// The names of their backups begin alike, because long names are shortened.
#[test]
fn databases_whose_long_names_begin_alike_keep_their_backups_apart() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    let names = ["one", "two"].map(|end| format!("{}{end}.db", "n".repeat(220)));
    for name in &names {
        run(&mut zenith(directory, name, &["create"]), 0);
        run(&mut zenith(directory, name, &["backup"]), 0);
    }
    let stems: std::collections::BTreeSet<_> = files_in(&fixture.backups())
        .iter()
        .map(|name| name.split_once('~').expect("a digest").1[..16].to_owned())
        .collect();
    assert_eq!(stems.len(), 2);
}

/// The directory of the backups may be deeper than the database.
#[test]
fn a_backup_at_a_path_that_sqlite_does_not_take_is_an_error_that_says_so() {
    let fixture = SqliteFixture::created();
    let deep = fixture.directory.path().join("directory/".repeat(50));
    let mut command = fixture.zenith();
    command.arg("--backup-dir").arg(&deep).arg("backup");
    let output = run(&mut command, 2);
    let said = format!("{}{}", stdout(&output), stderr(&output));
    assert!(said.contains("more than 504 bytes"), "{said}");
    assert_eq!(files_in(&deep), Vec::<String>::new());
}
