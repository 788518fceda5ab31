//! Waiting for what another thread or process does.
use std::time::{Duration, Instant};

/// Waits, a minute at the most, for what has to come about.
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}
