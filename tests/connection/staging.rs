//! Directories in which a database is built: those of killed processes are removed, and no others.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use zenith_db::internal::connection::StagingDir;

#[test]
fn a_directory_that_is_in_use_is_never_removed_as_a_leftover() {
    let parent = tempfile::tempdir().expect("a directory");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    StagingDir::clear_leftovers(parent.path(), "a", "testing").expect("a look");
                }
            });
        }
        let lost = (0..2_000).find(|_| {
            let staging = StagingDir::open(parent.path(), "a", "testing").expect("a directory");
            // Time for those who were about to remove it.
            thread::yield_now();
            fs::write(staging.file("built"), "").is_err()
        });
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(lost, None, "a directory was removed while it was in use");
    });
}

#[test]
fn a_directory_that_nobody_uses_is_removed_and_a_new_one_without_a_lock_is_not() {
    let parent = tempfile::tempdir().expect("a directory");
    let path = |name: &str| parent.path().join(format!(".a.testing-{name}"));
    for name in ["left", "new"] {
        let directory = zenith_db::internal::connection::private_directory(
            &format!(".a.testing-{name}"),
            parent.path(),
        );
        fs::rename(directory.expect("a directory").keep(), path(name)).expect("a name");
    }
    fs::write(path("left").join("lock"), "").expect("a lock");
    StagingDir::clear_leftovers(parent.path(), "a", "testing").expect("a look");
    assert_eq!((path("left").exists(), path("new").exists()), (false, true));
}
