//! `DatabaseManager::backups`: what the directory has, whatever the database records.

use std::fs;
use std::process::Command;

use zenith_db::BackupFault;
use zenith_db::Error;
use zenith_db::manager::RollbackTarget;

use crate::support::{Fixture, SqliteFixture, run, stderr, stdout};

#[test]
fn backups_are_listed_newest_first_with_what_their_manifests_say() {
    let fixture = Fixture::created();
    let manager = fixture.manager();
    assert_eq!(manager.backups().expect("a list"), []);
    let reports: Vec<_> = (0..3).map(|_| manager.backup().expect("a backup")).collect();
    let listed = manager.backups().expect("a list");
    let paths: Vec<_> = listed.iter().map(|backup| &backup.path).collect();
    assert_eq!(paths, reports.iter().rev().map(|report| &report.path).collect::<Vec<_>>());
    let manifest = listed[0].manifest.as_ref().expect("a manifest");
    let newest = &reports[2];
    assert_eq!(manifest.sha256, newest.sha256);
    assert_eq!((manifest.size_bytes, manifest.rows()), (newest.size_bytes, newest.rows));
    assert_eq!(manifest.tables["users"], 1);
    assert_eq!(manifest.schema_version, manager.status().expect("a status").schema_version);
    assert_eq!(manager.newest_backup().expect("one").path, newest.path);
}

#[test]
fn backups_are_found_when_their_table_is_gone_and_when_the_database_is() {
    let fixture = Fixture::created();
    let manager = fixture.manager();
    let path = manager.backup().expect("a backup").path;
    manager.rollback(&RollbackTarget::Version("0".into())).expect("rolled back");
    assert!(manager.backups().expect("a list").iter().any(|backup| backup.path == path));

    let fixture = SqliteFixture::created();
    let path = fixture.manager().backup().expect("a backup").path;
    fs::remove_file(fixture.path()).expect("the database");
    assert_eq!(fixture.manager().newest_backup().expect("one").path, path);
    fs::write(fixture.path(), "damaged").expect("a file");
    assert_eq!(fixture.manager().newest_backup().expect("one").path, path);
}

#[test]
fn backups_of_the_former_application_are_listed_and_never_the_newest() {
    let fixture = SqliteFixture::created();
    let manager = fixture.manager();
    fs::create_dir_all(fixture.backups()).expect("a directory");
    for name in [
        "zenith_backup_20250908_120000.db",
        "zenith_db_backup_20250908_120000_pre_migration.db",
        "zenith-legacy-20250908T120000.000000Z.db",
    ] {
        fs::write(fixture.backups().join(name), "").expect("a file");
    }
    fs::write(fixture.backups().join("other.db"), "").expect("a file");
    let listed = manager.backups().expect("a list");
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|backup| backup.former && backup.manifest.is_none()));
    let error = manager.newest_backup().expect_err("none of ours");
    assert!(matches!(error, Error::Backup(BackupFault::None { .. })), "{error}");
}

#[test]
fn a_backup_of_another_database_with_the_same_name_is_not_listed() {
    let (fixture, other) = (SqliteFixture::created(), SqliteFixture::created());
    let theirs = other.manager().backup().expect("a backup").path;
    let ours = fixture.manager().backup().expect("a backup").path;
    fs::copy(&theirs, fixture.backups().join(theirs.file_name().expect("a name"))).expect("a copy");
    // In the default directory, a copy that is older than all users counts as from before a rollback.
    fixture.sql("UPDATE users SET created_at = '2020-01-01 00:00:00.000000'");
    let listed = fixture.manager().backups().expect("a list");
    assert_eq!(listed.iter().map(|backup| &backup.path).collect::<Vec<_>>(), [&ours]);
}

/// Of each file that was looked at, the descriptor stays open.
#[cfg(unix)]
#[test]
fn a_backup_that_cannot_be_read_for_want_of_descriptors_does_not_vanish_from_the_list() {
    let fixture = SqliteFixture::created();
    let path = fixture.manager().backup().expect("a backup").path;
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
    let (day, _) = name.split_at(name.len() - "000000Z.db".len());
    for number in 0..64 {
        let copy = format!("{day}{number:06}Z.db");
        fs::copy(&path, fixture.backups().join(copy)).expect("a copy");
    }
    let listed = run(fixture.zenith().args(["backup", "list"]), 0);
    assert_eq!(stdout(&listed).matches("Z.db").count(), 65, "{listed:?}");
    let zenith = fixture.zenith();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 40; exec \"$@\"", "sh"]).arg(zenith.get_program());
    limited.args(zenith.get_args()).args(["backup", "list"]);
    limited.env_clear().current_dir(fixture.directory.path());
    let said = stderr(&run(&mut limited, 1));
    assert!(said.contains("cannot read") && said.contains(day), "{said}");
}

/// Rows of another table in its place have NULL where the users have their times.
#[test]
fn backups_are_found_when_the_users_of_the_database_cannot_be_read() {
    let fixture = SqliteFixture::created();
    let manager = fixture.manager();
    let path = manager.backup().expect("a backup").path;
    fs::remove_file(path.with_extension("db.json")).expect("its manifest");
    let root = |name: &str| -> usize {
        let root = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{name}'");
        fixture.text(&root).parse().expect("a page")
    };
    let (users, roles) = (root("users"), root("roles"));
    fixture.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    let mut bytes = fs::read(fixture.path()).expect("the database");
    bytes.copy_within((roles - 1) * 4096..roles * 4096, (users - 1) * 4096);
    fs::write(fixture.path(), &bytes).expect("damage");
    assert_eq!(manager.newest_backup().expect("one").path, path);
}
