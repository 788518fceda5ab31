//! `DatabaseManager::verify_backup`: a backup is what was written, or the difference is named.

use std::fs;
use std::path::{Path, PathBuf};

use zenith_db::manager::{DatabaseManager, VerifiedBackup};
use zenith_db::{BackupFault, Error, Result};

use super::filled;
use crate::support::legacy::{Shape, former};
use crate::support::{Fixture, SqliteFixture};

fn verify(manager: &DatabaseManager, path: &Path) -> Result<VerifiedBackup> {
    manager.verify_backup(path, &mut |_| ())
}

fn manifest(backup: &Path) -> PathBuf {
    format!("{}.json", backup.display()).into()
}

fn damage(manager: &DatabaseManager, path: &Path) -> String {
    match verify(manager, path) {
        Err(Error::Backup(BackupFault::Damaged { path: named, reason })) => {
            assert_eq!(named, path);
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_backup_is_compared_with_its_manifest_and_read_whole() {
    let fixture = filled(Fixture::created());
    let manager = fixture.manager();
    let report = manager.backup().expect("a backup");
    let (mut read, mut last) = (0, "");
    let verified = manager
        .verify_backup(&report.path, &mut |progress| {
            if progress.action == "reading" {
                assert!(progress.done > read);
                assert_eq!(progress.total, report.size_bytes);
                read = progress.done;
            }
            last = progress.action;
        })
        .expect("a sound backup");
    assert_eq!((read, last), (report.size_bytes, "checking"));
    assert_eq!(verified.rows(), report.rows);
    assert_eq!(verified.schema_version, report.schema_version);
    assert_eq!(verified.started_at, Some(report.started_at));
    assert!(verified.has_manifest && !verified.former);
    fs::remove_file(manifest(&report.path)).expect("the manifest");
    let verified = verify(&manager, &report.path).expect("a sound backup");
    assert_eq!((verified.rows(), verified.has_manifest), (report.rows, false));
}

#[test]
fn any_changed_byte_is_found_even_where_the_file_stays_a_database() {
    let fixture = filled(Fixture::created());
    let manager = fixture.manager();
    let path = manager.backup().expect("a backup").path;
    let sound = fs::read(&path).expect("the backup");
    for place in [0, 30, sound.len() / 2, sound.len() - 1] {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        fs::write(&path, bytes).expect("a change");
        assert!(damage(&manager, &path).contains("SHA-256"), "byte {place}");
    }
    fs::write(&path, &sound[..sound.len() - 1]).expect("a change");
    assert!(damage(&manager, &path).contains("bytes, not"));
    fs::write(&path, &sound).expect("the backup");
    verify(&manager, &path).expect("a sound backup");
}

#[test]
fn without_a_manifest_damage_is_found_by_reading_the_database() {
    let fixture = SqliteFixture::created();
    let manager = fixture.manager();
    let path = manager.backup().expect("a backup").path;
    fs::remove_file(manifest(&path)).expect("the manifest");
    let sound = fs::read(&path).expect("the backup");
    fs::write(&path, &sound[..sound.len() / 2]).expect("a change");
    damage(&manager, &path);
    fs::write(&path, "").expect("a change");
    assert!(damage(&manager, &path).contains("not a database of this program"));
}

#[test]
fn a_backup_that_differs_from_its_manifest_is_refused() {
    let fixture = Fixture::created();
    let manager = fixture.manager();
    let path = manager.backup().expect("a backup").path;
    let text = fs::read_to_string(manifest(&path)).expect("the manifest");
    fs::write(manifest(&path), text.replace("\"users\": 1", "\"users\": 2")).expect("a change");
    assert!(damage(&manager, &path).contains("row counts"));
}

#[test]
fn a_backup_of_the_former_application_is_verified_as_such() {
    let (fixture, former) = (SqliteFixture::created(), former(Shape::Plain));
    let verified = verify(&fixture.manager(), &former.path()).expect("a former database");
    assert!(verified.former && verified.rows() > 0);
}

#[test]
fn a_missing_file_and_a_database_in_use_are_refused() {
    let fixture = SqliteFixture::created();
    let manager = fixture.manager();
    let error = verify(&manager, Path::new("nowhere.db")).expect_err("nothing there");
    assert!(matches!(error, Error::Backup(BackupFault::NotFound { .. })), "{error}");
    let other = SqliteFixture::created();
    let _in_use = other.database();
    other.sql("INSERT INTO system_settings (key, value, value_type) VALUES ('a', '1', 'integer')");
    assert!(damage(&manager, &other.path()).contains("write-ahead log"));
}
