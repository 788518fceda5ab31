//! The administrator that `create` makes: where its password comes from, and where it never goes.

use std::process::Output;

use crate::support::command::{assert_unchanged, json, run_with_input, tree};
use crate::support::{Fixture, SqliteFixture, run, stderr, stdout};
use argon2::{Argon2, PasswordVerifier};

const PASSWORD: &str = "Tr0ub4dor & three horses";

/// Whether this password opens the account, by its stored hash.
fn opens(fixture: &Fixture, password: &str) -> bool {
    let hash = fixture.text("SELECT password_hash FROM users");
    assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
    Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok()
}

fn must_change(fixture: &Fixture) -> String {
    fixture.text("SELECT CASE WHEN must_change_password THEN 1 ELSE 0 END FROM users")
}

/// The password that a report in text shows.
fn shown(output: &Output) -> String {
    let text = stdout(output);
    let line = text.lines().find_map(|line| line.trim().strip_prefix("password "));
    line.expect("a password is shown").trim().to_owned()
}

/// Whether a file, or a row on a server, contains this text.
fn contains(fixture: &Fixture, text: &str) -> bool {
    let found = |bytes: &Vec<u8>| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    fixture.everything().values().flatten().any(found)
}

/// The account, every column of it.
fn account(fixture: &Fixture) -> String {
    fixture.text(
        "SELECT string_agg(concat_ws('|', id, uuid, username, email, password_hash, role_id,
             must_change_password, is_active, created_at, updated_at), ',') FROM users",
    )
}

#[test]
fn the_administrator_has_the_documented_defaults_and_every_right() {
    let fixture = Fixture::empty();
    run(fixture.zenith().arg("create"), 0);
    assert_eq!(
        fixture.text("SELECT username || ' ' || email FROM users"),
        "admin admin@zenith.local"
    );
    let role = "SELECT name FROM roles JOIN users ON role_id = roles.id
                WHERE is_superuser AND is_active AND password_algorithm = 'argon2id'";
    assert_eq!(fixture.text(role), "super_admin");
}

#[test]
fn name_and_address_come_from_the_flags_in_canonical_lower_case() {
    for command in ["create", "ensure"] {
        let fixture = Fixture::empty();
        let flags = ["--admin-user", "Root", "--admin-email", "Root@Example.org"];
        run(fixture.zenith().arg(command).args(flags), 0);
        assert_eq!(
            fixture.text("SELECT username || ' ' || email FROM users"),
            "root root@example.org"
        );
    }
}

#[test]
fn a_password_from_standard_input_is_the_one_that_is_stored() {
    for line_end in ["\n", "\r\n", ""] {
        let fixture = Fixture::empty();
        let mut command = fixture.zenith();
        command.args(["create", "--admin-password-stdin"]);
        let output = run_with_input(&mut command, &format!("{PASSWORD}{line_end}"), 0);
        assert!(opens(&fixture, PASSWORD), "{line_end:?}");
        assert_eq!(must_change(&fixture), "0");
        assert!(!stdout(&output).contains(PASSWORD));
        assert!(!stdout(&output).contains("Write it down"), "{output:?}");
    }
}

#[test]
fn a_password_from_the_environment_is_the_one_that_is_stored() {
    let fixture = Fixture::empty();
    run(fixture.zenith().arg("create").env("ZENITH_ADMIN_PASSWORD", PASSWORD), 0);
    assert!(opens(&fixture, PASSWORD));
    assert_eq!(must_change(&fixture), "0");
}

#[test]
fn standard_input_wins_over_the_environment_only_when_asked_for() {
    let other = "another long password";
    let fixture = Fixture::empty();
    let mut command = fixture.zenith();
    command.args(["create", "--admin-password-stdin"]).env("ZENITH_ADMIN_PASSWORD", other);
    run_with_input(&mut command, PASSWORD, 0);
    assert!(opens(&fixture, PASSWORD) && !opens(&fixture, other));

    let fixture = Fixture::empty();
    let mut command = fixture.zenith();
    run_with_input(command.arg("create").env("ZENITH_ADMIN_PASSWORD", other), PASSWORD, 0);
    assert!(opens(&fixture, other) && !opens(&fixture, PASSWORD));
}

