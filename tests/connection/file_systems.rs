//! File systems that lack what SQLite and this program ask for, by injected errors.

use std::process::Command;

use crate::support::{SqliteFixture, files_in, run, skipped};

/// Returns the command under `strace` with these injections into all calls, or into those that concern
/// `path`; `None` if it does not run here.
fn injected(fixture: &SqliteFixture, path: Option<&str>, injections: &[&str]) -> Option<Command> {
    let works = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    if !works.is_ok_and(|status| status.success()) {
        skipped("strace does not run here");
        return None;
    }
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    if let Some(path) = path {
        command.args(["-P", path]);
    }
    for injection in injections {
        command.arg("-e").arg(format!("inject={injection}"));
    }
    let zenith = fixture.zenith();
    command.current_dir(fixture.directory.path()).env_clear().arg(zenith.get_program());
    command.args(zenith.get_args());
    Some(command)
}

/// CIFS and its like cannot synchronise a directory.
#[test]
fn where_directories_cannot_be_synchronised_a_backup_is_still_a_backup() {
    let fixture = SqliteFixture::created();
    let backups = fixture.backups().display().to_string();
    let command = injected(&fixture, Some(&backups), &["fsync:error=EINVAL"]);
    let Some(mut command) = command else { return };
    run(command.arg("backup"), 0);
    assert_eq!(files_in(&fixture.backups()).len(), 1);
    assert_eq!(fixture.text("SELECT group_concat(status) FROM backup_jobs"), "completed");
}

/// The rename that replaces no file is missing, and so are hard links.
#[test]
fn without_hard_links_and_exclusive_renames_a_backup_gets_its_name() {
    let fixture = SqliteFixture::created();
    let injections = ["renameat2:error=EINVAL", "link,linkat:error=EPERM"];
    let Some(mut command) = injected(&fixture, None, &injections) else { return };
    run(command.arg("backup"), 0);
    assert_eq!(files_in(&fixture.backups()).len(), 1);
}

/// A disk that is full or broken, or a right that is missing, at each call that a backup makes: the
/// command fails or succeeds, and what it leaves is a whole backup or none.
#[test]
fn a_backup_is_whole_or_absent_whichever_call_fails() {
    let calls = ["openat", "fsync,fdatasync", "pwrite64", "renameat2", "unlink,unlinkat", "fchown"];
    for call in calls {
        for error in ["ENOSPC", "EIO", "EPERM", "ENOLCK"] {
            for when in [1, 3] {
                let fixture = SqliteFixture::created();
                let backups = fixture.backups().display().to_string();
                let injection = format!("{call}:error={error}:when={when}+");
                let traced = injected(&fixture, Some(&backups), &[&injection]);
                let Some(mut traced) = traced else { return };
                let output = traced.arg("backup").output().expect("it starts");
                let whole = files_in(&fixture.backups());
                let whole: Vec<_> = whole.iter().filter(|name| !name.starts_with('.')).collect();
                let case = format!("{injection}: {whole:?}: {output:?}");
                assert_eq!(output.status.success(), whole.len() == 1, "{case}");
                assert!(fixture.manager().health_check().healthy, "{case}");
            }
        }
    }
}
