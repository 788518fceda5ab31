//! Notices about tests that are skipped.
use std::io::Write;

/// Prints what was not tested, and why. A passing test hides what `eprintln!` writes, and must not
/// hide this.
pub fn skipped(reason: &str) {
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test");
    writeln!(std::io::stderr(), "SKIPPED: {test}: {reason}").expect("standard error");
}
