//! Restoring over a database that is damaged, or beside which files of another lie: its bytes are kept.

use std::fs;

use diesel::connection::SimpleConnection;
use zenith_db::manager::{KeptDatabase, RestoreOptions};

use super::{IS_LATER, backed_up, filled};
use crate::support::{Fixture, SqliteFixture, backups_in};

fn prepared() -> (Fixture, std::path::PathBuf, std::path::PathBuf) {
    let fixture = filled(SqliteFixture::created().fixture());
    let backup = backed_up(&fixture);
    let path = fixture.config().location().path().expect("a file").as_path().to_owned();
    (fixture, backup, path)
}

fn restored(fixture: &Fixture, backup: &std::path::Path) -> KeptDatabase {
    let options = RestoreOptions::default();
    let report = fixture.manager().restore(backup, &options, &mut |_| ()).expect("a restore");
    assert!(report.health.healthy, "{:?}", report.health);
    assert_eq!(fixture.text(IS_LATER), "0");
    report.kept.expect("the existing database")
}

#[test]
fn a_file_that_is_no_database_is_kept_as_its_bytes() {
    for bytes in [&b"damaged"[..], b"", b"SQLite format 3\0 and nothing else"] {
        let (fixture, backup, path) = prepared();
        fs::write(&path, bytes).expect("damage");
        let kept = restored(&fixture, &backup);
        assert!(kept.backup.is_none() || bytes.is_empty(), "{kept:?}");
        if !bytes.is_empty() {
            assert_eq!(fs::read(&kept.path).expect("the copy"), bytes);
        }
    }
}

#[test]
fn a_database_with_a_damaged_page_is_kept_with_every_page() {
    let (fixture, backup, path) = prepared();
    let mut bytes = fs::read(&path).expect("the database");
    let root: usize = fixture
        .text("SELECT rootpage FROM sqlite_schema WHERE name = 'chat_history'")
        .parse()
        .expect("a page");
    // The number of cells of the root page.
    bytes[(root - 1) * 4096 + 4] ^= 0x7f;
    fs::write(&path, &bytes).expect("damage");
    let kept = restored(&fixture, &backup);
    assert!(kept.backup.is_none(), "{kept:?}");
    assert!(kept.path.to_str().expect("UTF-8").contains("-damaged-"), "{kept:?}");
    let copy = fs::read(&kept.path).expect("the copy");
    assert_eq!(copy.len(), bytes.len());
    let page = (root - 1) * 4096..root * 4096;
    assert_eq!(copy[page.clone()], bytes[page]);
}

/// A backup that was copied over the database while its `-wal` stayed.
#[test]
fn a_log_of_another_database_is_kept_and_does_not_meet_the_restored_one() {
    let (fixture, backup, path) = prepared();
    let wal = std::path::PathBuf::from(format!("{}-wal", path.display()));
    let connection = rusqlite::Connection::open(&path).expect("a connection");
    connection
        .execute_batch("UPDATE system_settings SET value = '2' WHERE key = 'later'")
        .expect("a log");
    let log = fs::read(&wal).expect("the log");
    assert!(!log.is_empty());
    fs::copy(&backup, path.with_extension("copy")).expect("a copy");
    drop(connection);
    fs::rename(path.with_extension("copy"), &path).expect("the backup over the database");
    fs::write(&wal, &log).expect("the log that stayed");
    let kept = restored(&fixture, &backup);
    assert!(kept.backup.is_none(), "{kept:?}");
    let kept_log = format!("{}-wal", kept.path.display());
    assert_eq!(fs::read(kept_log).expect("the log"), log);
    assert!(
        !wal.exists()
            || fs::metadata(&wal).expect("a log").len() == 0
            || fs::read(&wal).expect("a log") != log
    );
}

/// A database that was removed while its `-wal` stayed.
#[test]
fn a_log_whose_database_is_gone_is_kept_and_does_not_meet_the_restored_one() {
    let (fixture, backup, path) = prepared();
    let wal = std::path::PathBuf::from(format!("{}-wal", path.display()));
    let connection = rusqlite::Connection::open(&path).expect("a connection");
    let grown = "CREATE TABLE grown AS SELECT hex(randomblob(4000)) FROM permissions";
    connection.execute_batch(grown).expect("a log");
    let log = fs::read(&wal).expect("the log");
    drop(connection);
    fs::remove_file(&path).expect("removed");
    fs::write(&wal, &log).expect("the log that stayed");
    let kept = restored(&fixture, &backup);
    assert!(kept.backup.is_none(), "{kept:?}");
    assert_eq!(fs::read(&kept.path).expect("the log"), log);
    assert_eq!(fixture.text("SELECT count(*) FROM sqlite_schema WHERE name = 'grown'"), "0");
}

/// SQLite leaves one where it may not remove it.
#[test]
fn a_database_in_rollback_mode_with_an_empty_log_is_replaced() {
    let (fixture, backup, path) = prepared();
    fixture.raw().batch_execute("PRAGMA journal_mode = DELETE").expect("rollback mode");
    fs::write(format!("{}-wal", path.display()), "").expect("an empty log");
    let kept = restored(&fixture, &backup);
    assert!(kept.backup.is_some(), "{kept:?}");
}

#[test]
fn a_symbolic_link_is_not_replaced() {
    let (fixture, backup, path) = prepared();
    let elsewhere = fixture.directory.path().join("elsewhere.db");
    fs::rename(&path, &elsewhere).expect("another place");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&elsewhere, &path).expect("a link");
    let before = (fs::read(&elsewhere).expect("the database"), backups_in(&fixture.backups()));
    let options = RestoreOptions::default();
    fixture.manager().restore(&backup, &options, &mut |_| ()).expect_err("a link");
    let after = (fs::read(&elsewhere).expect("the database"), backups_in(&fixture.backups()));
    assert!(before == after);
    assert!(fs::symlink_metadata(&path).expect("the link").is_symlink());
}

/// SQLite will not say what is in it before its journal is rolled back: it may be another program's.
#[test]
fn a_database_with_a_hot_journal_is_neither_replaced_nor_touched() {
    let (fixture, backup, path) = prepared();
    let connection = rusqlite::Connection::open(&path).expect("a connection");
    // The cache is too small for the transaction, so that pages are in the file before its end.
    let hot = "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN IMMEDIATE;
        UPDATE permissions SET description = hex(randomblob(4000));
        DELETE FROM role_permissions; DELETE FROM system_settings";
    connection.execute_batch(hot).expect("a transaction");
    let side = |path: &std::path::Path| format!("{}-journal", path.display());
    let stopped = path.with_extension("stopped");
    fs::copy(&path, &stopped).expect("the database");
    fs::copy(side(&path), side(&stopped)).expect("its journal");
    drop(connection);
    fs::rename(&stopped, &path).expect("as it was stopped");
    fs::rename(side(&stopped), side(&path)).expect("as it was stopped");
    let before = (fs::read(&path).expect("it"), fs::read(side(&path)).expect("its journal"));
    let options = RestoreOptions::default();
    let error = fixture.manager().restore(&backup, &options, &mut |_| ()).expect_err("unknown");
    assert!(matches!(error, zenith_db::Error::HotJournal { .. }), "{error:?}");
    assert!((fs::read(&path).expect("it"), fs::read(side(&path)).expect("its journal")) == before);
}
