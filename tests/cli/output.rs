//! What the command prints, and where: one JSON object on standard output, everything else beside it.

use std::process::{Command, Output, Stdio};

use crate::support::command::json;
use crate::support::{Fixture, SqliteFixture, bare_zenith, run, stderr, stdout};

const ESCAPE: char = '\u{1b}';

/// Runs a command whose reader has gone, as that of `zenith-db … | head -0`.
fn without_reader(command: &mut Command) -> Output {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let child = command.stdout(writer).stderr(Stdio::piped()).spawn().expect("it starts");
    child.wait_with_output().expect("it ends")
}

#[test]
fn with_json_every_subcommand_prints_exactly_one_object() {
    let fixture = Fixture::empty();
    for arguments in [
        ["create"].as_slice(),
        &["init"],
        &["rollback", "--yes"],
        &["migrate"],
        &["seed"],
        &["health-check"],
        &["health"],
        &["status"],
        &["backup"],
        &["config"],
        &["ensure"],
    ] {
        let mut command = fixture.zenith();
        let output = run(command.args(["--format", "json"]).args(arguments), 0);
        json(&output);
        assert_eq!(stderr(&output), "", "{arguments:?}");
    }
}

#[test]
fn with_json_an_error_is_one_object_too_and_a_sentence_on_standard_error() {
    let unhealthy = Fixture::created();
    unhealthy.sql("DROP TABLE notifications");
    let pending = Fixture::created();
    run(pending.zenith().args(["rollback", "--yes", "--no-backup"]), 0);
    let missing = Fixture::empty();
    for (fixture, arguments, exit) in [
        (&pending, ["seed"].as_slice(), 1),
        (&missing, &["create", "--max-connections", "0"], 2),
        (&missing, &["status", "--force"], 2),
        (&pending, &["rollback"], 2),
        (&missing, &["status"], 4),
    ] {
        let output = run(fixture.zenith().args(arguments).args(["--format", "json"]), exit);
        let error = json(&output);
        assert_eq!(error["exit_code"], exit, "{arguments:?}");
        let message = error["error"].as_str().expect("a message");
        assert!(!message.is_empty() && error["causes"].is_array(), "{error}");
        assert!(stderr(&output).starts_with("error: "), "{}", stderr(&output));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    // Unhealthy is a finding, not an error: the report is the object.
    let output = run(unhealthy.zenith().args(["health", "--format", "json"]), 3);
    assert_eq!(json(&output)["healthy"], false);
}

#[test]
fn with_json_flags_that_cannot_be_parsed_are_one_object_too() {
    let fixture = Fixture::empty();
    for arguments in [
        ["--format", "json", "conjure"].as_slice(),
        &["status", "--format", "json", "--conjure"],
        &["status", "--format=json", "--quiet", "--verbose"],
        &["--format", "json"],
    ] {
        let output = run(bare_zenith(fixture.directory.path()).args(arguments), 2);
        assert_eq!(json(&output)["exit_code"], 2, "{arguments:?}");
        assert!(stderr(&output).contains("error:"), "{}", stderr(&output));
    }
}

#[test]
fn an_error_names_its_cause() {
    let fixture = SqliteFixture::empty();
    std::fs::write(fixture.path(), b"SQLite format 3\0and then nothing that is").expect("a file");
    let output = run(fixture.zenith().args(["status", "--format", "json"]), 1);
    let causes = json(&output)["causes"].as_array().cloned().expect("the causes");
    let cause = causes[0].as_str().expect("a cause");
    assert!(stderr(&output).contains(cause), "{}", stderr(&output));
}

#[test]
fn quiet_prints_what_was_asked_for_and_errors_but_no_warnings() {
    let fixture = Fixture::created();
    let warned = |quiet: &[&str]| {
        let mut command = fixture.zenith();
        command.arg("status").args(quiet).env("DATABASE_NONSENSE", "1");
        run(&mut command, 0)
    };
    let (loud, quiet) = (warned(&[]), warned(&["--quiet"]));
    assert!(stderr(&loud).contains("warning:"), "{}", stderr(&loud));
    assert_eq!(stderr(&quiet), "");
    assert_eq!(stderr(&warned(&["-q"])), "");
    assert_eq!(stdout(&quiet), stdout(&loud));
    let missing = Fixture::empty();
    let output = run(missing.zenith().args(["status", "--quiet"]), 4);
    assert!(stderr(&output).contains("there is no database"), "{}", stderr(&output));
}

#[test]
fn verbose_says_on_standard_error_what_is_done_and_changes_nothing_else() {
    let fixture = Fixture::empty();
    let output = run(fixture.zenith().args(["ensure", "--verbose", "--format", "json"]), 0);
    assert!(stderr(&output).contains("creating it"), "{}", stderr(&output));
    json(&output);
    run(fixture.zenith().args(["rollback", "--yes", "--no-backup"]), 0);
    let output = run(fixture.zenith().args(["ensure", "-v"]), 0);
    assert!(stderr(&output).contains("migrations are pending"), "{}", stderr(&output));
    let output = run(fixture.zenith().args(["status", "--verbose", "--quiet"]), 2);
    assert_eq!(stdout(&output), "");
}

#[test]
fn colours_come_only_where_they_are_wanted() {
    let fixture = Fixture::created();
    let health = |flags: &[&str], variables: &[(&str, &str)]| {
        let mut command = fixture.zenith();
        command.arg("health-check").args(flags).envs(variables.iter().copied());
        stdout(&run(&mut command, 0)).contains(ESCAPE)
    };
    // Not a terminal.
    assert!(!health(&[], &[]));
    assert!(health(&["--color", "always"], &[]));
    assert!(!health(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(health(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!health(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    // A flag goes before the environment.
    assert!(health(&["--color", "always"], &[("NO_COLOR", "1")]));
}

#[test]
fn colours_reach_errors_but_never_json() {
    let missing = Fixture::empty();
    let status = ["status", "--format", "json", "--color"];
    let output = run(missing.zenith().args(status).arg("always"), 4);
    assert!(stderr(&output).contains(ESCAPE), "{}", stderr(&output));
    assert!(!stdout(&output).contains(ESCAPE) && !stdout(&output).contains("u001b"));
    let output = run(missing.zenith().args(status).arg("never"), 4);
    assert!(!stderr(&output).contains(ESCAPE), "{}", stderr(&output));
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let fixture = Fixture::created();
    for name in
        ["status", "config", "health-check", "seed", "migrate", "ensure", "create", "--help"]
    {
        for format in ["text", "json"] {
            let output = without_reader(fixture.zenith().args([name, "--format", format]));
            assert_eq!(output.status.code(), Some(0), "{name} {format}: {output:?}");
            assert_eq!(stderr(&output), "", "{name} {format}");
        }
    }
}

#[test]
fn a_reader_that_has_gone_does_not_turn_failure_into_success() {
    let unhealthy = Fixture::created();
    unhealthy.sql("DROP TABLE notifications");
    for format in ["text", "json"] {
        let mut command = unhealthy.zenith();
        let output = without_reader(command.args(["health-check", "--format", format]));
        assert_eq!(output.status.code(), Some(3), "{format}: {output:?}");
        let missing = Fixture::empty();
        let output = without_reader(missing.zenith().args(["status", "--format", format]));
        assert_eq!(output.status.code(), Some(4), "{format}: {output:?}");
        assert!(!stderr(&output).contains("panicked"), "{output:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error_and_no_panic() {
    let fixture = Fixture::created();
    for format in ["text", "json"] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
        let mut command = fixture.zenith();
        let child =
            command.args(["status", "--format", format]).stdout(full).stderr(Stdio::piped());
        let output = child.spawn().expect("it starts").wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(1), "{format}: {output:?}");
        assert!(stderr(&output).starts_with("error: "), "{output:?}");
        assert!(!stderr(&output).contains("panicked"), "{output:?}");
    }
}
