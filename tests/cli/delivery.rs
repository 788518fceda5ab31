//! The generated password is delivered before the commit, or nothing is made.

#[cfg(unix)]
use std::process::{Command, Stdio};

use crate::support::command::{json, run_with_input};
use crate::support::{Fixture, run, stderr, stdout};

/// What creating again finds of the administrator.
#[cfg(target_os = "linux")]
fn created_again(fixture: &Fixture) -> String {
    let created = run(fixture.zenith().args(["create", "--format", "json"]), 0);
    json(&created)["details"]["administrator"]["outcome"].as_str().unwrap_or_default().to_owned()
}

/// Shell command lines that lose standard output.
#[cfg(target_os = "linux")]
const LOSSES: [&str; 4] = [
    "exec \"$@\" >&-",
    "exec \"$@\" >/dev/null",
    "exec \"$@\" >/dev/full",
    // A reader that has gone before the command starts.
    "mkfifo pipe; (exec 3<pipe) & exec 4>pipe; wait; rm pipe; exec \"$@\" >&4",
];

#[cfg(unix)]
fn losing(fixture: &Fixture, script: &str, arguments: &[&str]) -> Command {
    let command = fixture.zenith();
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
    shell.args(arguments).current_dir(fixture.directory.path()).stdin(Stdio::null());
    shell.env_remove("ZENITH_ADMIN_PASSWORD");
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_loses_the_password_makes_no_account_and_exits_with_1() {
    for name in ["create", "ensure"] {
        for format in ["text", "json"] {
            for script in LOSSES {
                let fixture = Fixture::empty();
                let mut command = losing(&fixture, script, &[name, "--format", format]);
                let output = run(&mut command, 1);
                let said = stderr(&output);
                assert!(
                    said.contains("password") && said.contains("nothing was changed"),
                    "{said}"
                );
                assert!(!said.contains("panicked"), "{said}");
                // The next one finds none.
                assert_eq!(created_again(&fixture), "created", "{name} {format} {script}");
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn force_with_an_output_that_loses_the_password_keeps_the_old_database() {
    for script in LOSSES {
        let fixture = Fixture::created();
        fixture.sql("INSERT INTO roles (name) VALUES ('auditor')");
        let before = fixture.text("SELECT password_hash FROM users");
        run(&mut losing(&fixture, script, &["create", "--force", "--yes"]), 1);
        assert_eq!(fixture.text("SELECT password_hash FROM users"), before, "{script}");
        assert_eq!(fixture.text("SELECT count(*) FROM roles WHERE name = 'auditor'"), "1");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_lost_output_is_no_matter_where_no_password_is_generated() {
    for script in ["exec \"$@\" >&-", "exec \"$@\" >/dev/null"] {
        let fixture = Fixture::empty();
        let mut command = losing(&fixture, script, &["create"]);
        run(command.env("ZENITH_ADMIN_PASSWORD", "correct horse battery"), 0);
        run(&mut losing(&fixture, script, &["create"]), 0);
    }
}

#[test]
fn the_password_comes_before_the_rest_of_the_report() {
    let fixture = Fixture::empty();
    let text = stdout(&run(fixture.zenith().arg("create"), 0));
    assert!(text.trim_start().starts_with("password "), "{text}");
    for (name, path) in
        [("create", "/details/administrator"), ("ensure", "/setup/details/administrator")]
    {
        let fixture = Fixture::empty();
        let output = run(fixture.zenith().args([name, "--format", "json"]), 0);
        let account = json(&output).pointer(path).cloned().expect("the account");
        assert_eq!(account["outcome"], "created");
        let password = account["generated_password"].as_str().expect("a password").to_owned();
        let (before, rest) = stdout(&output).split_once(&password).map_or_else(
            || panic!("no password"),
            |(before, rest)| (before.to_owned(), rest.to_owned()),
        );
        assert!(!before.contains("health") && rest.contains("health"), "{before}");
    }
}

#[cfg(unix)]
#[test]
fn an_error_after_the_delivery_completes_the_object() {
    let fixture = Fixture::created();
    // The commit fails: on SQLite it writes more than a file may have.
    fixture.sql(fixture.either(
        "UPDATE users SET is_active = FALSE;
         CREATE TABLE padding (bytes BLOB);
         CREATE TRIGGER late AFTER INSERT ON users
             BEGIN INSERT INTO padding VALUES (randomblob(4000000)); END",
        "UPDATE users SET is_active = FALSE;
         CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN RAISE EXCEPTION 'late'; END $$;
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION late()",
    ));
    let arguments = ["create", "--no-backup", "--format", "json", "--admin-user", "second"];
    let script = "ulimit -f 3000; exec \"$@\"";
    let mut command = losing(&fixture, script, &arguments);
    let output = run(command.args(["--admin-email", "second@zenith.local"]), 1);
    let object = json(&output);
    assert!(object["details"]["administrator"]["generated_password"].is_string(), "{object}");
    assert_eq!(object["exit_code"], 1, "{object}");
    assert!(object["error"].is_string(), "{object}");
    assert_eq!(fixture.text("SELECT count(*) FROM users"), "1");
}

#[test]
fn a_password_on_standard_input_that_is_not_needed_is_said_to_be_ignored() {
    let fixture = Fixture::created();
    for name in ["create", "ensure"] {
        let mut command = fixture.zenith();
        command.args([name, "--admin-password-stdin"]);
        let output = run_with_input(&mut command, "another long password\n", 0);
        let said = stderr(&output);
        assert!(said.contains("--admin-password-stdin was ignored"), "{said}");
        assert!(said.contains("user reset-password"), "{said}");
    }
}

/// What is written there is kept nowhere else.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_loses_a_backup_fails() {
    let fixture = Fixture::created();
    for format in ["text", "json"] {
        for script in LOSSES {
            let arguments = ["backup", "--to", "-", "--format", format];
            let output = run(&mut losing(&fixture, script, &arguments), 1);
            let said = stderr(&output);
            assert!(!said.contains("verified") && !said.contains("panicked"), "{script}: {said}");
        }
    }
}
