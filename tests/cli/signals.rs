//! A command that a signal ends: what is left, and its exit code.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::command::json;
use crate::support::injected::injected;
use crate::support::legacy::{Shape, former_with, messages};
use crate::support::{SqliteFixture, files_in, run, stderr};

/// A database whose backup takes long enough to be met by a signal.
fn large() -> SqliteFixture {
    let fixture = SqliteFixture::created();
    fixture.sql(
        "CREATE TABLE bulk (bytes BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO bulk SELECT randomblob(10000) FROM n",
    );
    fixture
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

fn send(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id()).expect("an id");
    kill_process(Pid::from_raw(id).expect("an id"), signal).expect("sent");
}

fn partial(directory: &Path) -> Vec<String> {
    let mut names = if directory.is_dir() { files_in(directory) } else { Vec::new() };
    names.retain(|name| name.ends_with(".partial"));
    names
}

/// Waits until a temporary copy exists, or the command has ended.
fn wait_for_copy(child: &mut Child, directory: &Path) {
    while partial(directory).is_empty() && child.try_wait().expect("a status").is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn a_backup_that_a_signal_ends_leaves_no_copy_and_exits_with_its_code() {
    let fixture = large();
    for (signal, name, code) in
        [(Signal::INT, "SIGINT", 130), (Signal::TERM, "SIGTERM", 143), (Signal::HUP, "SIGHUP", 129)]
    {
        for format in ["text", "json"] {
            let mut ended = 0;
            for _ in 0..5 {
                let mut child = start(fixture.zenith().args(["backup", "--format", format]));
                wait_for_copy(&mut child, &fixture.backups());
                send(&child, signal);
                let output = child.wait_with_output().expect("it ends");
                assert_eq!(partial(&fixture.backups()), Vec::<String>::new());
                if output.status.success() {
                    continue;
                }
                ended += 1;
                assert_eq!(output.status.code(), Some(code), "{output:?}");
                assert!(stderr(&output).contains(name), "{output:?}");
                if format == "json" {
                    assert_eq!(json(&output)["exit_code"], code);
                }
            }
            assert!(ended > 0, "no backup was met by {name}");
        }
    }
}

#[test]
fn killed_at_any_moment_a_backup_leaves_no_copy_after_the_next_one() {
    let rounds: u32 =
        std::env::var("ZENITH_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let fixture = large();
    let mut killed = 0;
    for round in 0..rounds {
        let signal = if round % 2 == 0 { Signal::TERM } else { Signal::KILL };
        let before = partial(&fixture.backups()).len();
        let mut child = start(fixture.zenith().arg("backup"));
        if round % 4 < 2 {
            wait_for_copy(&mut child, &fixture.backups());
        }
        // The moments are spread, in an order that looks random.
        std::thread::sleep(Duration::from_millis(u64::from(round * 37 % 120)));
        send(&child, signal);
        let status: ExitStatus = child.wait_with_output().expect("it ends").status;
        // What killed ones left is swept by the next, if it comes so far.
        let left = partial(&fixture.backups()).len();
        match (signal, status.code(), status.signal()) {
            (Signal::TERM, Some(0 | 143), _) => assert!(left <= before, "round {round}"),
            // Before the command handled signals.
            (Signal::TERM, _, Some(15)) => assert_eq!(left, before, "round {round}"),
            (Signal::KILL, Some(0), _) | (Signal::KILL, _, Some(9)) => {}
            other => panic!("round {round}: {other:?}"),
        }
        killed += u32::from(!status.success());
        if round % 5 == 4 {
            run(fixture.zenith().arg("backup"), 0);
            assert_eq!(partial(&fixture.backups()), Vec::<String>::new(), "round {round}");
        }
    }
    assert!(killed > rounds / 2, "only {killed} of {rounds} were met by a signal");
    run(fixture.zenith().arg("backup"), 0);
    assert_eq!(partial(&fixture.backups()), Vec::<String>::new());
}

#[test]
fn an_adoption_that_a_signal_ends_leaves_the_former_database_and_nothing_beside_it() {
    let fixture = former_with(Shape::Plain, &messages(20_000));
    let before = std::fs::read(fixture.path()).expect("a file");
    let staging = |fixture: &SqliteFixture| {
        fixture.files().into_iter().any(|name| name.starts_with(".zenith.db.adopting-"))
    };
    let mut child = start(fixture.zenith().args(["adopt", "--yes"]));
    while !staging(&fixture) {
        assert!(child.try_wait().expect("a status").is_none(), "it ended too early");
        std::thread::sleep(Duration::from_micros(200));
    }
    send(&child, Signal::TERM);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(143), "{output:?}");
    assert!(!staging(&fixture), "{:?}", fixture.files());
    assert!(std::fs::read(fixture.path()).expect("a file") == before);
}

#[test]
fn a_signal_that_the_parent_ignores_stays_ignored() {
    let fixture = large();
    let command = fixture.zenith();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(command.get_program());
    shell.args(command.get_args()).arg("backup").env_clear().current_dir(fixture.directory.path());
    let mut child = start(&mut shell);
    wait_for_copy(&mut child, &fixture.backups());
    send(&child, Signal::HUP);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_limit_for_the_size_of_files_is_an_error_that_names_it() {
    let fixture = large();
    let limited = |arguments: &[&str]| {
        let command = fixture.zenith();
        let mut shell = Command::new("sh");
        // In blocks of 512 or 1024 bytes.
        shell.args(["-c", "ulimit -f 8000; exec \"$@\"", "sh"]).arg(command.get_program());
        shell.args(command.get_args()).args(arguments);
        shell.env_clear().current_dir(fixture.directory.path());
        shell
    };
    let output = run(&mut limited(&["backup"]), 1);
    assert!(stderr(&output).contains("file too large"), "{output:?}");
    assert!(stderr(&output).contains("ulimit -f"), "{output:?}");
    let output = run(&mut limited(&["backup", "--format", "json"]), 1);
    assert!(json(&output)["help"].as_str().is_some_and(|help| help.contains("ulimit -f")));
    assert_eq!(partial(&fixture.backups()), Vec::<String>::new());
}

/// Also at its start, while the signals are not all handled yet.
#[test]
fn a_command_that_a_signal_meets_at_its_start_ends() {
    let fixture = SqliteFixture::created();
    let mut status = fixture.zenith();
    status.arg("status");
    let mut ended = 0;
    // When handlers are set, and when the queue of the signals is made.
    for call in (1..=14).map(|number| ("rt_sigaction", number)).chain([("socketpair", 1)]) {
        let injection = format!("{}:signal=SIGTERM:when={}", call.0, call.1);
        let Some(command) = injected(&status, None, &[&injection]) else { return };
        // Without an end of its own, it would be waited for for ever.
        let mut bounded = Command::new("timeout");
        bounded.args(["--signal=KILL", "60"]).arg(command.get_program()).args(command.get_args());
        bounded.env_clear();
        bounded.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = bounded.output().expect("timeout of coreutils");
        match (output.status.code(), output.status.signal()) {
            (Some(143), _) | (_, Some(15)) => ended += 1,
            // The system's answer to the signal has just been replaced.
            (Some(0), _) => {}
            other => panic!("{call:?}: {other:?}: {output:?}"),
        }
    }
    assert!(ended > 10, "{ended} were ended by the signal");
}
