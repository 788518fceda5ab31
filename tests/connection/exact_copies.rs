//! Backups are copies of the pages.

use std::fs;

use crate::support::SqliteFixture;

/// Header fields that changing the journal mode changes: the format versions, the change counter, and
/// the version that it is valid for (<https://sqlite.org/fileformat2.html#the_database_header>).
const CHANGED: [std::ops::Range<usize>; 3] = [18..20, 24..28, 92..100];

#[test]
fn a_backup_has_the_pages_of_the_database() {
    let fixture = SqliteFixture::created();
    let backup = fixture.manager().backup().expect("a backup");
    // The record of the backup is written to the database after the copy.
    fixture.sql("DELETE FROM backup_jobs");
    let second = fixture.manager().backup().expect("a backup");
    assert_eq!(backup.size_bytes, second.size_bytes);
    let source = SqliteFixture::empty();
    fs::copy(&second.path, source.path()).expect("a copy");
    let third = source.manager().backup().expect("a backup");
    let [mut copied, mut original] =
        [&third.path, &second.path].map(|path| fs::read(path).expect("a file"));
    for range in CHANGED {
        copied[range.clone()].fill(0);
        original[range].fill(0);
    }
    assert!(copied == original, "the pages differ");
}

#[test]
fn a_backup_holds_what_is_only_in_the_log() {
    let fixture = SqliteFixture::created();
    let mut writer = fixture.raw();
    diesel::connection::SimpleConnection::batch_execute(
        &mut writer,
        "PRAGMA wal_autocheckpoint = 0; UPDATE roles SET description = 'in the log'",
    )
    .expect("a log");
    let backup = fixture.manager().backup().expect("a backup");
    let restored = fixture.restored(&backup.path);
    assert_eq!(restored.text("SELECT min(description) FROM roles"), "in the log");
    assert_eq!(restored.files(), ["zenith.db"]);
}