#[test]
fn a_generated_password_is_the_stored_one_shown_once_and_must_be_changed() {
    let fixture = Fixture::empty();
    let output = run(fixture.zenith().arg("create"), 0);
    let password = shown(&output);
    assert!(password.len() >= 20, "{password}");
    assert!(opens(&fixture, &password));
    assert_eq!(must_change(&fixture), "1");
    assert_eq!(stdout(&output).matches(&password).count(), 1);
    assert!(stdout(&output).contains("must be changed at the first sign-in"));

    let fixture = Fixture::empty();
    let output = run(fixture.zenith().args(["create", "--format", "json"]), 0);
    let report = json(&output);
    let password = report["details"]["administrator"]["generated_password"].as_str();
    assert!(opens(&fixture, password.expect("a password")));
    assert_eq!(stdout(&output).matches(password.expect("a password")).count(), 1);
}

#[test]
fn two_databases_never_get_the_same_generated_password() {
    let passwords = [Fixture::empty(), Fixture::empty()]
        .map(|fixture| shown(&run(fixture.zenith().arg("create"), 0)));
    assert_ne!(passwords[0], passwords[1]);
}

#[test]
fn a_password_that_cannot_be_accepted_is_exit_code_2_and_creates_nothing() {
    let long = "x".repeat(1025);
    for password in ["short", "elevenchars", "has a\tcontrol character", long.as_str(), ""] {
        let fixture = Fixture::empty();
        let mut command = fixture.zenith();
        command.args(["create", "--admin-password-stdin", "--verbose"]);
        let output = run_with_input(&mut command, &format!("{password}\n"), 2);
        assert!(stderr(&output).contains("password"), "{}", stderr(&output));
        // The message says what is allowed, not what was typed.
        let said = stdout(&output) + &stderr(&output);
        assert!(password.is_empty() || !said.contains(password), "{said}");
        fixture.assert_nothing_was_created();

        let mut command = fixture.zenith();
        run(command.arg("ensure").env("ZENITH_ADMIN_PASSWORD", password), 2);
        fixture.assert_nothing_was_created();
    }
    // The shortest that is accepted, counted in characters and not in bytes.
    let fixture = Fixture::empty();
    run(fixture.zenith().arg("create").env("ZENITH_ADMIN_PASSWORD", "zwölf Zeichn"), 0);
    assert!(opens(&fixture, "zwölf Zeichn"));
}

#[test]
fn a_name_or_address_that_cannot_be_accepted_creates_nothing() {
    let fixture = Fixture::empty();
    let long = "x".repeat(51);
    for flags in [
        ["--admin-user", ""],
        ["--admin-user", "   "],
        ["--admin-user", long.as_str()],
        ["--admin-user", "two\nlines"],
        ["--admin-email", "no-at-sign"],
        ["--admin-email", "@host"],
        ["--admin-email", "name@"],
        ["--admin-email", "a b@host"],
    ] {
        run(fixture.zenith().arg("create").args(flags), 2);
        fixture.assert_nothing_was_created();
    }
}

