//! What is created can be read by its owner only, whatever the umask allows.

#![cfg(unix)]

use crate::support;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::{SqliteFixture, failed, run, skipped};
use zenith_db::Config;
use zenith_db::manager::DatabaseManager;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn manager(path: &Path) -> DatabaseManager {
    DatabaseManager::new(Config::for_path(path).expect("a valid configuration"))
}

fn create(path: &Path) {
    let _ = manager(path).initialize(&support::administrator()).expect("a database");
}

#[test]
fn a_new_database_is_private_in_private_directories() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path().join("data").join("enterprise");
    create(&directory.join("zenith.db"));
    assert_eq!(mode(&directory.join("zenith.db")), 0o600);
    for private in [&directory, &directory.join("backups"), &directory.join("logs")] {
        assert_eq!(mode(private), 0o700, "{}", private.display());
    }
    assert_eq!(mode(&fixture.directory.path().join("data")), 0o700);
}

#[test]
fn the_wal_of_a_private_database_is_private() {
    let fixture = SqliteFixture::created();
    let database = zenith_db::Database::open(&fixture.config()).expect("a database");
    for name in ["zenith.db-wal", "zenith.db-shm"] {
        assert_eq!(mode(&fixture.directory.path().join(name)), 0o600, "{name}");
    }
    drop(database);
}

#[test]
fn a_backup_is_private_in_a_private_directory() {
    let fixture = SqliteFixture::created();
    let backups = fixture.directory.path().join("backups");
    fs::remove_dir(&backups).expect("it is empty");
    let report = fixture.manager().backup().expect("a backup");
    assert_eq!(mode(&report.path), 0o600);
    assert_eq!(mode(&backups), 0o700);
}

#[test]
fn files_are_private_under_a_umask_that_allows_everything() {
    let fixture = SqliteFixture::empty();
    for arguments in ["create --admin-password-stdin", "backup"] {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", "umask 000; echo correct horse battery | \"$0\" --path new/zenith.db $1"])
            .args([env!("CARGO_BIN_EXE_zenith-db"), arguments])
            .env_clear()
            .current_dir(fixture.directory.path());
        run(&mut shell, 0);
    }
    let directory = fixture.directory.path().join("new");
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("zenith.db")), 0o600);
    let backups = directory.join("backups");
    assert_eq!(mode(&backups), 0o700);
    let names = support::backups_in(&backups);
    assert_eq!(names.len(), 1);
    for name in names {
        assert_eq!(mode(&backups.join(name)), 0o600);
    }
}

#[test]
fn a_directory_that_is_in_use_keeps_its_mode() {
    let fixture = SqliteFixture::empty();
    let shared = fixture.directory.path().join("shared");
    fs::create_dir(&shared).expect("a directory");
    fs::write(shared.join("somebody else's"), "").expect("a file");
    set_mode(&shared, 0o755);
    create(&shared.join("zenith.db"));
    assert_eq!(mode(&shared), 0o755);
    assert_eq!(mode(&shared.join("zenith.db")), 0o600);
}

#[test]
fn an_empty_directory_becomes_private_unless_it_is_shared_on_purpose() {
    for (before, after) in [(0o755, 0o700), (0o1777, 0o1777), (0o770, 0o770), (0o700, 0o700)] {
        let fixture = SqliteFixture::empty();
        let directory = fixture.directory.path().join("mounted");
        fs::create_dir(&directory).expect("a directory");
        set_mode(&directory, before);
        create(&directory.join("zenith.db"));
        assert_eq!(mode(&directory), after, "{before:o}");
    }
}

#[test]
fn backing_up_again_leaves_the_backup_directorys_mode_alone() {
    let fixture = SqliteFixture::created();
    let backups = fixture.directory.path().join("backups");
    fixture.manager().backup().expect("a backup");
    set_mode(&backups, 0o750);
    fixture.manager().backup().expect("a backup");
    assert_eq!(mode(&backups), 0o750);
}

const APPLICATION: u32 = 65534;

/// Gives the fixture's files to another user, as those of an application.
fn give_to_application(fixture: &SqliteFixture) {
    let give = |path: &Path| chown(path, Some(APPLICATION), Some(APPLICATION)).expect("given");
    for path in support::command::tree(fixture.directory.path()).keys() {
        give(path);
    }
    give(fixture.directory.path());
}

#[test]
fn what_root_creates_belongs_to_the_owner_of_the_database() {
    if !rustix::process::geteuid().is_root() {
        return skipped("only root can give a file to another user");
    }
    let fixture = SqliteFixture::created();
    fs::remove_dir(fixture.backups()).expect("it is empty");
    give_to_application(&fixture);
    run(fixture.zenith().arg("backup"), 0);
    run(fixture.zenith().args(["redo", "--yes"]), 0);
    for (path, _) in support::command::tree(fixture.directory.path()) {
        let found = fs::metadata(&path).expect("a file");
        let name = path.display();
        assert_eq!((found.uid(), found.gid()), (APPLICATION, APPLICATION), "{name}");
    }
    assert!(fixture.manager().health_check().healthy);

    let new = fixture.directory.path().join("data").join("new.db");
    create(&new);
    for path in [new.as_path(), new.parent().expect("a directory")] {
        assert_eq!(fs::metadata(path).expect("it is there").uid(), APPLICATION);
    }
}

#[test]
fn the_health_check_sees_what_the_owner_of_the_database_cannot_use() {
    if !rustix::process::geteuid().is_root() {
        return skipped("only root can give a file to another user");
    }
    let fixture = SqliteFixture::created();
    give_to_application(&fixture);
    let theirs = fixture.backups().join("theirs.db");
    fs::write(&theirs, "").expect("a file");
    let report = fixture.manager().health_check();
    assert_eq!(failed(&report), ["File Permissions"]);
    let details = &report.failures().next().expect("a failure").details;
    let cure = format!("chown {APPLICATION}:{APPLICATION} '{}'", theirs.display());
    assert!(details.contains(&cure), "{details}");
}

#[test]
fn a_backup_directory_behind_a_link_is_reported_and_its_target_left_alone() {
    let fixture = SqliteFixture::created();
    let target = tempfile::tempdir().expect("a directory");
    set_mode(target.path(), 0o755);
    fs::remove_dir(fixture.backups()).expect("it is empty");
    symlink(target.path(), fixture.backups()).expect("a link");
    run(fixture.zenith().arg("backup"), 0);
    assert_eq!(mode(target.path()), 0o755);
    assert_eq!(failed(&fixture.manager().health_check()), ["File Permissions"]);
}

#[test]
fn a_directory_that_others_can_write_to_fails_the_check_sticky_or_not() {
    for (directory, wanted) in [(0o1777, false), (0o777, false), (0o755, true)] {
        let fixture = SqliteFixture::created();
        set_mode(fixture.directory.path(), directory);
        let failures = failed(&fixture.manager().health_check());
        assert_eq!(failures.is_empty(), wanted, "{directory:o}: {failures:?}");
        // The directories above, in which others can rename what leads to the database.
        set_mode(fixture.directory.path(), 0o700);
        let inner = fixture.directory.path().join("inner");
        create(&inner.join("zenith.db"));
        set_mode(fixture.directory.path(), directory);
        let expected = directory != 0o777;
        let failures = failed(&manager(&inner.join("zenith.db")).health_check());
        assert_eq!(failures.is_empty(), expected, "{directory:o}: {failures:?}");
    }
}
