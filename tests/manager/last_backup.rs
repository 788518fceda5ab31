//! The last backup that `status` shows: by the files, whatever the database remembers.

use std::fs;
use std::path::Path;

use crate::support::command::json;
use crate::support::{Fixture, administrator, run, stdout};
use diesel::connection::SimpleConnection;
use zenith_db::Backend;
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, LastBackup, RollbackTarget};

fn last(manager: &DatabaseManager) -> Option<LastBackup> {
    manager.status().expect("a status").last_backup
}

/// What the command shows, as text and as JSON, is this file.
fn assert_shown(fixture: &Fixture, path: &Path) {
    let said = stdout(&run(fixture.zenith().arg("status"), 0));
    assert!(said.contains(path.to_str().expect("UTF-8")), "{said}");
    let status = json(&run(fixture.zenith().args(["status", "--format", "json"]), 0));
    assert_eq!(status["last_backup"]["path"].as_str(), path.to_str());
    assert_eq!(status["last_backup"]["exists"], true);
    assert!(status["last_backup"]["size_mb"].as_f64().is_some_and(|size| size > 0.0), "{status}");
    assert!(status["last_backup"]["created"].is_string(), "{status}");
}

#[test]
fn it_is_found_when_its_record_was_deleted() {
    let fixture = Fixture::created();
    fixture.manager().backup().expect("a backup");
    let newest = fixture.manager().backup().expect("a backup");
    fixture.sql("DELETE FROM backup_jobs");
    assert_shown(&fixture, &newest.path);
    let found = last(&fixture.manager()).expect("the file");
    assert!(found.created >= newest.started_at && found.created <= newest.completed_at);
}

#[test]
fn it_is_found_when_the_table_of_the_records_was_rolled_back() {
    let fixture = Fixture::created();
    let target = RollbackTarget::Version("0".into());
    let report = fixture.manager().rollback(&target).expect("rolled back");
    let path = report.backup.expect("a backup before").path;
    assert_shown(&fixture, &path);
    // Nor does the new table know of it.
    fixture.manager().migrate().expect("migrated");
    let newest = last(&fixture.manager()).expect("one");
    assert!(newest.path >= path, "{newest:?}");
}

#[test]
fn a_newer_file_without_a_record_counts_more_than_an_older_one_with_it() {
    let fixture = Fixture::created();
    let recorded = fixture.manager().backup().expect("a backup");
    let newer = fixture.manager().backup().expect("a backup");
    fixture.sql("DELETE FROM backup_jobs WHERE id = (SELECT max(id) FROM backup_jobs)");
    assert_eq!(last(&fixture.manager()).expect("one").path, newer.path);
    fs::remove_file(&newer.path).expect("the backup");
    let found = last(&fixture.manager()).expect("one");
    assert_eq!((found.path, found.created), (recorded.path, recorded.started_at));
}

#[test]
fn a_record_whose_file_is_missing_is_shown_as_missing() {
    let fixture = Fixture::created();
    fixture.manager().backup().expect("a backup");
    let newest = fixture.manager().backup().expect("a backup");
    fs::remove_file(&newest.path).expect("the backup");
    let found = last(&fixture.manager()).expect("one");
    assert_eq!((found.path, found.exists), (newest.path, false));
    let said = stdout(&run(fixture.zenith().arg("status"), 0));
    assert!(said.contains("MISSING"), "{said}");
}

#[test]
fn files_that_are_no_backup_of_this_database_are_ignored() {
    let fixture = Fixture::created();
    let backup = fixture.manager().backup().expect("a backup").path;
    fixture.sql("DELETE FROM backup_jobs");
    let name = backup.file_name().expect("a name").to_str().expect("UTF-8");
    let (start, end) = name.rsplit_once("-2").expect("the time");
    let time = end.split('.').next().expect("the time");
    for other in [
        format!("{start}x-9{end}"),
        format!("x{start}-9{end}"),
        format!("{start}-9{end}.partial"),
        format!("{start}-9{time}.db"),
        format!("{start}-9.db"),
        format!(".{start}-9{end}"),
        "transfer-99990101T000000.000000Z.json".into(),
        "notes.txt".into(),
    ] {
        fs::write(fixture.backups().join(other), "not a backup").expect("a file");
    }
    fs::create_dir(fixture.backups().join(format!("{start}-9{end}"))).expect("a directory");
    assert_shown(&fixture, &backup);
}

/// Files of every kind with the name of a newer backup, in the default directory and in another one.
#[test]
fn a_file_is_no_backup_because_of_its_name() {
    let fixture = Fixture::created();
    let another = Fixture::created();
    let other = another.manager().backup().expect("a backup of another database").path;
    let other = fs::read(other).expect("its contents");
    let elsewhere = fixture.directory.path().join("kept");
    let set = [(Key::BackupDir, elsewhere.to_str().expect("UTF-8"))];
    for config in [fixture.config(), fixture.config_with(&set)] {
        let manager = DatabaseManager::new(config);
        let backup = manager.backup().expect("a backup").path;
        fixture.sql("DELETE FROM backup_jobs");
        let name = backup.file_name().expect("a name").to_str().expect("UTF-8");
        let (start, end) = name.rsplit_once("-2").expect("the time");
        let newer = backup.with_file_name(format!("{start}-9{end}"));
        let found = |kind: &str| {
            assert_eq!(last(&manager).expect(kind).path, backup, "{kind}");
            fs::remove_file(&newer).expect(kind);
        };
        fs::write(&newer, "").expect("a file");
        found("an empty file");
        fs::write(&newer, "no database").expect("a file");
        found("a text");
        fs::write(&newer, "SQLite format 3\0PGDMP").expect("a file");
        found("a piece of a database");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&backup, &newer).expect("a link");
            found("a symbolic link");
        }
        if fixture.backend() == Backend::Sqlite {
            fs::write(&newer, &other).expect("a file");
            found("a backup of another database");
            crate::support::open_file(&newer)
                .batch_execute("CREATE TABLE users (uuid TEXT, created_at TEXT)")
                .expect("a database");
            found("a database of another program");
        }
    }
}

#[test]
fn it_is_found_when_all_users_were_created_again_since() {
    let fixture = Fixture::created();
    let target = RollbackTarget::Version("0".into());
    let backup = fixture.manager().rollback(&target).expect("rolled back").backup;
    let manager = DatabaseManager::new(fixture.config_with(&[(Key::AutoBackup, "false")]));
    let _ = manager.initialize(&administrator()).expect("created again");
    assert_eq!(last(&manager).expect("one").path, backup.expect("a backup before").path);
}

#[test]
fn in_a_directory_that_was_set_it_is_found_as_well() {
    let fixture = Fixture::created();
    let directory = fixture.directory.path().join("kept");
    let directory = directory.to_str().expect("UTF-8");
    let manager = DatabaseManager::new(fixture.config_with(&[(Key::BackupDir, directory)]));
    let backup = manager.backup().expect("a backup");
    fixture.sql("DELETE FROM backup_jobs");
    assert_eq!(last(&manager).expect("one").path, backup.path);
    // Another directory has none, and without a directory there is none.
    assert!(last(&fixture.manager()).is_none());
}

#[test]
fn a_database_that_was_never_backed_up_has_none() {
    let fixture = Fixture::created();
    assert!(last(&fixture.manager()).is_none());
    let said = stdout(&run(fixture.zenith().arg("status"), 0));
    assert!(said.contains("last backup    none"), "{said}");
}
