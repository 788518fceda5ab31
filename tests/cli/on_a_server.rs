//! The command on a PostgreSQL server, where that is another thing than a file: passwords, schemas,
//! `pg_dump`. What holds on both databases is in the other tests of the command.
#![cfg(feature = "postgres")]

use std::process::{Command, Output};

use zenith_db::migrations::all;

use crate::support::command::{assert_unchanged, json};
use crate::support::{Fixture, bare_zenith, failed, files_in, rows, run, stderr, stdout};

const PASSWORD: &str = "hunter2-and-more";

/// The same URL with a password, unless it has one, and the password. A server that trusts its user
/// does not ask for it.
fn with_password(url: &str) -> (String, String) {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (user, host) = rest.split_once('@').expect("a user");
    match user.split_once(':') {
        Some((_, password)) => (url.to_owned(), password.to_owned()),
        None => (format!("{scheme}://{user}:{PASSWORD}@{host}"), PASSWORD.to_owned()),
    }
}

fn said(output: &Output) -> String {
    stdout(output) + &stderr(output)
}

#[test]
fn create_makes_a_database_that_is_missing() {
    let Some(fixture) = Fixture::on_a_server(Fixture::empty) else { return };
    fixture.assert_nothing_was_created();
    let report = json(&run(fixture.zenith().args(["create", "--format", "json"]), 0));
    assert_eq!(report["status"], "created");
    assert_eq!(fixture.text("SELECT count(*) FROM users"), "1");
    let encoding = "SELECT pg_encoding_to_char(encoding) FROM pg_database
                    WHERE datname = current_database()";
    assert_eq!(fixture.text(encoding), "UTF8");
}

#[test]
fn no_command_shows_the_password_of_its_url() {
    let Some(fixture) = Fixture::on_a_server(Fixture::empty) else { return };
    let (url, password) = with_password(&fixture.address().1);
    let nowhere = url.replace(
        &fixture.address().1[fixture.address().1.rfind('@').expect("a host")..],
        "@127.0.0.1:1/zenith",
    );
    let shows = |command: &mut Command| {
        let output = command.output().expect("it starts");
        assert!(!said(&output).contains(&password), "{command:?}: {output:?}");
        assert!(!said(&output).is_empty(), "{command:?}");
        output.status.code()
    };
    for arguments in [
        ["status"].as_slice(),
        &["create"],
        &["create", "--force", "--yes"],
        &["rollback", "--plan"],
        &["rollback", "--yes"],
        &["seed"],
        &["migrate", "--plan"],
        &["migrate"],
        &["seed"],
        &["health-check"],
        &["status"],
        &["backup"],
        &["config"],
        &["ensure"],
        &["rollback", "--to", "1"],
        &["status", "--max-connections", "0"],
        &["conjure"],
    ] {
        for format in ["text", "json"] {
            for address in [&url, &nowhere] {
                let mut command = fixture.zenith();
                command.args(arguments).args(["--format", format, "--verbose"]);
                command.env("DATABASE_URL", address).env("DATABASE_REPLICA_URL", &nowhere);
                command.env("DATABASE_POOL_TIMEOUT_MS", "2000").env("RUST_BACKTRACE", "full");
                let exit = shows(&mut command);
                let fails = address == &nowhere && !["config", "conjure"].contains(&arguments[0]);
                assert!(!fails || exit != Some(0), "{command:?}");
            }
        }
    }
    // The search works: the user is shown where the password is not, and the URL was used.
    let mut command = fixture.zenith();
    let output = run(command.args(["config", "--format", "json"]).env("DATABASE_URL", &url), 0);
    assert!(stdout(&output).contains(":***@"), "{output:?}");
    assert_eq!(fixture.text("SELECT count(*) FROM users"), "1");
    let kept = |bytes: &Vec<u8>| bytes.windows(password.len()).any(|w| w == password.as_bytes());
    assert!(!fixture.everything().values().flatten().any(kept), "a file or a row has the password");
}