#[test]
fn an_existing_administrator_is_never_changed_and_no_password_is_shown() {
    let fixture = Fixture::empty();
    let mut command = fixture.zenith();
    command.args(["create", "--admin-user", "root", "--admin-password-stdin"]);
    run_with_input(&mut command, PASSWORD, 0);
    let before = (account(&fixture), fixture.everything());
    let flags = ["--admin-user", "other", "--admin-email", "other@zenith.local"];
    for command in ["create", "ensure"] {
        let mut zenith = fixture.zenith();
        zenith.arg(command).args(flags).env("ZENITH_ADMIN_PASSWORD", "another long password");
        let said = stdout(&run(&mut zenith, 0));
        assert!(!said.contains("password") && !said.contains("Write it down"), "{said}");
        let output = run(fixture.zenith().args([command, "--format", "json"]), 0);
        assert!(!stdout(&output).contains("generated_password"), "{}", stdout(&output));
    }
    let said = stdout(&run(fixture.zenith().arg("create"), 0));
    assert!(said.contains("root, unchanged"), "{said}");
    let report = json(&run(fixture.zenith().args(["create", "--format", "json"]), 0));
    assert_eq!(report["details"]["administrator"]["outcome"], "existed");
    assert_eq!(report["details"]["administrator"]["username"], "root");
    assert_eq!(account(&fixture), before.0);
    assert_unchanged(&before.1, &fixture.everything());
}

#[test]
fn an_administrator_is_made_where_the_active_one_is_missing() {
    let fixture = Fixture::created();
    fixture.sql("UPDATE users SET is_active = FALSE");
    // The old name is taken by the account that was deactivated, which stays as it is.
    let before = account(&fixture);
    let report = json(&run(fixture.zenith().args(["create", "--format", "json"]), 0));
    assert_eq!(report["details"]["administrator"]["outcome"], "name_taken");
    assert!(report["details"]["administrator"]["generated_password"].is_null(), "{report}");
    let said = stdout(&run(fixture.zenith().arg("create"), 0));
    assert!(said.contains("no administrator") && said.contains("--admin-user"), "{said}");
    assert_eq!(account(&fixture), before);

    let flags = ["--admin-user", "second", "--admin-email", "second@zenith.local"];
    let report = json(&run(fixture.zenith().args(["create", "--format", "json"]).args(flags), 0));
    assert_eq!(report["status"], "updated");
    assert_eq!(report["details"]["administrator"]["outcome"], "created");
    assert_eq!(fixture.text("SELECT count(*) FROM users"), "2");
}

#[test]
fn the_password_is_in_no_file_and_in_no_log() {
    for from_input in [true, false] {
        let fixture = Fixture::empty();
        let mut command = fixture.zenith();
        command.args(["create", "--verbose"]);
        let output = if from_input {
            run_with_input(command.arg("--admin-password-stdin"), PASSWORD, 0)
        } else {
            run(command.env("ZENITH_ADMIN_PASSWORD", PASSWORD), 0)
        };
        assert!(!(stdout(&output) + &stderr(&output)).contains(PASSWORD), "{output:?}");
        let mut command = fixture.zenith();
        command.args(["config", "--verbose"]).env("ZENITH_ADMIN_PASSWORD", PASSWORD);
        let output = run(&mut command, 0);
        assert!(!(stdout(&output) + &stderr(&output)).contains(PASSWORD), "{output:?}");
        assert!(!contains(&fixture, PASSWORD));
        // The search itself works: it finds what is stored.
        assert!(contains(&fixture, "admin@zenith.local"));
    }
}

#[test]
fn a_generated_password_is_in_no_file_no_log_and_no_backup() {
    let fixture = Fixture::empty();
    let output = run(fixture.zenith().args(["create", "--verbose"]), 0);
    let password = shown(&output);
    assert!(!stderr(&output).contains(&password), "{}", stderr(&output));
    let later = run(fixture.zenith().args(["backup", "--verbose"]), 0);
    assert!(!(stdout(&later) + &stderr(&later)).contains(&password));
    assert!(!contains(&fixture, &password));
}

#[test]
fn creating_leaves_nothing_but_the_database_and_its_empty_directories() {
    let fixture = SqliteFixture::empty();
    run(fixture.zenith().arg("create"), 0);
    let directory = fixture.directory.path();
    let found: Vec<_> = tree(directory).into_keys().collect();
    assert_eq!(found, ["backups", "logs", "zenith.db"].map(|name| directory.join(name)));
}
