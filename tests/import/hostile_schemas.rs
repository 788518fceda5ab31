//! Former databases that are made to hurt: each is adopted completely, or refused with one sentence, under
//! 1 GB of memory and 60 s, and nothing of it is run. The command is killed where it takes longer.

mod cases;

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use self::cases::{Case, Outcome};
use crate::support::legacy::{Shape, former_with};
use crate::support::{SqliteFixture, open_file};

/// Number of users in the former database.
const USERS: &str = "3";

/// Runs a command with 1 GB of address space. Returns its exit code, and what it wrote to standard error.
fn limited(command: &Command, fixture: &SqliteFixture) -> (Option<i32>, String) {
    let [out, err] = ["stdout", "stderr"].map(|name| fixture.directory.path().join(name));
    let file = |path| Stdio::from(File::create(path).expect("a file"));
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -v 1048576; ulimit -c 0; exec \"$0\" \"$@\""]);
    limited.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        limited.current_dir(directory);
    }
    limited.stdin(Stdio::null()).stdout(file(&out)).stderr(file(&err));
    let mut child = limited.spawn().expect("sh starts");
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a status") {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().expect("killed");
            child.wait().expect("a status");
            return (None, "killed after 60 s".into());
        }
        sleep(Duration::from_millis(20));
    };
    (status.code(), fs::read_to_string(err).expect("UTF-8"))
}

fn check(case: &Case) -> Result<(), String> {
    let fixture = former_with(Shape::Plain, &case.statements);
    let before = fs::read(fixture.path()).expect("a file");
    let quarantine = fixture.directory.path().join("rows.jsonl");
    let mut command = fixture.zenith();
    command.args(["adopt", "--yes", "--quarantine"]).arg(&quarantine);
    let (exit, said) = limited(&command, &fixture);
    let fault = |reason: &str| Err(format!("{}: {reason}: exit {exit:?}: {said}", case.name));
    match (exit, &case.outcome) {
        (Some(0), Outcome::Adopted | Outcome::Either) => {
            if fixture.text("SELECT count(*) FROM users") != USERS {
                return fault("users are missing");
            }
            let mut adopted = open_file(&fixture.path());
            adopted.batch_execute("SELECT is_superuser FROM roles").expect("the new schema");
            for (query, expected) in &case.then {
                if fixture.text(query) != *expected {
                    return fault(query);
                }
            }
            Ok(())
        }
        (Some(1 | 2), Outcome::Refused(_) | Outcome::Either) => {
            if fs::read(fixture.path()).expect("a file") != before {
                return fault("the former database was changed");
            }
            if said.trim().is_empty() || said.contains("panicked") || quarantine.exists() {
                return fault("not one sentence");
            }
            match case.outcome {
                Outcome::Refused(reason) if !said.contains(reason) => fault("another reason"),
                _ => Ok(()),
            }
        }
        _ => fault("another outcome"),
    }
}

fn check_all(cases: &[Case]) {
    let faults: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(faults.is_empty(), "{} of {}: {faults:#?}", faults.len(), cases.len());
}

#[test]
fn views_and_triggers_are_never_prepared() {
    check_all(&cases::views());
}

#[test]
fn computed_values_are_bounded() {
    check_all(&cases::computed());
}

#[test]
fn objects_and_values_are_bounded() {
    check_all(&cases::sizes());
}

#[test]
fn chains_of_orphans_are_followed_once() {
    check_all(&cases::orphans());
}

#[test]
fn schemas_that_were_edited_by_hand_are_no_way_in() {
    check_all(&cases::edited());
}

#[test]
fn there_are_at_least_47_kinds() {
    let all =
        [cases::views(), cases::computed(), cases::sizes(), cases::orphans(), cases::edited()];
    assert!(all.iter().map(Vec::len).sum::<usize>() >= 47);
}