#[test]
fn a_password_among_the_arguments_is_refused_and_not_repeated() {
    let Some(fixture) = Fixture::on_a_server(Fixture::empty) else { return };
    let address = fixture.address().1;
    let (url, password) = with_password(&address);
    let parameter = format!("{address}?password={PASSWORD}");
    for (url, password) in [(&url, password.as_str()), (&parameter, PASSWORD)] {
        for name in ["create", "status", "config"] {
            let mut command = bare_zenith(fixture.directory.path());
            let output = run(command.args([name, "--database-url", url.as_str()]), 2);
            assert!(!said(&output).contains(password), "{output:?}");
            assert!(stderr(&output).contains("DATABASE_URL"), "{output:?}");
            fixture.assert_nothing_was_created();
        }
    }
    // It is the password that is refused.
    let mut command = bare_zenith(fixture.directory.path());
    let (user, host) = address.split_once('@').expect("a user");
    let bare = format!(
        "{}@{host}",
        user.rsplit_once(':')
            .map_or(user, |(start, end)| { if end.starts_with("//") { user } else { start } })
    );
    run(command.args(["config", "--database-url", &bare]), 0);
}

#[test]
fn what_is_made_in_one_schema_leaves_the_others_alone() {
    let Some(fixture) = Fixture::on_a_server(Fixture::blank) else { return };
    fixture.sql(
        "CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup');
         CREATE SCHEMA ours; CREATE SCHEMA theirs;
         CREATE TABLE theirs.users (name TEXT); INSERT INTO theirs.users VALUES ('somebody');
         CREATE FUNCTION theirs.keep() RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE VIEW theirs.names AS SELECT name FROM theirs.users",
    );
    let url = format!("{}?options=-csearch_path%3Dours", fixture.address().1);
    let zenith = |arguments: &[&str], exit| {
        let mut command = fixture.zenith();
        run(command.args(arguments).args(["--format", "json"]).env("DATABASE_URL", &url), exit)
    };
    let others = || {
        let theirs = "SELECT string_agg(name, ',') || theirs.keep() FROM theirs.names";
        (
            rows::contents(&mut fixture.raw()),
            rows::catalogue(&mut fixture.raw()),
            fixture.text(theirs),
        )
    };
    let before = others();
    assert_eq!(json(&zenith(&["create"], 0))["status"], "created");
    assert_eq!(others(), before);
    fixture.sql("INSERT INTO ours.roles (name) VALUES ('auditor')");
    let report = json(&zenith(&["create", "--force", "--yes"], 0));
    assert_eq!(report["status"], "recreated");
    assert_eq!(fixture.text("SELECT count(*) FROM ours.roles"), "5");
    assert_eq!(others(), before);
    zenith(&["rollback", "--to", "0", "--yes"], 0);
    zenith(&["create"], 0);
    assert_eq!(json(&zenith(&["health-check"], 0))["all_checks_passed"], true);
    assert_eq!(others(), before);
    // Where somebody else's tables are, nothing is made.
    let refused = run(fixture.zenith().args(["create", "--format", "json"]), 2);
    assert!(stderr(&refused).contains("another program"), "{refused:?}");
    assert_eq!(others(), before);
}

#[test]
fn a_backup_is_private_recorded_and_restored_with_every_row() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    rows::fill(&mut fixture.raw());
    let before = fixture.manager().status().expect("a status");
    let contents = rows::contents(&mut fixture.raw());
    let report = json(&run(fixture.zenith().args(["backup", "--format", "json"]), 0));
    let path = std::path::PathBuf::from(report["path"].as_str().expect("a path"));
    let rows: i64 = before.record_counts.values().sum();
    let ledger = i64::try_from(before.applied_migrations.len()).expect("a few");
    assert_eq!(report["rows"], rows + ledger);
    assert_eq!(report["fidelity"], "exact_row_counts");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path| std::fs::metadata(path).expect("it").permissions().mode() & 0o777;
        assert_eq!((mode(path.as_path()), mode(&fixture.backups())), (0o600, 0o700));
    }
    let recorded = "SELECT concat_ws(' ', status, verification_status, backup_size, backup_path)
                    FROM backup_jobs WHERE triggered_by = 'backup'";
    let size = std::fs::metadata(&path).expect("a file").len();
    assert_eq!(fixture.text(recorded), format!("completed verified {size} {}", path.display()));

    let copy = fixture.restored(&path);
    assert_eq!(rows::contents(&mut copy.raw()), contents);
    assert_eq!(copy.manager().status().expect("a status").record_counts, before.record_counts);
    let health = copy.manager().health_check();
    // The rows have ids of their own, of which sequences know nothing.
    assert_eq!(failed(&health), ["Sequences"], "{health:#?}");
    // The sequences came with it.
    copy.sql("INSERT INTO roles (name) VALUES ('another')");
}

