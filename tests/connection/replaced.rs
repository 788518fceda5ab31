//! A file that is replaced between the check and the opening.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use zenith_db::Error;

use crate::support::SqliteFixture;

/// Another user who may write to the directory swaps the database for a link to another one.
#[test]
fn a_link_that_is_swapped_in_is_never_followed() {
    let ours = SqliteFixture::created();
    ours.sql("UPDATE roles SET description = 'ours'");
    let theirs = SqliteFixture::created();
    theirs.sql("UPDATE roles SET description = 'theirs'");
    let before = fs::read(theirs.path()).expect("a database");
    let (path, aside) = (ours.path(), ours.path().with_file_name("aside.db"));
    let over = AtomicBool::new(false);
    let mut seen = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                fs::rename(&path, &aside).expect("moved away");
                symlink(theirs.path(), &path).expect("a link");
                fs::remove_file(&path).expect("the link");
                fs::rename(&aside, &path).expect("moved back");
            }
        });
        for _ in 0..400 {
            match ours.manager().backup() {
                Ok(report) => {
                    let copy = fs::read(&report.path).expect("a backup");
                    let has = |word: &[u8]| copy.windows(word.len()).any(|part| part == word);
                    assert!(!has(b"theirs"), "the link was followed");
                    fs::remove_file(&report.path).expect("a backup");
                    seen.0 += 1;
                }
                Err(error) => {
                    let expected = matches!(
                        error,
                        Error::Refused { .. }
                            | Error::Replaced { .. }
                            | Error::NoDatabase { .. }
                            | Error::Open { .. }
                            | Error::Copy { .. }
                            | Error::Io { .. }
                            | Error::Query(_)
                            | Error::WriteRefused(_)
                    );
                    assert!(expected, "{error:?}");
                    seen.1 += 1;
                }
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(seen.1 > 0, "nothing was swapped: {seen:?}");
    assert!(fs::read(theirs.path()).expect("a database") == before, "the other was written to");
}
