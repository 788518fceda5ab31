//! Files beside a database that another user may have planted.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::{Database, Error};

use crate::support::snapshot::{differences, snapshot};
use crate::support::wait::wait_for;
use crate::support::{SqliteFixture, skipped, stderr, stdout};

/// Every command that opens the database.
pub(super) const COMMANDS: &[&[&str]] = &[
    &["health-check"],
    &["health-check", "--deep"],
    &["status"],
    &["ensure"],
    &["create"],
    &["create", "--force", "--yes"],
    &["migrate", "--plan"],
    &["migrate"],
    &["rollback", "--yes"],
    &["seed"],
    &["backup"],
    &["adopt", "--plan"],
    &["adopt", "--yes"],
];

/// Runs every command on a database, each of which must refuse it and change nothing.
pub(super) fn assert_refused(fixture: &SqliteFixture, reason: &str) {
    let before = snapshot(fixture.directory.path());
    for arguments in COMMANDS {
        let output = fixture.zenith().args(*arguments).output().expect("it starts");
        let said = format!("{}{}", stdout(&output), stderr(&output));
        assert_ne!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
        let touched = differences(&before, &snapshot(fixture.directory.path()));
        assert_eq!(touched, Vec::<PathBuf>::new(), "{arguments:?}");
    }
}

/// Returns a rollback journal of one page that names a super-journal.
fn journal_naming(super_journal: &Path, pages: u32) -> Vec<u8> {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

    let name = super_journal.as_os_str().as_encoded_bytes();
    let word = |number: u32| number.to_be_bytes();
    let sum = name.iter().map(|byte| u32::from(*byte)).sum();
    let head = [word(0), word(7), word(pages), word(512), word(4096)].concat();
    let mut journal = [&MAGIC[..], &head].concat();
    journal.resize(512, 0);
    journal.extend(word(0x4000_0000 / 4096 + 1));
    journal.extend(name);
    journal.extend(word(u32::try_from(name.len()).expect("a short name")));
    journal.extend(word(sum));
    journal.extend(MAGIC);
    journal
}

#[test]
fn a_journal_that_names_a_super_journal_deletes_nothing() {
    let fixture = SqliteFixture::created();
    fixture.sql("PRAGMA journal_mode = DELETE");
    let victims = tempfile::tempdir().expect("a directory");
    let victim = victims.path().join("precious");
    fs::write(&victim, "kept").expect("a file");
    let length = fs::metadata(fixture.path()).expect("a database").len();
    let journal = journal_naming(&victim, u32::try_from(length / 4096).expect("small"));
    let beside = |fixture: &SqliteFixture| fixture.path().with_file_name("zenith.db-journal");

    // SQLite alone deletes it, so that the journal is a real one.
    let naive = SqliteFixture::empty();
    fs::copy(fixture.path(), naive.path()).expect("a copy");
    fs::write(beside(&naive), &journal).expect("a journal");
    naive.text("SELECT count(*) FROM users");
    assert!(!victim.exists(), "the journal is not one that SQLite believes");

    fs::write(&victim, "kept").expect("a file");
    fs::write(beside(&fixture), &journal).expect("a journal");
    assert_refused(&fixture, "zenith.db-journal names another journal");
    assert_eq!(fs::read(&victim).expect("it is still there"), b"kept");
}

#[test]
fn a_side_file_of_another_user_is_not_read() {
    if !rustix::process::geteuid().is_root() {
        return skipped("only root can give a file to another user");
    }
    for suffix in ["-journal", "-wal", "-shm"] {
        let fixture = SqliteFixture::created();
        let planted = fixture.path().with_file_name(format!("zenith.db{suffix}"));
        fs::write(&planted, "planted").expect("a file");
        chown(&planted, Some(1), Some(1)).expect("another owner");
        assert_refused(&fixture, "does not belong to the owner of the database");
    }
}

#[test]
fn a_side_file_that_is_no_regular_file_with_one_name_is_not_opened() {
    type Plant = fn(&Path, &Path);
    let plants: [Plant; 4] = [
        |target, planted| symlink(target, planted).expect("a link"),
        |target, planted| fs::hard_link(target, planted).expect("a link"),
        |_, planted| fs::create_dir(planted).expect("a directory"),
        |_, planted| {
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            let kind = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, planted, kind, mode, 0).expect("a pipe");
        },
    ];
    for suffix in ["-journal", "-wal", "-shm"] {
        for plant in plants {
            let fixture = SqliteFixture::created();
            let others = tempfile::tempdir().expect("a directory");
            let target = others.path().join("target");
            fs::write(&target, "not yours").expect("a file");
            plant(&target, &fixture.path().with_file_name(format!("zenith.db{suffix}")));
            assert_refused(&fixture, "is not a regular file with one name");
            assert_eq!(fs::read(&target).expect("it is still there"), b"not yours");
        }
    }
}

#[test]
fn a_database_with_several_names_is_refused() {
    let fixture = SqliteFixture::created();
    let other = fixture.path().with_file_name("other.db");
    fs::hard_link(fixture.path(), other).expect("a link");
    assert_refused(&fixture, "it has several names (hard links)");
}

fn pipe_at(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo starts");
    assert!(made.success());
}

#[test]
fn a_pipe_in_place_of_the_journal_of_a_new_database_is_not_waited_for() {
    let fixture = SqliteFixture::empty();
    fs::write(fixture.path(), [0; 4096]).expect("zeros");
    pipe_at(&fixture.path().with_file_name("zenith.db-journal"));
    for arguments in COMMANDS {
        let mut command = fixture.zenith();
        command.args(*arguments).stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        let mut running = command.spawn().expect("it starts");
        wait_for(&format!("the end of {arguments:?}"), || {
            running.try_wait().expect("a child").is_some()
        });
    }
    assert_refused(&fixture, "is not an SQLite database");
}

/// The database is open, so that its side files are not looked at before each write.
#[test]
fn a_pipe_in_place_of_the_index_of_the_log_is_not_waited_for_when_a_lock_is_met() {
    let fixture = SqliteFixture::created();
    let settings = [(Key::BusyTimeout, "50")];
    let database = Database::open(&fixture.config_with(&settings)).expect("a database");
    let mut other = fixture.raw();
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock");
    let index = fixture.path().with_file_name("zenith.db-shm");
    fs::remove_file(&index).expect("a name");
    pipe_at(&index);
    let writing = thread::spawn(move || database.write(|_| Ok(())));
    wait_for("the end of the write", || writing.is_finished());
    let refused = writing.join().expect("no panic");
    assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
}
