//! A database file that is mounted by itself, as into a container, and one that is mounted with its
//! directory. The mounts are real, in a namespace of the test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::command::json;
use crate::support::mounts::unshare;
use crate::support::{SqliteFixture, bare_zenith, stderr};

/// Binds the file or directory to `data \\040 it`, or to the file in it, and returns the check of a database
/// there.
fn checked(fixture: &SqliteFixture, source: &str, target: &str) -> Option<Value> {
    let data = fixture.directory.path().join("data \\040 it");
    if !data.exists() {
        fs::create_dir(&data).expect("a directory");
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("its owner's");
        fs::write(data.join("zenith.db"), "").expect("a file to mount on");
    }
    let script = "mount --bind \"$1\" \"$2\" || exit 99; shift 2; exec \"$@\"";
    let mut command = unshare()?;
    command.args(["sh", "-c", script, "sh", source, target]);
    command.arg(bare_zenith(fixture.directory.path()).get_program());
    command.args(["health-check", "--format", "json", "--path", "data \\040 it/zenith.db"]);
    let output = command.current_dir(fixture.directory.path()).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "a warning is no failure: {}", stderr(&output));
    let report = json(&output);
    let checks = report["checks"].as_array().expect("checks").iter();
    let failed = checks.clone().filter(|check| check["passed"] == false);
    let failed: Vec<_> = failed.map(|check| check["name"].clone()).collect();
    let mut found = checks.filter(|check| check["name"] == "Mount Point").cloned();
    let check = found.next().expect("the check");
    assert!(failed.iter().all(|name| name == "Mount Point"), "{failed:?}");
    Some(check)
}

#[test]
fn a_database_that_is_mounted_without_its_directory_is_a_warning_that_says_what_to_mount() {
    let fixture = SqliteFixture::created();
    let target = "data \\040 it/zenith.db";
    let Some(check) = checked(&fixture, "zenith.db", target) else { return };
    assert_eq!((&check["passed"], &check["critical"]), (&false.into(), &false.into()), "{check}");
    let details = check["details"].as_str().expect("a text");
    assert!(details.contains("data \\040 it/zenith.db is a mount point of its own"), "{details}");
    assert!(details.contains("zenith.db-wal"), "{details}");
    assert!(details.ends_with("mount its directory instead of the file"), "{details}");
}

#[test]
fn a_database_that_is_mounted_with_its_directory_passes() {
    let fixture = SqliteFixture::created();
    let source = fixture.directory.path().join("source");
    fs::create_dir(&source).expect("a directory");
    fs::set_permissions(&source, fs::Permissions::from_mode(0o700)).expect("its owner's");
    fs::rename(fixture.path(), source.join("zenith.db")).expect("moved");
    let Some(check) = checked(&fixture, "source", "data \\040 it") else { return };
    assert_eq!(check["passed"], true, "{check}");
    assert_eq!(check["details"], "the file is not a mount point");
}
