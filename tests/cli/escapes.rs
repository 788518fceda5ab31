//! Names in a database or of a file give no orders to the terminal.

use std::process::Output;

use crate::support::{Fixture, SqliteFixture, bare_zenith, run};

/// Clears the screen, sets its title, changes the direction of writing, begins a sequence in one byte of
/// Latin-1, rings, returns to the start of the line.
const HOSTILE: &str = "a\u{1b}[2Jb\u{1b}]0;title\u{7}c\u{202e}d\u{9b}31me\rf\u{2066}";

fn assert_harmless(output: &Output, shown: &str) {
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    for order in ["\u{1b}[2J", "\u{1b}]", "\u{7}", "\u{202e}", "\u{9b}", "\r", "\u{2066}"] {
        assert!(!text.contains(order), "{order:?} in {text:?}");
    }
    assert!(text.contains(shown), "no {shown} in {text:?}");
}

#[test]
fn a_name_in_a_hostile_database_is_escaped_in_reports() {
    let fixture = Fixture::created();
    fixture.sql(&format!("CREATE TABLE \"{HOSTILE}\" (id INTEGER)"));
    for color in ["always", "never"] {
        for arguments in [["status"].as_slice(), &["health-check", "--deep"], &["backup"]] {
            let mut command = fixture.zenith();
            let output =
                command.args(arguments).args(["--color", color]).output().expect("it runs");
            let shown = if arguments == ["status"] { r"\u{1b}[2J" } else { "" };
            assert_harmless(&output, shown);
        }
        let mut command = fixture.zenith();
        command.args(["status", "--format", "json", "--color", color]);
        assert_harmless(&run(&mut command, 0), r"\u009b");
    }
}

#[test]
fn the_name_of_a_file_is_escaped_in_errors_questions_and_the_log() {
    let fixture = SqliteFixture::empty();
    let path = fixture.directory.path().join(HOSTILE);
    for (arguments, exit) in [
        (["status"].as_slice(), 4),
        (&["create", "--verbose"], 0),
        (&["create", "--force"], 2),
        (&["rollback"], 2),
        (&["config"], 0),
    ] {
        for color in ["always", "never"] {
            let mut command = bare_zenith(fixture.directory.path());
            command.arg("--path").arg(&path).args(arguments).args(["--color", color]);
            let exit = if arguments == ["status"] && path.exists() { 0 } else { exit };
            assert_harmless(&run(&mut command, exit), r"\u{202e}");
        }
    }
}

#[test]
fn the_name_of_a_user_is_escaped() {
    let fixture = Fixture::created();
    let output = run(fixture.zenith().args(["user", "reset-password", HOSTILE]), 1);
    assert_harmless(&output, r"\u{1b}]0;title");
}

#[test]
fn what_is_in_a_settings_file_is_escaped_in_warnings() {
    let fixture = Fixture::created();
    let settings =
        format!("DATABASE_{}=1\nDATABASE_LOG_LEVEL={}\n", "X\u{1b}[2J", "y\u{1b}]0;z\u{7}");
    std::fs::write(fixture.directory.path().join(".env"), settings).expect("a file");
    let output = fixture.zenith().args(["status", "--color", "always"]).output().expect("it runs");
    assert_harmless(&output, "");
}

/// A line end in a name does not pass for one of the message.
#[test]
fn the_name_of_a_file_is_one_line_of_an_error() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path().join("a\nb\tc");
    std::fs::create_dir_all(directory.join("is_a_directory")).expect("a directory");
    let (absent, taken) = (directory.join("absent.db"), directory.join("is_a_directory"));
    let named_in_an_error = |command: &mut std::process::Command| {
        let output = command.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(r"a\nb\tc"), "{command:?}: {said}");
        assert!(!said.contains("a\nb") && !said.contains("b\tc"), "{command:?}: {said}");
    };
    let command = || bare_zenith(fixture.directory.path());
    named_in_an_error(command().arg("status").arg("--path").arg(&absent));
    named_in_an_error(command().arg("status").arg("--path").arg(&taken));
    named_in_an_error(command().args(["restore", "--latest", "--path"]).arg(&absent));
    named_in_an_error(command().args(["restore", "--yes"]).arg(&absent));
    named_in_an_error(command().args(["adopt", "--plan", "--from"]).arg(&absent));
    named_in_an_error(command().args(["backup", "verify"]).arg(&absent));
    named_in_an_error(command().args(["status", "--env-file"]).arg(&absent));
    named_in_an_error(command().args(["migration", "lint"]).arg(&directory));
}

/// A name with a line feed would look like a line of the report.
#[test]
fn a_line_feed_in_a_name_begins_no_line() {
    let fixture = SqliteFixture::empty();
    let path = fixture.directory.path().join("a\nsuccess: all fine.db");
    let command = |arguments: &[&str]| {
        let mut command = bare_zenith(fixture.directory.path());
        command.arg("--path").arg(&path).args(arguments).args(["--verbose"]);
        let output = command.output().expect("it runs");
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains("\nsuccess"), "{arguments:?}: {text}");
        text.into_owned()
    };
    assert!(command(&["status"]).contains("a\\nsuccess"));
    for arguments in [
        &["create"][..],
        &["create", "--force"],
        &["backup"],
        &["backup", "list"],
        &["backup", "verify"],
        &["backup", "prune", "--keep-last", "1", "--dry-run"],
        &["restore", "--latest"],
        &["restore", "--latest", "--yes"],
        &["restore", "--drill"],
        &["rollback", "--yes"],
        &["status"],
        &["health-check", "--deep"],
    ] {
        command(arguments);
    }
}
