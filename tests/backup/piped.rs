//! `restore -`: what comes through a pipe, and what is said of it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::backed_up;
use crate::support::command::json;
use crate::support::{Fixture, SqliteFixture, run, stderr, stdout};

/// Restores these bytes from standard input to a new database.
fn piped(fixture: &Fixture, bytes: &[u8]) -> (Command, PathBuf) {
    let (input, new) =
        (fixture.directory.path().join("input"), fixture.directory.path().join("new.db"));
    fs::write(&input, bytes).expect("a file");
    let mut command = fixture.zenith();
    command.args(["restore", "-", "--to"]).arg(&new);
    command.stdin(fs::File::open(&input).expect("the file"));
    (command, new)
}

#[test]
fn errors_speak_of_standard_input() {
    let fixture = SqliteFixture::created().fixture();
    let backup = fs::read(backed_up(&fixture)).expect("a backup");
    let mut twice = backup.clone();
    twice.extend(&backup);
    let mut longer = backup.clone();
    longer.push(b'x');
    let cases: &[(&[u8], i32, &str)] = &[
        (b"", 2, "standard input is empty"),
        (&backup[..1], 2, "standard input"),
        (&backup[..backup.len() / 2], 1, "standard input has"),
        (&longer, 1, "standard input has"),
        (&twice, 1, "standard input has"),
        (b"age-encryption.org/v1\n", 2, "standard input"),
    ];
    for (bytes, exit, words) in cases {
        let (mut command, new) = piped(&fixture, bytes);
        // Whether a file of age without a stanza is damaged or lacks a key depends on the features.
        let output = if bytes.starts_with(b"age") {
            command.output().expect("it runs")
        } else {
            run(&mut command, *exit)
        };
        let said = stderr(&output);
        assert!(!output.status.success() && said.contains(words), "{words}: {said}");
        assert!(!said.contains(".partial") && !said.contains("verify --all"), "{said}");
        assert!(!new.exists(), "{words}");
    }
}

#[test]
fn the_report_says_that_the_backup_came_from_standard_input() {
    let fixture = SqliteFixture::created().fixture();
    let backup = fs::read(backed_up(&fixture)).expect("a backup");
    let (mut command, new) = piped(&fixture, &backup);
    let said = stdout(&run(&mut command, 0));
    assert!(said.contains("from           -"), "{said}");
    fs::remove_file(new).expect("the database");
    let (mut command, _) = piped(&fixture, &backup);
    assert_eq!(json(&run(command.args(["--format", "json"]), 0))["backup"]["path"], "-");
}

#[test]
fn a_target_of_another_program_is_not_said_to_be_replaceable() {
    let fixture = SqliteFixture::created().fixture();
    let (backup, other) = (backed_up(&fixture), fixture.directory.path().join("other.db"));
    fs::write(&other, "of another program").expect("a file");
    let mut command = fixture.zenith();
    let said = stderr(&run(command.arg("restore").arg(&backup).arg("--to").arg(&other), 2));
    assert!(said.contains("exists") && !said.contains("to replace it"), "{said}");
    let mut command = fixture.zenith();
    let said =
        stderr(&run(command.arg("restore").arg(&backup).arg("--to").arg(fixture.address().1), 2));
    assert!(said.contains("to replace it, name it with --path"), "{said}");
}
