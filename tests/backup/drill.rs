//! `DatabaseManager::drill`: the newest backup is restored, checked and removed, and the result recorded.

use std::fs;

use crate::support::{SqliteFixture, failed, files_in};
use zenith_db::manager::{HealthReport, RollbackTarget};
use zenith_db::{BackupFault, Error};

fn deep(fixture: &SqliteFixture) -> HealthReport {
    fixture.manager().deep_health_check(&mut |_| ())
}

#[test]
fn a_backup_that_can_be_restored_passes_and_the_health_check_knows() {
    let fixture = SqliteFixture::created();
    let manager = fixture.manager();
    assert_eq!(failed(&deep(&fixture)), ["Recent Backup", "Recent Drill"]);
    manager.rollback(&RollbackTarget::Steps(1)).expect("an older schema");
    let backup = manager.backup().expect("a backup");
    manager.migrate().expect("a migration");
    fs::remove_file(manager.newest_backup().expect("that before the migration").path).expect("it");
    let files = files_in(&fixture.backups());
    let report = manager.drill(&mut |_| ()).expect("a drill");
    assert_eq!(report.backup.path, backup.path);
    assert_eq!(report.migrations.len(), 1);
    assert!(report.health.healthy);
    assert_eq!(files_in(&fixture.backups()), files, "nothing is left");
    assert_eq!(failed(&deep(&fixture)), ["Recent Backup"], "its record's file is missing");
}

#[test]
fn a_backup_that_cannot_be_restored_fails_and_the_health_check_says_so() {
    let fixture = SqliteFixture::created();
    let manager = fixture.manager();
    let error = manager.drill(&mut |_| ()).expect_err("no backup");
    assert!(matches!(error, Error::Backup(BackupFault::None { .. })), "{error}");
    let path = manager.backup().expect("a backup").path;
    manager.drill(&mut |_| ()).expect("a drill");
    let mut bytes = fs::read(&path).expect("the backup");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).expect("damage");
    let error = manager.drill(&mut |_| ()).expect_err("damage");
    assert!(matches!(error, Error::Backup(BackupFault::Damaged { .. })), "{error}");
    let report = deep(&fixture);
    assert_eq!(failed(&report), ["Recent Drill"]);
    let details = &report.failures().next().expect("the check").details;
    assert!(details.contains("failed") && details.contains("restore --drill"), "{details}");
}

#[test]
fn old_backups_and_drills_fail_the_deep_check_that_says_so() {
    let fixture = SqliteFixture::created();
    let manager = fixture.manager();
    let path = manager.backup().expect("a backup").path;
    manager.drill(&mut |_| ()).expect("a drill");
    assert_eq!(failed(&deep(&fixture)), Vec::<&str>::new());
    fixture.sql("UPDATE system_health SET last_check = '2020-01-01 00:00:00.000000'");
    assert_eq!(failed(&deep(&fixture)), ["Recent Drill"]);
    let old = fixture.backups().join("zenith-20200101T000000.000000Z.db");
    fs::rename(&path, &old).expect("an old name");
    fixture.sql("DELETE FROM backup_jobs");
    assert_eq!(failed(&deep(&fixture)), ["Recent Backup", "Recent Drill"]);
}

#[test]
fn counters_that_differ_from_their_rows_fail_the_deep_check() {
    let fixture = SqliteFixture::created();
    crate::support::rows::fill(&mut fixture.raw());
    let counted = "UPDATE chat_sessions SET message_count = (SELECT count(*) FROM chat_history
            WHERE chat_session_id = chat_sessions.id);
        UPDATE documents SET chunk_count = (SELECT count(*) FROM document_chunks
            WHERE document_id = documents.id)";
    fixture.sql(counted);
    let counters = |report: &HealthReport| {
        failed(report).into_iter().filter(|name| name.contains("Counters")).collect::<Vec<_>>()
    };
    assert_eq!(counters(&deep(&fixture)), Vec::<&str>::new());
    fixture.sql("UPDATE chat_sessions SET message_count = message_count + 1");
    assert_eq!(counters(&deep(&fixture)), ["Message Counters"]);
    fixture.sql("UPDATE documents SET chunk_count = chunk_count + 1");
    assert_eq!(counters(&deep(&fixture)), ["Message Counters", "Chunk Counters"]);
}
