//! A disk that is full, at several sizes: an error that says so, and nothing is changed.

use super::{History, assert_swept, assert_whole, points, state};
use crate::support::command::limited;
use crate::support::{run, stderr};

fn full(arguments: &[&str], restores: bool) {
    let history = History::new(2, 600);
    let after = if restores { &history.newest } else { &history.present };
    // In blocks of 512 bytes, from none to nearly what the backup needs.
    let size = std::fs::metadata(&history.backups[1]).expect("a file").len() / 1_024;
    let (size, steps) = (usize::try_from(size).expect("small"), points(3, 20));
    for step in 0..steps {
        let fixture = history.copy();
        let mut command = fixture.zenith();
        command.args(arguments);
        let blocks = size * step / steps;
        let output = run(&mut limited(&command, blocks), 1);
        let said = stderr(&output);
        let moment = format!("{blocks} blocks");
        let is_clear = ["file too large", "disk", "ulimit"]
            .iter()
            .any(|word| said.to_lowercase().contains(word));
        assert!(is_clear, "{moment}: {said}");
        assert!(state(&fixture.path()) == history.present, "{moment}: other rows: {said}");
        assert_eq!(super::named_backups(&fixture.backups()).len(), 2, "{moment}: {said}");
        assert_swept(&fixture, &moment);
        run(&mut command, 0);
        assert!(state(&fixture.path()) == *after, "{moment}: other rows after the next run");
        assert_whole(&fixture.manager(), &moment);
        assert_swept(&fixture, &moment);
    }
}

#[test]
fn a_backup_on_a_full_disk_fails_clearly_and_succeeds_when_there_is_room() {
    full(&["backup"], false);
}

#[cfg(feature = "zstd")]
#[test]
fn a_compressed_backup_on_a_full_disk_fails_clearly_and_succeeds_when_there_is_room() {
    full(&["backup", "--compress", "zstd"], false);
}

#[test]
fn a_restore_on_a_full_disk_leaves_the_database_and_succeeds_when_there_is_room() {
    full(&["restore", "--latest", "--yes"], true);
}
