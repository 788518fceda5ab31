//! The size of the write-ahead log: one that a reader made grow is cut back, and a large one is reported.

use std::fs;

use diesel::connection::SimpleConnection;
use zenith_db::{Database, DbConnection};

use super::together::wait_until;
use crate::support::{SqliteFixture, failed, text};

const MEBIBYTE: u64 = 1024 * 1024;

fn log_size(fixture: &SqliteFixture) -> u64 {
    fs::metadata(fixture.directory.path().join("zenith.db-wal")).expect("a log").len()
}

fn write(database: &Database, statement: &str) {
    let run = |connection: &mut DbConnection| Ok(connection.batch_execute(statement)?);
    database.write(|conn| run(conn)).expect(statement);
}

#[test]
fn a_log_that_grew_under_a_long_reader_is_cut_back_when_the_reader_has_gone() {
    let fixture = SqliteFixture::created();
    let database = fixture.database();
    write(&database, "CREATE TABLE large (x)");
    let mut reader = fixture.raw();
    reader.batch_execute("BEGIN").expect("a transaction");
    assert_eq!(text(&mut reader, "SELECT count(*) FROM large"), "0");
    for _ in 0..24 {
        write(&database, "INSERT INTO large VALUES (randomblob(1024 * 1024))");
    }
    assert!(log_size(&fixture) > 24 * MEBIBYTE, "{}", log_size(&fixture));
    reader.batch_execute("COMMIT").expect("over");
    // A checkpoint writes the rest of the log to the database, and the write after it begins the log anew.
    wait_until(|| {
        write(&database, "INSERT INTO large VALUES (1)");
        log_size(&fixture) <= 16 * MEBIBYTE
    });
    assert_eq!(fixture.text("SELECT count(*) FROM large WHERE x <> 1"), "24");
}

#[test]
fn a_large_log_is_a_warning_that_says_what_to_do() {
    let fixture = SqliteFixture::created();
    let database = fixture.database();
    write(&database, "CREATE TABLE added (x)");
    let log = fixture.directory.path().join("zenith.db-wal");
    let log = fs::OpenOptions::new().write(true).open(log).expect("the log");
    for (size, warnings) in [(64, &[] as &[&str]), (65, &["WAL Size"])] {
        // A hole costs no disk, and SQLite does not read beyond the last transaction.
        log.set_len(size * MEBIBYTE).expect("a longer log");
        let report = fixture.manager().health_check();
        assert_eq!(failed(&report), warnings, "{size} MiB");
        assert!(report.healthy);
        let check = report.checks.iter().find(|check| check.name == "WAL Size").expect("it");
        assert!(check.details.contains(&format!("{size} MiB")), "{}", check.details);
        let says_what_to_do = check.details.contains("End long-running reads");
        assert_eq!(says_what_to_do, !warnings.is_empty(), "{}", check.details);
    }
}
