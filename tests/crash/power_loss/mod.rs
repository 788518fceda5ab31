//! A power cut at any moment, simulated: the system calls of a run are recorded, and applied to a disk of
//! which only what had been synchronised is left, and perhaps parts of the rest.

mod disk;
mod trace;

use std::fs;
use std::path::Path;
use std::process::Command;

use zenith_db::Config;
use zenith_db::config::{Key, Loader};
use zenith_db::manager::{DatabaseManager, Origin, RestoreOptions};

use self::disk::{Disk, Survivors};
use self::trace::{Call, Event, record};
use super::{History, assert_swept, assert_whole, named_backups, points, state};
use crate::support::legacy::{Shape, former};
use crate::support::load::{self, THREADS};
use crate::support::numbers::Numbers;
use crate::support::{SqliteFixture, administrator, backups_in, bare_zenith, run};

/// Runs the command at the weaker setting: what survives then survives at `full` too.
fn at_normal(command: &mut Command) -> &Command {
    command.env("DATABASE_SYNCHRONOUS", "normal")
}

/// Records the command, and judges what is found after a power cut at each of several moments. `judge` gets
/// what the command had said until then, and a name of the moment.
fn cut_off(
    fixture: &SqliteFixture,
    command: &Command,
    mut judge: impl FnMut(&SqliteFixture, &str, &str),
) {
    let directory = fixture.directory.path();
    let before = Disk::of(directory);
    let Some(events) = record(command, directory) else { return };
    let syncs = events.iter().filter(|event| matches!(event.call, Call::Sync(_))).count();
    let mut numbers = Numbers(0x0FF);
    let points = points(6, 200);
    for (number, point) in moments(&events, points, &mut numbers).into_iter().enumerate() {
        let said = events[..point].iter().filter_map(|event| match &event.call {
            Call::Say(text) => Some(text.as_str()),
            _ => None,
        });
        let said: String = said.collect();
        for (survivors, what) in [
            (Survivors::All, "all, as after a kill"),
            (Survivors::Nothing, "nothing"),
            (Survivors::Names, "the names"),
            (Survivors::Some(&mut numbers), "a part"),
        ] {
            let found = SqliteFixture::empty();
            let mut disk = before.clone();
            disk.apply(&events[..point]);
            disk.cut_off(survivors, found.directory.path());
            let moment = format!("point {number}, call {point} of {}, {what}", events.len());
            judge(&found, &said, &moment);
        }
    }
    println!(
        "{command:?}: {} calls, {syncs} synchronise, {points} points, each four times",
        events.len()
    );
}

/// Chooses numbers of events after which the power is cut off. Most events are writes: every second number is
/// that of another event, from the end to the beginning and again.
fn moments(events: &[Event], count: usize, numbers: &mut Numbers) -> Vec<usize> {
    let is_special = |number: &usize| {
        *number == events.len() || !matches!(events[number - 1].call, Call::Write { .. })
    };
    let special = (1..=events.len()).rev().filter(is_special).collect::<Vec<_>>();
    let any = |_| numbers.below(events.len() + 1);
    special
        .into_iter()
        .cycle()
        .zip((0..).map(any))
        .flat_map(<[usize; 2]>::from)
        .take(count)
        .collect()
}

/// Cuts off a load, and returns how often acknowledged writes were missing.
fn cut_off_load(synchronous: &str, writes: u32) -> Option<usize> {
    let fixture = load::prepared();
    let settings = [(Key::Synchronous, synchronous)];
    let command =
        load::command(&fixture.config_with(&settings), &fixture.address().1, [0; THREADS], writes);
    let mut missing = None;
    cut_off(&fixture, &command, |found, said, moment| {
        let config = found.config_with(&settings);
        let acknowledged = load::acknowledged(said, [0; THREADS]);
        let least = if synchronous == "full" { acknowledged } else { [0; THREADS] };
        let writes = load::assert_survived(&config, least, acknowledged, moment);
        // A program that writes removes the log.
        drop(found.database());
        assert_eq!(load::assert_survived(&config, writes, writes, moment), writes, "{moment}");
        let is_missing = writes.iter().zip(acknowledged).any(|(found, said)| *found < said);
        *missing.get_or_insert(0) += usize::from(is_missing);
    });
    println!("{synchronous}: acknowledged writes were missing {missing:?} times");
    missing
}

#[test]
fn a_power_cut_at_full_loses_no_acknowledged_write() {
    let missing = cut_off_load("full", u32::try_from(points(40, 200)).expect("small"));
    assert_eq!(missing.unwrap_or_default(), 0);
}

/// As the documentation says of this setting.
#[test]
fn a_power_cut_at_normal_loses_the_last_transactions_at_most() {
    let missing = cut_off_load("normal", u32::try_from(points(40, 200)).expect("small"));
    // Otherwise the simulation would show nothing.
    assert_ne!(missing, Some(0));
}

fn config_of(path: &Path) -> Config {
    let path = path.to_str().expect("UTF-8");
    Loader::new().flag(Key::Path, "test", path).load().expect("a configuration")
}

