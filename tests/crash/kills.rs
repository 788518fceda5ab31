//! Killed or told to end at any moment, a command leaves whole backups and one whole database, and its
//! next run succeeds and removes what was left.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{History, State, assert_swept, assert_whole, points, state};
use crate::support::{SqliteFixture, run};

/// Kills a command at moments that are spread over its run, each time on a database that `prepare` returns,
/// and passes what is left and a name of the moment to `check`.
fn killed(
    prepare: impl Fn() -> SqliteFixture,
    arguments: &[&str],
    mut check: impl FnMut(&SqliteFixture, &str),
) {
    let whole = shortest_run(&prepare, arguments);
    let rounds = points(6, 200);
    for (signal, name) in [(Signal::KILL, "SIGKILL"), (Signal::TERM, "SIGTERM")] {
        let mut early = 0;
        for round in 0..rounds {
            let fixture = prepare();
            let mut command = fixture.zenith();
            command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().expect("it starts");
            // A little beyond the end, in an order that looks random.
            let part = round * 37 % rounds * 1_100 / rounds;
            std::thread::sleep(whole * u32::try_from(part).expect("small") / 1_000);
            let id = Pid::from_raw(i32::try_from(child.id()).expect("an id")).expect("an id");
            kill_process(id, signal).expect("not waited for yet");
            early += usize::from(!child.wait().expect("it ends").success());
            check(&fixture, &format!("{name} after {part} of 1000 parts of {whole:?}"));
        }
        println!("{arguments:?}: {rounds} times {name}: {early} early");
        assert!(early > 0, "no run was met by {name}");
    }
}

fn shortest_run(prepare: &impl Fn() -> SqliteFixture, arguments: &[&str]) -> Duration {
    let timed = |fixture: SqliteFixture| {
        let begun = Instant::now();
        run(fixture.zenith().args(arguments), 0);
        begun.elapsed()
    };
    (0..3).map(|_| timed(prepare())).min().expect("three")
}

/// Kills a command that works with backups. `kept` is the number of the newest backups that must survive,
/// `after` the rows of the database after a run.
fn killed_at_any_moment(arguments: &[&str], kept: usize, after: impl Fn(&History) -> &State) {
    let history = History::new(4, 600);
    let after = after(&history);
    let mut old = 0;
    killed(
        || history.copy(),
        arguments,
        |fixture, moment| {
            let manager = fixture.manager();
            for index in history.backups.len() - kept..history.backups.len() {
                assert!(history.backup_in(fixture, index).exists(), "{moment}: {index} is lost");
            }
            assert_whole(&manager, moment);
            let found = state(&fixture.path());
            assert!(found == history.present || found == *after, "{moment}: other rows");
            old += usize::from(found == history.present);

            run(fixture.zenith().args(arguments), 0);
            assert!(state(&fixture.path()) == *after, "{moment}: other rows after the next run");
            run(fixture.zenith().arg("backup"), 0);
            assert_swept(fixture, moment);
            assert_whole(&manager, moment);
            let running = "SELECT count(*) FROM backup_jobs WHERE status = 'running'";
            assert_eq!(fixture.text(running), "0", "{moment}");
        },
    );
    println!("{arguments:?}: {old} left the old rows");
}

#[test]
fn a_killed_backup_leaves_whole_backups_and_the_next_one_succeeds() {
    killed_at_any_moment(&["backup"], 4, |history| &history.present);
}

#[cfg(feature = "zstd")]
#[test]
fn a_killed_compressed_backup_leaves_whole_backups_and_the_next_one_succeeds() {
    killed_at_any_moment(&["backup", "--compress", "zstd"], 4, |history| &history.present);
}

#[test]
fn a_killed_verification_changes_nothing() {
    killed_at_any_moment(&["backup", "verify", "--all"], 4, |history| &history.present);
}

#[test]
fn a_killed_pruning_loses_no_backup_that_it_keeps() {
    let arguments = ["backup", "prune", "--yes", "--keep-last", "2"];
    killed_at_any_moment(&arguments, 2, |history| &history.present);
}

#[test]
fn a_killed_restore_leaves_the_old_or_the_new_database_and_the_next_one_succeeds() {
    killed_at_any_moment(&["restore", "--latest", "--yes"], 4, |history| &history.newest);
}

#[test]
fn a_killed_restore_over_an_unreadable_database_leaves_its_bytes_or_the_new_one() {
    let history = History::new(2, 100);
    let unreadable = history.unreadable();
    let arguments = ["restore", "--latest", "--yes"];
    killed(
        || unreadable.copy(),
        &arguments,
        |fixture, moment| {
            unreadable.assert_survived(&history, fixture, moment);
            run(fixture.zenith().args(arguments), 0);
            assert!(state(&fixture.path()) == history.newest, "{moment}: after the next restore");
            run(fixture.zenith().arg("backup"), 0);
            assert_swept(fixture, moment);
        },
    );
}
