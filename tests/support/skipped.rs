//! A word about what is not tested here.
use std::io::Write;

/// Says what was not looked at, and why. A test that passes must not swallow it, as it does what
/// `eprintln!` writes.
pub fn skipped(reason: &str) {
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test");
    writeln!(std::io::stderr(), "SKIPPED: {test}: {reason}").expect("standard error");
}