#[test]
fn a_database_whose_creation_was_reported_survives_a_power_cut() {
    let fixture = SqliteFixture::empty();
    let path = "new/directory/zenith.db";
    let mut command = bare_zenith(fixture.directory.path());
    command.args(["create", "--path", path]).env("ZENITH_ADMIN_PASSWORD", "correct horse battery");
    cut_off(&fixture, at_normal(&mut command), |found, said, moment| {
        let manager = DatabaseManager::new(config_of(&found.directory.path().join(path)));
        if said.is_empty() {
            let created = manager.initialize(&administrator());
            let _ = created.unwrap_or_else(|error| panic!("{moment}: {error}"));
        }
        let health = manager.health_check();
        assert!(health.healthy, "{moment}: {health:?}");
        assert!(manager.has_administrator().expect(moment), "{moment}");
    });
}

fn cut_off_backup(history: &History, directory: &str) {
    let fixture = history.copy();
    let mut command = fixture.zenith();
    command.args(["backup", "--backup-dir", directory]);
    cut_off(&fixture, at_normal(&mut command), |found, said, moment| {
        let backups = found.directory.path().join(directory);
        let settings = [(Key::BackupDir, backups.to_str().expect("UTF-8"))];
        let manager = DatabaseManager::new(found.config_with(&settings));
        assert!(state(&found.path()) == history.present, "{moment}: other rows");
        let names = if backups.exists() { named_backups(&backups) } else { Vec::new() };
        let earlier = if directory == "backups" { history.backups.len() } else { 0 };
        assert!(names.len() >= earlier + usize::from(!said.is_empty()), "{moment}: {names:?}");
        if backups.exists() {
            assert_whole(&manager, moment);
        }
        manager.backup().unwrap_or_else(|error| panic!("{moment}: {error}"));
        assert_swept(found, moment);
    });
}

#[test]
fn a_backup_has_its_name_after_a_power_cut_only_if_it_is_whole_and_always_once_it_was_reported() {
    let history = History::new(1, 100);
    cut_off_backup(&history, "backups");
    cut_off_backup(&history, "another/directory");
}

#[test]
fn a_restore_leaves_the_old_database_or_the_new_one_and_the_kept_one_after_a_power_cut() {
    let history = History::new(2, 100);
    let (fixture, old) = history.with_log();
    assert!(old != history.present, "the row is in the log");
    let mut command = fixture.zenith();
    command.args(["restore", "--latest", "--yes"]);
    cut_off(&fixture, at_normal(&mut command), |found, said, moment| {
        let now = state(&found.path());
        assert!(now == history.newest || now == old && said.is_empty(), "{moment}: other rows");
        assert_whole(&found.manager(), moment);
        let backups = named_backups(&found.backups());
        let is_kept = backups.iter().any(|backup| state(backup) == old);
        assert!(now == old || is_kept, "{moment}: the replaced database is lost");
        assert_next_restore_works(&history, found, moment);
    });
}

fn assert_next_restore_works(history: &History, found: &SqliteFixture, moment: &str) {
    let backup = history.backup_in(found, history.backups.len() - 1);
    let restored = found.manager().restore(&backup, &RestoreOptions::default(), &mut |_| ());
    restored.unwrap_or_else(|error| panic!("{moment}: {error}"));
    assert!(state(&found.path()) == history.newest, "{moment}: after the next restore");
    found.manager().backup().unwrap_or_else(|error| panic!("{moment}: {error}"));
    assert_swept(found, moment);
}

#[test]
fn a_restore_over_an_unreadable_database_leaves_its_bytes_or_the_new_one_after_a_power_cut() {
    let history = History::new(2, 100);
    let unreadable = history.unreadable();
    let fixture = unreadable.copy();
    let mut command = fixture.zenith();
    command.args(["restore", "--latest", "--yes"]);
    cut_off(&fixture, at_normal(&mut command), |found, said, moment| {
        let is_new = unreadable.assert_survived(&history, found, moment);
        assert!(is_new || said.is_empty(), "{moment}: not restored");
        assert_next_restore_works(&history, found, moment);
    });
}

/// SQLite writes nothing to the restored file, so that it synchronises neither the file nor its directory.
#[test]
fn a_restore_where_no_database_is_leaves_none_or_the_new_one_after_a_power_cut() {
    let history = History::new(1, 100);
    let fixture = history.copy();
    fs::remove_file(fixture.path()).expect("removed");
    let mut command = fixture.zenith();
    command.args(["restore", "--latest", "--yes", "--no-migrate"]);
    cut_off(&fixture, at_normal(&mut command), |found, said, moment| {
        let is_there = found.path().exists();
        assert!(is_there || said.is_empty(), "{moment}: no database");
        assert!(!is_there || state(&found.path()) == history.newest, "{moment}: other rows");
        assert_next_restore_works(&history, found, moment);
    });
}

#[test]
fn an_adoption_leaves_the_former_database_or_the_new_one_and_the_original_after_a_power_cut() {
    let fixture = former(Shape::Plain);
    let before = state(&fixture.path());
    let mut command = fixture.zenith();
    command.args(["adopt", "--yes"]);
    cut_off(&fixture, at_normal(&mut command), |found, said, moment| {
        let is_new = found.manager().origin().expect(moment) == Origin::Ours;
        assert!(is_new || said.is_empty(), "{moment}: not adopted");
        let original = if is_new {
            let mut names = backups_in(&found.backups());
            names.retain(|name| name.contains("-legacy-"));
            found.backups().join(names.first().expect(moment))
        } else {
            found.path()
        };
        assert!(state(&original) == before, "{moment}: other rows");
        run(found.zenith().args(["adopt", "--yes"]), 0);
        let health = found.manager().health_check();
        assert!(health.healthy, "{moment}: {health:?}");
    });
}
