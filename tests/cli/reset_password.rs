//! `user reset-password`: a new password for an account whose password is lost.

use std::process::Stdio;

use argon2::{Argon2, PasswordVerifier};

use crate::support::command::{json, run_with_input};
use crate::support::{Fixture, run, stderr, stdout};

const PASSWORD: &str = "another long password";
const STATE: &str =
    "SELECT concat_ws('|', password_hash, must_change_password, failed_login_attempts,
    locked_until, (SELECT count(*) FROM user_sessions WHERE is_active),
    (SELECT count(*) FROM audit_log)) FROM users";

/// A database whose administrator is locked out and has two open sessions.
fn locked() -> Fixture {
    let fixture = Fixture::created();
    fixture.sql(
        "UPDATE users SET failed_login_attempts = 5, locked_until = '2126-01-01 00:00:00.000000'",
    );
    for number in 1..=2 {
        let digits = format!("{number}").repeat(64);
        let uuid = format!("0190a000-0000-7000-8000-00000000000{number}");
        fixture.sql(&format!(
            "INSERT INTO user_sessions (session_id, user_id, token_hash, idle_expires_at, expires_at)
             SELECT '{uuid}', id, '{digits}', '2126-01-01 00:00:00.000000', '2126-01-01 00:00:00.000000'
             FROM users"
        ));
    }
    fixture
}

fn opens(fixture: &Fixture, password: &str) -> bool {
    let hash = fixture.text("SELECT password_hash FROM users");
    Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok()
}

fn value(fixture: &Fixture, column: &str) -> String {
    fixture.text(&format!("SELECT CASE WHEN {column} THEN 1 ELSE 0 END FROM users"))
}

#[test]
fn a_password_from_standard_input_opens_the_account_and_ends_lock_and_sessions() {
    let fixture = locked();
    let mut command = fixture.zenith();
    command.args(["user", "reset-password", "Admin", "--password-stdin", "--format", "json"]);
    let report = json(&run_with_input(&mut command, &format!("\u{feff}{PASSWORD}\r\n"), 0));
    assert_eq!(report["username"], "admin");
    assert_eq!(report["sessions_revoked"], 2);
    assert!(report["generated_password"].is_null(), "{report}");
    assert!(opens(&fixture, PASSWORD));
    assert_eq!(value(&fixture, "must_change_password"), "0");
    assert_eq!(value(&fixture, "failed_login_attempts > 0 OR locked_until IS NOT NULL"), "0");
    assert_eq!(fixture.text("SELECT count(*) FROM user_sessions WHERE is_active"), "0");
    let entry = "SELECT actor_name || ' ' || event_type || ' ' || resource_type FROM audit_log
                 WHERE resource_id = (SELECT CAST(uuid AS TEXT) FROM users)";
    assert_eq!(fixture.text(entry), "zenith-db password_reset user");
}

#[test]
fn a_generated_password_is_shown_once_and_must_be_changed() {
    let fixture = locked();
    let text = stdout(&run(fixture.zenith().args(["user", "reset-password", "admin"]), 0));
    let password = text.lines().find_map(|line| line.trim().strip_prefix("password "));
    let password = password.expect("a password").trim();
    assert!(opens(&fixture, password));
    assert_eq!(text.matches(password).count(), 1);
    assert_eq!(value(&fixture, "must_change_password"), "1");

    let mut command = fixture.zenith();
    command.args(["user", "reset-password", "admin", "--generate", "--format", "json"]);
    let report = json(&run(&mut command, 0));
    assert!(opens(&fixture, report["generated_password"].as_str().expect("a password")));
}

#[cfg(target_os = "linux")]
#[test]
fn a_generated_password_that_cannot_be_delivered_changes_nothing() {
    let fixture = locked();
    let before = fixture.text(STATE);
    for device in ["/dev/full", "/dev/null"] {
        for format in ["text", "json"] {
            let output = std::fs::File::options().write(true).open(device).expect("a device");
            let mut command = fixture.zenith();
            command.args(["user", "reset-password", "admin", "--format", format]).stdout(output);
            let child = command.stderr(Stdio::piped()).spawn().expect("it starts");
            let output = child.wait_with_output().expect("it ends");
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            assert!(stderr(&output).contains("nothing was changed"), "{output:?}");
            assert_eq!(fixture.text(STATE), before, "{device}");
        }
    }
}

#[test]
fn a_name_or_password_that_cannot_be_used_changes_nothing() {
    let fixture = locked();
    let before = fixture.text(STATE);
    let output = run(fixture.zenith().args(["user", "reset-password", "nobody"]), 1);
    assert!(stderr(&output).contains("nobody"), "{output:?}");
    for input in ["short\n", "two\nlines of a password\n", ""] {
        let mut command = fixture.zenith();
        command.args(["user", "reset-password", "admin", "--password-stdin"]);
        run_with_input(&mut command, input, 2);
    }
    assert_eq!(fixture.text(STATE), before);
    let missing = Fixture::empty();
    run(missing.zenith().args(["user", "reset-password", "admin"]), 4);
    missing.assert_nothing_was_created();
}

#[test]
fn an_account_that_is_not_active_stays_so_and_is_warned_of() {
    let fixture = locked();
    fixture.sql("UPDATE users SET is_active = FALSE");
    let output = run(fixture.zenith().args(["user", "reset-password", "admin"]), 0);
    assert!(stderr(&output).contains("may not sign in"), "{output:?}");
    assert_eq!(value(&fixture, "is_active"), "0");
}
