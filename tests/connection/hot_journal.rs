//! A rollback journal that a stopped process left.

use std::fs;
use std::path::PathBuf;

use diesel::connection::SimpleConnection;
use zenith_db::{Database, Error};

use crate::support::snapshot::{differences, snapshot};
use crate::support::{SqliteFixture, run, stderr, stdout};

/// A database as it is after a power failure in the middle of a transaction that deletes rows.
fn stopped() -> SqliteFixture {
    let fixture = SqliteFixture::created();
    let mut writer = fixture.raw();
    writer
        .batch_execute(
            "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN IMMEDIATE;
             UPDATE permissions SET description = hex(randomblob(4000));
             DELETE FROM role_permissions; DELETE FROM system_settings;",
        )
        .expect("pages that no longer fit in the cache");
    let stopped = SqliteFixture::empty();
    let journal = fixture.path().with_file_name("zenith.db-journal");
    assert!(fs::metadata(&journal).expect("a journal").len() > 512);
    fs::copy(fixture.path(), stopped.path()).expect("a copy");
    fs::copy(&journal, stopped.path().with_file_name("zenith.db-journal")).expect("a copy");
    stopped
}

#[test]
fn commands_that_only_read_do_not_roll_back_and_name_the_command_that_does() {
    let fixture = stopped();
    let before = snapshot(fixture.directory.path());
    for arguments in
        [&["health-check"][..], &["status"], &["migrate", "--plan"], &["adopt", "--plan"]]
    {
        let output = fixture.zenith().args(arguments).output().expect("it starts");
        let said = format!("{}{}", stdout(&output), stderr(&output));
        assert_ne!(output.status.code(), Some(0), "{arguments:?}: {said}");
        let expected = match arguments {
            ["adopt", ..] => "a rollback journal exists beside it",
            _ => "`zenith-db ensure` rolls it back",
        };
        assert!(said.contains(expected), "{arguments:?}: {said}");
        let touched = differences(&before, &snapshot(fixture.directory.path()));
        assert_eq!(touched, Vec::<PathBuf>::new(), "{arguments:?}");
    }
    let error = fixture.manager().status().expect_err("a journal");
    assert!(matches!(error, Error::HotJournal { .. }), "{error}");
}

#[test]
fn ensure_rolls_back_and_no_row_is_lost() {
    let fixture = stopped();
    run(fixture.zenith().arg("ensure"), 0);
    assert!(!fixture.path().with_file_name("zenith.db-journal").exists());
    assert_eq!(fixture.text("SELECT count(*) > 0 FROM role_permissions"), "1");
    assert!(fixture.manager().health_check().healthy);
}

#[test]
fn every_writer_and_the_pool_roll_back() {
    let fixture = stopped();
    fixture.manager().backup().expect("a backup");
    let fixture = stopped();
    fixture.manager().seed().expect("seeded");
    let fixture = stopped();
    fixture.manager().migrate().expect("migrated");
    let fixture = stopped();
    Database::open(&fixture.config()).expect("a pool");
    assert_eq!(fixture.text("SELECT count(*) > 0 FROM system_settings"), "1");
}

/// A process that writes has a journal, which is not hot.
#[test]
fn beside_a_live_writer_without_a_log_reading_goes_on() {
    let fixture = SqliteFixture::created();
    fixture.sql("PRAGMA journal_mode = DELETE");
    let mut writer = fixture.raw();
    writer
        .batch_execute("BEGIN IMMEDIATE; UPDATE roles SET description = 'not committed'")
        .expect("a transaction");
    assert!(fixture.path().with_file_name("zenith.db-journal").exists());
    let output = run(fixture.zenith().arg("status"), 0);
    assert!(stdout(&output).contains("zenith.db"), "{output:?}");
}

/// SQLite names a super-journal for a transaction in several files. Ours are in one: attached
/// databases are read only.
#[test]
fn this_program_attaches_databases_for_reading_only() {
    let mut attached = 0;
    for directory in ["src", "crates"] {
        let sources = crate::support::command::tree(&crate::support::repository().join(directory));
        for (path, bytes) in sources {
            let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
            let is_source = path.extension().is_some_and(|extension| extension == "rs");
            for (place, _) in text.match_indices("ATTACH ?").filter(|_| is_source) {
                let start =
                    text[..place].rfind("\nfn ").or(text[..place].rfind("fn ")).unwrap_or(0);
                let function = &text[start..place];
                assert!(function.contains("mode=ro&immutable=1"), "{}: {function}", path.display());
                attached += 1;
            }
        }
    }
    assert!(attached > 0, "nothing is attached: this test can go");
}

/// A new database as it is after a power failure in its first transaction, of which the file has the size and nothing else.
#[test]
fn a_database_whose_first_transaction_did_not_end_is_created() {
    let writing = SqliteFixture::empty();
    let mut writer = writing.raw();
    writer
        .batch_execute(
            "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN IMMEDIATE; CREATE TABLE t (x);
             INSERT INTO t VALUES (randomblob(100000))",
        )
        .expect("pages that do not fit in the cache");
    let size = fs::metadata(writing.path()).expect("a file").len();
    assert!(size > 0);
    let journal = writing.path().with_file_name("zenith.db-journal");
    let unwritten = || {
        let fixture = SqliteFixture::empty();
        fs::write(fixture.path(), vec![0; usize::try_from(size).expect("a size")]).expect("zeros");
        fixture
    };
    let fixture = unwritten();
    fs::copy(&journal, fixture.path().with_file_name("zenith.db-journal")).expect("a copy");
    assert!(matches!(fixture.manager().status(), Err(Error::HotJournal { .. })));
    run(fixture.zenith().arg("create"), 0);
    assert!(fixture.manager().health_check().healthy);

    // Zeros of another program, and a journal of a database that had pages.
    let fixture = unwritten();
    let refused = stderr(&run(fixture.zenith().arg("create"), 2));
    assert!(refused.contains("is not an SQLite database"), "{refused}");
    let mut bytes = fs::read(&journal).expect("the journal");
    bytes[16..20].copy_from_slice(&5_u32.to_be_bytes());
    fs::write(fixture.path().with_file_name("zenith.db-journal"), bytes).expect("a journal");
    let refused = stderr(&run(fixture.zenith().arg("create"), 2));
    assert!(refused.contains("is not an SQLite database"), "{refused}");
}