#[test]
fn without_pg_dump_nothing_is_changed_and_the_error_says_what_to_install() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let without = |arguments: &[&str]| {
        let mut command = fixture.zenith();
        command.args(arguments).env("PATH", fixture.directory.path());
        command
    };
    let applied = || fixture.text("SELECT count(*) FROM __diesel_schema_migrations");
    let output = run(&mut without(&["backup"]), 1);
    assert!(stderr(&output).contains("pg_dump"), "{output:?}");
    assert!(stderr(&output).contains("postgresql-client"), "{output:?}");
    assert_eq!(files_in(&fixture.backups()), Vec::<String>::new());
    let recorded = fixture.text("SELECT status || ' ' || error_message FROM backup_jobs");
    assert!(recorded.starts_with("failed ") && recorded.contains("pg_dump"), "{recorded}");

    // What would take a backup first does not begin.
    let before = fixture.everything();
    for arguments in [["rollback", "--yes"].as_slice(), &["create", "--force", "--yes"]] {
        let output = run(&mut without(arguments), 1);
        assert!(stderr(&output).contains("--no-backup"), "{output:?}");
        assert_unchanged(&before, &fixture.everything());
    }
    run(&mut without(&["rollback", "--yes", "--no-backup"]), 0);
    assert_eq!(applied(), (all().len() - 1).to_string());
}

#[test]
fn a_trigger_that_does_something_else_than_it_should_is_noticed() {
    let weaken = [
        "CREATE OR REPLACE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
             FOR EACH ROW EXECUTE FUNCTION keep_updated_at()",
        "CREATE OR REPLACE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN RETURN OLD; END; $$",
        "ALTER TABLE audit_log DISABLE TRIGGER audit_log_no_update",
    ];
    for statement in weaken {
        let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
        assert_eq!(crate::support::failed(&fixture.manager().health_check()), Vec::<&str>::new());
        fixture.sql(statement);
        let health = fixture.manager().health_check();
        assert_eq!(crate::support::failed(&health), ["Triggers Present"], "{statement}");
    }
}

/// Begins a backup with a `pg_dump` that says its process id and then runs `endless`, sends a signal to the command, and
/// waits until both have ended.
#[cfg(target_os = "linux")]
fn assert_a_signal_ends_both(fixture: &Fixture, endless: &str, signal: &str) -> Option<i32> {
    use std::os::unix::fs::PermissionsExt;

    let programs = tempfile::tempdir().expect("a directory");
    let (dump, noted) = (programs.path().join("pg_dump"), programs.path().join("pg_dump.pid"));
    let note = r#"echo $$ >"$0.pid.new" && mv "$0.pid.new" "$0.pid""#;
    std::fs::write(&dump, format!("#!/bin/sh\n{note} && exec {endless}\n")).expect("a program");
    std::fs::set_permissions(&dump, PermissionsExt::from_mode(0o700)).expect("executable");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = fixture.zenith();
    command.arg("backup").env("PATH", format!("{}:{path}", programs.path().display()));
    let mut child = command.spawn().expect("it starts");
    while !noted.exists() {
        assert!(child.try_wait().expect("a status").is_none(), "it ended too early");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    run(Command::new("kill").args([signal, &child.id().to_string()]), 0);
    let code = child.wait().expect("it ends").code();
    let id = std::fs::read_to_string(noted).expect("an id");
    // A process whose parent has gone is reaped by another one, soon.
    let is_running = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", id.trim()));
        status.is_ok_and(|status| {
            !["\tZ", "\tX"].iter().any(|s| status.contains(&format!("State:{s}")))
        })
    };
    let waits = (0..12_000).take_while(|_| is_running());
    waits.for_each(|_| std::thread::sleep(std::time::Duration::from_millis(5)));
    assert!(!is_running(), "{endless} goes on");
    code
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_pg_dump_too_and_leaves_no_copy() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    assert_eq!(assert_a_signal_ends_both(&fixture, "sleep 3600", "-TERM"), Some(143));
    assert_eq!(files_in(&fixture.backups()), Vec::<String>::new());
}

/// Nothing runs after it, but `pg_dump` writes to a pipe that has no reader then.
#[cfg(target_os = "linux")]
#[test]
fn pg_dump_ends_after_a_kill_and_the_next_backup_removes_the_copy() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    assert_eq!(assert_a_signal_ends_both(&fixture, "cat /dev/zero", "-KILL"), None);
    assert_eq!(files_in(&fixture.backups()).len(), 1);
    run(fixture.zenith().arg("backup"), 0);
    let left = files_in(&fixture.backups());
    assert!(left.len() == 2 && left.iter().all(|name| name.contains(".dump")), "{left:?}");
}
