//! A load of four threads that is killed at any moment loses no write that it has acknowledged.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use zenith_db::config::Key;

use super::points;
use crate::support::SqliteFixture;
use crate::support::command::limited;
use crate::support::load::{self, Load, THREADS, Writes};
use crate::support::numbers::Numbers;

/// Kills, each a part of a life of the same database: after so many, a new one is begun.
const LIFE: usize = 50;

fn killed(synchronous: &str) {
    let base = load::prepared();
    let mut numbers = Numbers(0x4B11);
    let (all, mut tried, mut written, mut unanswered) = (points(20, 1_000), 0, 0, 0);
    while tried < all {
        let fixture = SqliteFixture::empty();
        std::fs::copy(base.path(), fixture.path()).expect("a copy");
        let config = fixture.config_with(&[(Key::Synchronous, synchronous)]);
        let mut done: Writes = [0; THREADS];
        for _ in 0..LIFE.min(all - tried) {
            let (address, before) = (fixture.address().1, done);
            let mut load = Load::start(&config, &address, done);
            // Some are killed while they open the database, which they may have to recover.
            let longest = if tried % 5 == 0 {
                20_000
            } else {
                load.wait_for(1 + numbers.below(40));
                2_000
            };
            let moment = u64::try_from(numbers.below(longest)).expect("small");
            std::thread::sleep(Duration::from_micros(moment));
            let (acknowledged, status) = load.kill();
            assert_eq!(status.signal(), Some(9), "it ended by itself: {status:?}");
            let moment = format!("{synchronous}, kill {tried}");
            done = load::assert_survived(&config, acknowledged, acknowledged, &moment);
            written += done.iter().sum::<u32>() - before.iter().sum::<u32>();
            unanswered += done.iter().sum::<u32>() - acknowledged.iter().sum::<u32>();
            tried += 1;
        }
    }
    println!("{synchronous}: {tried} kills, {written} writes, {unanswered} not acknowledged");
}

/// In the middle of a group of writes too: what shares a transaction with the one that finds no room is not acknowledged.
#[test]
fn a_load_that_fills_the_disk_loses_no_acknowledged_write_and_goes_on_when_there_is_room() {
    let base = load::prepared();
    let (mut numbers, mut done) = (Numbers(0xF0_11), [0; THREADS]);
    let fixture = SqliteFixture::empty();
    std::fs::copy(base.path(), fixture.path()).expect("a copy");
    let config = fixture.config();
    for attempt in 0..points(4, 200) {
        let blocks = std::fs::metadata(fixture.path()).expect("a file").len() / 512;
        let blocks = usize::try_from(blocks).expect("small").min(200 + numbers.below(2_000));
        let command = load::command(&config, &fixture.address().1, done, u32::MAX / 2);
        let output = limited(&command, blocks).output().expect("it starts");
        // It ends by an error, and nothing else.
        assert_eq!(output.status.code(), Some(101), "{output:?}");
        let acknowledged = load::acknowledged(&String::from_utf8_lossy(&output.stdout), done);
        let moment = format!("attempt {attempt}, {blocks} blocks");
        done = load::assert_survived(&config, acknowledged, acknowledged, &moment);
    }
}

#[test]
fn a_killed_load_loses_no_acknowledged_write_at_full() {
    killed("full");
}

#[test]
fn a_killed_load_loses_no_acknowledged_write_at_normal() {
    killed("normal");
}
