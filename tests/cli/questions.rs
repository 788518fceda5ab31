//! Every question of the command, on a terminal: each answer, the end of the input, and Ctrl-C.

use std::process::Command;

use crate::support::command::assert_unchanged;
use crate::support::legacy::{Shape, former};
use crate::support::terminal::OnTerminal;
use crate::support::{Fixture, run};

const PASSWORD: &str = "correct horse battery";
const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";

/// Asks with each answer. All but the last must change nothing.
fn asks(fixture: &Fixture, command: impl Fn() -> Command, question: &str) {
    let before = fixture.everything();
    for (answer, exit) in [("n\n", 1), ("\n", 1), ("yess\n", 1), (CTRL_D, 1), (CTRL_C, 130)] {
        let mut terminal = OnTerminal::start(&command());
        terminal.wait_for(question);
        terminal.wait_for("[y/N] ");
        terminal.type_in(answer);
        let shown = terminal.end_with(exit);
        let said = if exit == 130 { "ended by SIGINT" } else { "nothing was changed" };
        assert!(shown.contains(said), "{answer:?}: {shown}");
        assert_unchanged(&before, &fixture.everything());
    }
    let mut terminal = OnTerminal::start(&command());
    terminal.wait_for("[y/N] ");
    terminal.type_in("y\n");
    terminal.end_with(0);
}

#[test]
fn create_force_asks_and_says_whether_a_backup_is_taken() {
    for (flag, said) in [("--backup", "after a backup"), ("--no-backup", "WITHOUT a backup")] {
        let fixture = Fixture::created();
        let command = || {
            let mut command = fixture.zenith();
            command.args(["create", "--force", flag]).env("ZENITH_ADMIN_PASSWORD", PASSWORD);
            command
        };
        asks(&fixture, command, said);
    }
}

#[test]
fn rollback_and_redo_ask_and_say_whether_a_backup_is_taken() {
    for name in ["rollback", "redo"] {
        for (flag, said) in [("--backup", "after a backup"), ("--no-backup", "WITHOUT a backup")] {
            let fixture = Fixture::created();
            let command = || {
                let mut command = fixture.zenith();
                command.args([name, flag]);
                command
            };
            asks(&fixture, command, said);
        }
    }
}

#[test]
fn a_question_about_data_that_no_backup_keeps_says_so() {
    let fixture = Fixture::created();
    for (arguments, said) in [
        (["rollback", "--no-backup"].as_slice(), "no copy is kept"),
        (&["redo", "--no-backup"], "no copy is kept"),
        (&["create", "--force", "--no-backup"], "The rows cannot be restored"),
    ] {
        let mut terminal = OnTerminal::start(fixture.zenith().args(arguments));
        terminal.wait_for(said);
        terminal.type_in("n\n");
        terminal.end_with(1);
    }
}

#[test]
fn adopt_create_and_ensure_ask_before_they_replace_a_former_database() {
    for name in ["adopt", "create", "ensure"] {
        let fixture = former(Shape::Plain);
        let command = || {
            let mut command = fixture.zenith();
            command.arg(name).env("ZENITH_ADMIN_PASSWORD", PASSWORD);
            command
        };
        let before = fixture.everything();
        for answer in ["n\n", CTRL_D, CTRL_C] {
            let mut terminal = OnTerminal::start(&command());
            terminal.wait_for("Replace it with a converted database");
            terminal.wait_for("[y/N] ");
            terminal.type_in(answer);
            terminal.end();
            assert_unchanged(&before, &fixture.everything());
        }
        let mut terminal = OnTerminal::start(&command());
        terminal.wait_for("[y/N] ");
        terminal.type_in("y\n");
        terminal.end_with(0);
    }
}

#[test]
fn a_password_is_hidden_asked_for_twice_and_again_until_it_is_accepted() {
    let fixture = Fixture::empty();
    let mut terminal = OnTerminal::start(fixture.zenith().arg("create"));
    for (first, second, said) in [
        ("short", None, "at least 12 characters"),
        (PASSWORD, Some("another password"), "The passwords differ"),
        (PASSWORD, Some(PASSWORD), "created"),
    ] {
        terminal.wait_for("Administrator's password: ");
        terminal.wait_until_hiding();
        terminal.type_in(&format!("{first}\n"));
        if let Some(second) = second {
            terminal.wait_for("Repeat the password: ");
            terminal.wait_until_hiding();
            terminal.type_in(&format!("{second}\n"));
        }
        terminal.wait_for(said);
    }
    let shown = terminal.end_with(0);
    assert!(!shown.contains(PASSWORD), "{shown}");
    assert_eq!(fixture.text("SELECT count(*) FROM users"), "1");
}

#[test]
fn a_password_prompt_that_is_ended_creates_nothing_and_leaves_the_terminal_as_it_was() {
    for (keys, exit) in [(CTRL_C, 130), (CTRL_D, 1)] {
        let fixture = Fixture::empty();
        let mut terminal = OnTerminal::start(fixture.zenith().arg("create"));
        terminal.wait_for("Administrator's password: ");
        terminal.wait_until_hiding();
        terminal.type_in(keys);
        terminal.end_with(exit);
        fixture.assert_nothing_was_created();
    }
    for (signal, exit) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let fixture = Fixture::empty();
        let mut terminal = OnTerminal::start(fixture.zenith().arg("create"));
        terminal.wait_for("Administrator's password: ");
        terminal.wait_until_hiding();
        run(Command::new("kill").args([signal, &terminal.id().to_string()]), 0);
        terminal.end_with(exit);
        fixture.assert_nothing_was_created();
    }
}

#[test]
fn a_new_password_is_asked_for_twice() {
    let fixture = Fixture::created();
    let before = fixture.text("SELECT password_hash FROM users");
    let mut terminal =
        OnTerminal::start(fixture.zenith().args(["user", "reset-password", "admin"]));
    terminal.wait_for("New password of admin: ");
    terminal.wait_until_hiding();
    terminal.type_in("another long password\n");
    terminal.wait_for("Repeat the password: ");
    terminal.wait_until_hiding();
    terminal.type_in("another long password\n");
    let shown = terminal.end_with(0);
    assert!(shown.contains("set a new password for admin"), "{shown}");
    assert_ne!(fixture.text("SELECT password_hash FROM users"), before);
}

#[test]
fn accepting_edited_migrations_is_asked_for() {
    let fixture = Fixture::created();
    fixture.sql(&format!("UPDATE schema_version SET checksum = '{}'", "0".repeat(64)));
    let command = || {
        let mut command = fixture.zenith();
        command.args(["migrate", "--repair"]);
        command
    };
    asks(&fixture, command, "Record the new checksums");
}
