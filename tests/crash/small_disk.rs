//! Disks of several sizes on which a command runs out of space: an error that says so, the old state or the
//! new one, and success once there is space.

use std::path::Path;
use std::process::{Command, Output};

use zenith_db::config::{Key, Loader};

use super::{History, State, assert_swept, assert_whole, copy_files, named_backups, points, state};
use crate::support::command::tree;
use crate::support::load::{self, THREADS, Writes};
use crate::support::mounts::SmallDisk;
use crate::support::{SqliteFixture, bare_zenith, stderr, stdout};

const SIZES: usize = 20;
const KIB: u64 = 1_024;

/// Number of bytes that the files of a directory take on a disk.
fn size_of(directory: &Path) -> u64 {
    let blocks =
        |bytes: &Vec<u8>| u64::try_from(bytes.len()).expect("small").div_ceil(4 * KIB) * 4 * KIB;
    tree(directory).into_values().flatten().map(|bytes| blocks(&bytes)).sum()
}

/// Runs the command on the disk, and returns what is there afterwards.
fn run_on(disk: &SmallDisk, command: &Command) -> (Output, SqliteFixture) {
    let output = disk.command(command).output().expect("it starts");
    let found = SqliteFixture::empty();
    copy_files(&disk.seen(), found.directory.path());
    (output, found)
}

/// Whether the command has succeeded. If not, it must say that there is no space.
fn succeeded(output: &Output, moment: &str) -> bool {
    let said = stderr(output);
    let causes = ["full", "No space left", "free"];
    let is_clear =
        output.status.code().is_some() && causes.iter().any(|cause| said.contains(cause));
    assert!(output.status.success() || is_clear, "{moment}: {output:?}");
    output.status.success()
}

/// Tries disks on which the files of `seed` have from no space left to `space` bytes. A disk has a page at
/// least, because the size 0 means that there is no limit.
fn try_sizes(seed: &Path, space: u64, mut attempt: impl FnMut(&SmallDisk, &str) -> bool) {
    let (sizes, mut failures) = (points(4, SIZES), 0);
    for number in 0..sizes {
        let steps = u64::try_from(number).expect("small");
        let free = space * steps / u64::try_from(sizes).expect("small") / KIB * KIB;
        let Some(disk) = SmallDisk::mount((size_of(seed) + free).max(4 * KIB)) else { return };
        copy_files(seed, &disk.seen());
        failures += usize::from(!attempt(&disk, &format!("{free} bytes")));
    }
    println!("{failures} of {sizes} sizes were too small");
    assert!(failures > sizes / 2, "only {failures} of {sizes} sizes were too small");
}

/// Runs the command on each disk, and again after the disk was made larger. `judge` gets the database and
/// whether the run has succeeded.
fn full(seed: &Path, space: u64, arguments: &[&str], judge: impl Fn(&SqliteFixture, bool, &str)) {
    try_sizes(seed, space, |disk, moment| {
        let mut command = bare_zenith(disk.path());
        command.arg("--path").arg(disk.path().join("zenith.db")).args(arguments);
        command.env("ZENITH_ADMIN_PASSWORD", "correct horse battery");
        let (output, found) = run_on(disk, &command);
        let done = succeeded(&output, moment);
        judge(&found, done, moment);
        assert_swept(&found, moment);
        disk.resize(1 << 30);
        let (output, found) = run_on(disk, &command);
        assert!(output.status.success(), "{moment}, with space: {output:?}");
        judge(&found, true, moment);
        assert_swept(&found, moment);
        done
    });
}

#[test]
fn a_database_is_created_once_the_disk_has_space() {
    let empty = SqliteFixture::empty();
    full(empty.directory.path(), 1_000 * KIB, &["create"], |found, done, moment| {
        if done {
            let report = found.manager().health_check();
            assert!(report.healthy, "{moment}: {report:?}");
        }
    });
}

fn full_with_backups(arguments: &[&str], space: u64, after: impl Fn(&History) -> &State) {
    let history = History::new(2, 600);
    let (seed, after) = (history.copy(), after(&history));
    full(seed.directory.path(), space, arguments, |found, done, moment| {
        let expected = if done { after } else { &history.present };
        assert!(state(&found.path()) == *expected, "{moment}: other rows, {done}");
        assert!(named_backups(&found.backups()).len() >= 2 + usize::from(done), "{moment}");
        assert_whole(&found.manager(), moment);
    });
}

#[test]
fn a_backup_succeeds_once_the_disk_has_space() {
    full_with_backups(&["backup"], 3_000 * KIB, |history| &history.present);
}

#[test]
fn a_restore_succeeds_once_the_disk_has_space() {
    full_with_backups(&["restore", "--latest", "--yes"], 5_000 * KIB, |history| &history.newest);
}

#[test]
fn a_load_on_a_full_disk_keeps_what_it_acknowledged_and_goes_on_once_there_is_space() {
    let seed = load::prepared();
    try_sizes(seed.directory.path(), 4_000 * KIB, |disk, moment| {
        let path = disk.path().join("zenith.db");
        let path = path.to_str().expect("UTF-8");
        let config = Loader::new().flag(Key::Path, "test", path).load().expect("a configuration");
        let written = |done: Writes, more: u32| {
            let (output, found) = run_on(disk, &load::command(&config, path, done, more));
            let acknowledged = load::acknowledged(&stdout(&output), done);
            let there = load::assert_survived(&found.config(), acknowledged, acknowledged, moment);
            (output, there)
        };
        let (output, there) = written([0; THREADS], 1_000);
        let done = succeeded(&output, moment);
        disk.resize(1 << 30);
        let (output, more) = written(there, 5);
        assert!(output.status.success(), "{moment}, with space: {output:?}");
        assert_eq!(more, there.map(|there| there + 5), "{moment}");
        done
    });
}
