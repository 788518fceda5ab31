//! What is created can be read by its owner only, whatever the umask allows.

#![cfg(unix)]

use crate::support;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::{SqliteFixture, run};
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
    manager(path).initialize(&support::administrator()).expect("a database");
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
    let names = support::files_in(&backups);
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
