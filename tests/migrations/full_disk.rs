//! A disk without room: what can be foreseen is refused, and what cannot leaves the old database.

use std::process::Stdio;

use crate::support::SqliteFixture;
use crate::support::command::limited;
use crate::support::shuttle::Shuttle;

fn full(forth: bool) {
    let shuttle = Shuttle::new(SqliteFixture::created().fixture());
    let mut command = shuttle.ready(forth);
    let size = std::fs::metadata(&shuttle.fixture.address().1).expect("a file").len() / 512;
    assert!(command.status().expect("it runs").success());
    let (mut failures, mut successes) = (0, 0);
    for step in 0..20 {
        let command = shuttle.ready(forth);
        // From nothing at all to more than is needed.
        let blocks = size * step / 6;
        let mut command = limited(&command, blocks);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let done = command.status().expect("it starts").success();
        let newer = shuttle.is_newer(&format!("{blocks} blocks"));
        // What failed has changed nothing, what succeeded all.
        assert_eq!(newer == forth, done, "{blocks} blocks");
        if done { successes += 1 } else { failures += 1 }
    }
    assert!(failures > 0 && successes > 0, "{failures} failed, {successes} did not");
}

#[test]
fn a_migration_on_a_full_disk_fails_and_leaves_the_old_database() {
    full(true);
}

#[test]
fn a_rollback_on_a_full_disk_fails_and_leaves_the_old_database() {
    full(false);
}
