//! Mounts of a test's own, in a mount namespace that nobody else sees.
use std::process::Command;

use super::skipped;

/// Returns the command that runs its arguments in a namespace in which they may mount: as root, or as
/// one's own root. `None` if there is none here.
pub fn unshare() -> Option<Command> {
    let place = tempfile::tempdir().expect("a directory");
    let ways = [&["--mount"][..], &["--user", "--map-root-user", "--mount"]];
    let with = |way: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(way);
        command
    };
    let works = |way: &&&[&str]| {
        let mut mount = with(way);
        mount.args(["mount", "-t", "tmpfs", "tmpfs"]).arg(place.path());
        mount.output().is_ok_and(|output| output.status.success())
    };
    let found = ways.iter().find(works).map(|way| with(way));
    if found.is_none() {
        skipped("nothing can be mounted here (unshare --mount)");
    }
    found
}
