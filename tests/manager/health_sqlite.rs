//! The checks of what only SQLite has: a file, its pages, its settings.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};

use super::health::{assert_only, check, details};
use crate::support::{SqliteFixture, failed};
use zenith_db::config::Key;
use zenith_db::manager::DatabaseManager;

const NONE: [&str; 0] = [];

/// Writes over a part of the database file.
pub fn overwrite(fixture: &SqliteFixture, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(fixture.path()).expect("the database");
    file.seek(SeekFrom::Start(at)).expect("a place in it");
    file.write_all(bytes).expect("bytes");
}

#[test]
fn references_that_are_not_enforced_fail_foreign_keys_enabled() {
    let fixture = SqliteFixture::created();
    let manager = DatabaseManager::new(fixture.config_with(&[(Key::ForeignKeys, "false")]));
    assert_only(&manager.health_check(), "Foreign Keys Enabled", false);
}

#[test]
fn a_rollback_journal_fails_wal_mode_unless_it_is_wanted() {
    let fixture = SqliteFixture::created();
    fixture.sql("PRAGMA journal_mode = DELETE");
    assert_only(&check(&fixture), "WAL Mode", false);
    // Looking did not set it.
    assert_eq!(fixture.text("SELECT journal_mode FROM pragma_journal_mode"), "delete");

    let unwanted = DatabaseManager::new(fixture.config_with(&[(Key::WalMode, "false")]));
    assert_eq!(failed(&unwanted.health_check()), NONE);
}

#[test]
fn a_damaged_page_fails_quick_integrity() {
    for (kind, damage) in [("leaf", vec![0xAB; 64]), ("overflow", vec![0x7F; 4])] {
        let fixture = SqliteFixture::created();
        fixture.sql(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
             INSERT INTO system_metrics (metric_name, metric_value, metric_type, metadata)
             SELECT 'm', i, 'gauge', json_object('text', hex(zeroblob(5000))) FROM n",
        );
        let page: u64 = fixture
            .text(&format!(
                "SELECT max(pageno) FROM dbstat
                 WHERE name = 'system_metrics' AND pagetype = '{kind}'"
            ))
            .parse()
            .expect("a page of this kind");
        let size: u64 = fixture.text("SELECT page_size FROM pragma_page_size").parse().expect("it");
        assert_eq!(failed(&check(&fixture)), NONE);

        overwrite(&fixture, (page - 1) * size, &damage);
        let report = check(&fixture);
        assert_only(&report, "Quick Integrity", true);
    }
}

#[test]
fn sqlite_version_names_the_version_that_is_compiled_in() {
    // It is compiled in, so it cannot be made to fail from outside.
    let fixture = SqliteFixture::created();
    let report = check(&fixture);
    assert_eq!(details(&report, "SQLite Version"), fixture.text("sqlite_version()"));
}

#[test]
fn a_file_or_directory_that_others_may_touch_fails_file_permissions() {
    use std::os::unix::fs::PermissionsExt;

    for (name, mode) in
        [("zenith.db", 0o640), ("zenith.db", 0o604), ("", 0o720), ("backups", 0o750)]
    {
        let fixture = SqliteFixture::created();
        let path = fixture.directory.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
        assert_only(&check(&fixture), "File Permissions", false);
    }
}

#[test]
fn a_damaged_header_is_a_failed_check_and_not_a_panic() {
    let page_size = 16;
    let schema_page = 100;
    for (at, damage) in [
        (0, b"damaged damaged!".as_slice()),
        (page_size, &[0, 3]),
        (44, &[0, 0, 0, 99]),
        (schema_page, &[0xFF; 12]),
        (0, &[0; 4096]),
    ] {
        let fixture = SqliteFixture::created();
        overwrite(&fixture, at, damage);
        let report = check(&fixture);
        assert!(!report.healthy, "at {at}: {report:#?}");
        assert!(report.failures().all(|check| !check.details.is_empty()));
    }
}

#[test]
fn a_truncated_file_is_unhealthy() {
    for keep in [10, 100, 4096, 100_000] {
        let fixture = SqliteFixture::created();
        let file = OpenOptions::new().write(true).open(fixture.path()).expect("the database");
        assert!(file.metadata().expect("a length").len() > keep);
        file.set_len(keep).expect("a shorter file");
        let report = check(&fixture);
        assert!(!report.healthy, "{keep} bytes: {report:#?}");
    }
}

#[test]
fn above_256_mib_what_reads_every_row_is_skipped_and_says_how_to_ask_for_it() {
    let fixture = SqliteFixture::created();
    assert_eq!(details(&check(&fixture), "Quick Integrity"), "no damage found");
    let file = OpenOptions::new().write(true).open(fixture.path()).expect("the database");
    // A hole costs no disk, and SQLite takes the length from the header.
    file.set_len(256 * 1024 * 1024 + 4096).expect("a longer file");
    drop(file);
    let report = check(&fixture);
    assert_eq!(failed(&report), NONE);
    for check in ["Quick Integrity", "Foreign Key Violations"] {
        let details = details(&report, check);
        assert!(details.contains("skipped") && details.contains("--deep"), "{check}: {details}");
    }
}

#[test]
fn a_weakened_trigger_fails_triggers_present() {
    let fixture = SqliteFixture::created();
    fixture.sql(
        "DROP TRIGGER audit_log_no_delete;
         CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log BEGIN SELECT 1; END",
    );
    assert_only(&check(&fixture), "Triggers Present", true);
}
