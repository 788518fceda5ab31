//! A load on a disk that fails: each error is reported, and what was acknowledged is there.

use super::points;
use crate::support::injected::injected;
use crate::support::load::{self, THREADS};
use crate::support::numbers::Numbers;
use crate::support::{SqliteFixture, run, stderr, stdout};

/// Number of writes of each thread, each of which takes about ten calls.
const WRITES: u32 = 40;

#[test]
fn a_load_on_a_disk_that_fails_keeps_what_it_acknowledged_and_goes_on_afterwards() {
    let base = load::prepared();
    let mut numbers = Numbers(0xE10);
    let (all, mut failures) = (points(5, 100), 0);
    for number in 0..all {
        let fixture = SqliteFixture::empty();
        std::fs::copy(base.path(), fixture.path()).expect("a copy");
        let (config, address) = (fixture.config(), fixture.address().1);
        // `strace` counts the calls of each thread by themselves. The first reads are those of the loader.
        let (call, first, calls) =
            [("pwrite64", 1, 400), ("fdatasync", 1, 40), ("pread64", 10, 20), ("ftruncate", 1, 1)]
                [number % 4];
        // Once, as a disturbance does, or from then on.
        let on = ["", "+"][number / 4 % 2];
        let fault = format!("{call}:error=EIO:when={}{on}", first + numbers.below(calls));
        let command = load::command(&config, &address, [0; THREADS], WRITES);
        let Some(mut command) = injected(&command, None, &[&fault]) else { return };
        let output = command.output().expect("it starts");
        let said = stderr(&output);
        // SQLite takes a read that fails for damage.
        let hints = ["the disk may be full", "the file is damaged"];
        let hints = if call == "pread64" { &hints[..] } else { &hints[..1] };
        let is_clear =
            output.status.code() == Some(101) && hints.iter().any(|it| said.contains(it));
        assert!(output.status.success() || is_clear, "{fault}: {output:?}");
        failures += usize::from(!output.status.success());
        let acknowledged = load::acknowledged(&stdout(&output), [0; THREADS]);
        let there = load::assert_survived(&config, acknowledged, acknowledged, &fault);
        run(&mut load::command(&config, &address, there, 5), 0);
        let more = there.map(|there| there + 5);
        assert_eq!(load::assert_survived(&config, more, more, &fault), more, "{fault}");
    }
    println!("{failures} of {all} loads failed");
    assert!(failures > all / 3, "only {failures} of {all} loads failed");
}
