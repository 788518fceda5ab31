//! What only reads writes nothing: a missing database stays missing, and one that is there is left
//! as it is, with its journal mode and without side files.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::snapshot::{differences, snapshot};
use crate::support::{SqliteFixture, bare_zenith, failed, run, stdout, text};
use diesel::connection::SimpleConnection;
use serde_json::Value;
use zenith_db::manager::{DatabaseManager, RollbackTarget};
use zenith_db::{Database, Error};

/// Fails if this changes anything in the directory, even for a moment.
fn leaves_alone<T>(directory: &Path, work: impl FnOnce() -> T) -> T {
    let before = snapshot(directory);
    let result = work();
    assert_eq!(differences(&before, &snapshot(directory)), Vec::<PathBuf>::new());
    result
}

fn status(fixture: &SqliteFixture) -> Value {
    let output = run(fixture.zenith().args(["status", "--format", "json"]), 0);
    serde_json::from_str(&stdout(&output)).expect("JSON")
}

/// `status` and `health-check` change nothing, and see this many users.
fn inspected(fixture: &SqliteFixture, users: i64) {
    leaves_alone(fixture.directory.path(), || {
        assert_eq!(status(fixture)["record_counts"]["users"], users);
    });
    leaves_alone(fixture.directory.path(), || run(fixture.zenith().arg("health-check"), 0));
}

#[test]
fn status_health_check_and_config_create_nothing_for_a_missing_database() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    for format in ["text", "json"] {
        for (subcommand, exit) in [("status", 4), ("health-check", 4), ("config", 0)] {
            for path in [None, Some("zenith.db"), Some("missing/deep/zenith.db")] {
                let mut command = bare_zenith(directory);
                command.args([subcommand, "--format", format]);
                command.args(path.map(|path| format!("--path={path}")));
                leaves_alone(directory, || run(&mut command, exit));
            }
        }
    }
}

#[test]
fn backup_migrate_seed_and_rollback_create_nothing_for_a_missing_database() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    for arguments in [["migrate", "-v"], ["seed", "-v"], ["rollback", "--yes"], ["backup", "-v"]] {
        for path in [None, Some("zenith.db"), Some("missing/deep/zenith.db")] {
            let mut command = bare_zenith(directory);
            command.args(arguments).args(path.map(|path| format!("--path={path}")));
            leaves_alone(directory, || run(&mut command, 4));
        }
    }
}

type Work = fn(&DatabaseManager) -> Result<(), Error>;

#[test]
fn the_library_creates_nothing_for_a_missing_database() {
    let fixture = SqliteFixture::empty();
    let manager = fixture.manager();
    leaves_alone(fixture.directory.path(), || {
        assert!(!manager.exists().expect("a look"));
        let health = manager.health_check();
        assert!(!health.healthy);
        assert_eq!(failed(&health), ["Database File Exists"]);
    });
    let attempts: [(&str, Work); 8] = [
        ("status", |manager| manager.status().map(drop)),
        ("last_backup", |manager| manager.last_backup().map(drop)),
        ("has_administrator", |manager| manager.has_administrator().map(drop)),
        ("migrate", |manager| manager.migrate().map(drop)),
        ("seed", |manager| manager.seed().map(drop)),
        ("rollback", |manager| manager.rollback(&RollbackTarget::Steps(1)).map(drop)),
        ("open", |manager| Database::open(manager.config()).map(drop)),
        ("backup", |manager| manager.backup().map(drop)),
    ];
    for (name, attempt) in attempts {
        let error = leaves_alone(fixture.directory.path(), || attempt(&manager));
        assert!(matches!(error, Err(Error::NoDatabase { .. })), "{name}: {error:?}");
    }
}

#[test]
fn inspecting_a_wal_database_leaves_no_side_files_and_changes_nothing() {
    let fixture = SqliteFixture::created();
    assert_eq!(fixture.files(), ["backups", "logs", "zenith.db"]);
    inspected(&fixture, 1);
}

#[test]
fn a_database_not_in_wal_mode_can_be_inspected_read_only() {
    let fixture = SqliteFixture::created();
    fixture.sql("PRAGMA journal_mode = DELETE");
    // `health-check` says so, and does not mend it.
    inspected(&fixture, 1);
    assert_eq!(failed(&fixture.manager().health_check()), ["WAL Mode"]);
    assert_eq!(fixture.text("SELECT journal_mode FROM pragma_journal_mode"), "delete");
}

#[test]
fn an_empty_file_can_be_inspected_and_stays_empty() {
    let fixture = SqliteFixture::empty();
    fs::write(fixture.path(), "").expect("a file");
    leaves_alone(fixture.directory.path(), || {
        assert_eq!(status(&fixture)["table_count"], 0);
        run(fixture.zenith().arg("health-check"), 3);
    });
}

#[test]
fn what_a_writer_has_committed_to_the_wal_is_seen_and_not_moved() {
    let fixture = SqliteFixture::created();
    let mut writer = fixture.raw();
    writer.batch_execute("UPDATE users SET username = 'renamed'").expect("a commit");
    writer.batch_execute("CREATE TABLE added (a)").expect("a commit");
    let wal = fs::read(fixture.directory.path().join("zenith.db-wal")).expect("a WAL");
    let main = fs::read(fixture.path()).expect("the database");
    assert_eq!(status(&fixture)["record_counts"]["added"], 0, "the table is only in the WAL");
    let health = fixture.manager().health_check();
    let admin = health.checks.iter().find(|check| check.name == "Admin User Exists");
    assert_eq!(admin.map(|check| check.details.as_str()), Some("renamed"));
    assert_eq!(fs::read(fixture.directory.path().join("zenith.db-wal")).expect("a WAL"), wal);
    assert_eq!(fs::read(fixture.path()).expect("the database"), main);
    assert_eq!(text(&mut writer, "SELECT username FROM users"), "renamed");
}

#[test]
fn what_a_crash_left_in_the_wal_is_seen_and_not_moved() {
    let (source, crashed) = (SqliteFixture::created(), SqliteFixture::empty());
    let mut writer = source.raw();
    writer.batch_execute("CREATE TABLE added (a)").expect("a commit");
    // What a killed process leaves: the database and its WAL, with nobody at work.
    for suffix in ["", "-wal"] {
        let name = format!("zenith.db{suffix}");
        let from = source.directory.path().join(&name);
        fs::copy(from, crashed.directory.path().join(&name)).expect("a copy");
    }
    let wal = fs::read(crashed.directory.path().join("zenith.db-wal")).expect("a WAL");
    let main = fs::read(crashed.path()).expect("the database");
    assert!(!wal.is_empty());
    assert_eq!(status(&crashed)["record_counts"]["added"], 0, "the table is only in the WAL");
    run(crashed.zenith().arg("health-check"), 0);
    assert_eq!(fs::read(crashed.directory.path().join("zenith.db-wal")).expect("a WAL"), wal);
    assert_eq!(fs::read(crashed.path()).expect("the database"), main);
}

/// The command as someone who may not write here: a superuser could, whatever the modes say, so the
/// command then runs as nobody.
fn as_reader(fixture: &SqliteFixture, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(fixture.directory.path()).arg("--path").arg(fixture.path());
    let superuser = fs::metadata(fixture.path()).expect("metadata").uid() == 0;
    if superuser {
        command.uid(65_534).gid(65_534);
    }
    command
}

#[test]
fn someone_who_may_only_read_can_inspect_a_database_and_its_read_only_directory() {
    let fixture = SqliteFixture::created();
    let directory = fixture.directory.path();
    // The build directory may be closed to others.
    let programs = tempfile::tempdir().expect("a temporary directory");
    let program = programs.path().join("zenith-db");
    fs::copy(env!("CARGO_BIN_EXE_zenith-db"), &program).expect("a copy");
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    set(&program, 0o755);
    set(programs.path(), 0o755);
    for journal_mode in ["WAL", "DELETE"] {
        fixture.sql(&format!("PRAGMA journal_mode = {journal_mode}"));
        set(&fixture.path(), 0o444);
        set(directory, 0o555);
        let before = snapshot(directory);
        let outputs = ["status", "health-check", "seed"].map(|subcommand| {
            let mut command = as_reader(&fixture, &program);
            command.arg(subcommand).output().expect("the command starts")
        });
        let touched = differences(&before, &snapshot(directory));
        // Whatever comes of it, the directory must be removable.
        set(directory, 0o755);
        set(&fixture.path(), 0o644);
        let [status, health, seed] = outputs;
        for output in [&status, &health] {
            assert_eq!(output.status.code(), Some(0), "{journal_mode}: {output:?}");
        }
        assert!(stdout(&status).contains("21 tables"), "{}", stdout(&status));
        // The proof that this test can tell: what writes fails here.
        assert_eq!(seed.status.code(), Some(1), "{journal_mode}: {seed:?}");
        assert_eq!(touched, Vec::<PathBuf>::new(), "{journal_mode}");
    }
}

#[test]
fn status_shows_a_backup_of_this_database_and_of_no_other() {
    let (one, two) = (SqliteFixture::created(), SqliteFixture::created());
    let shared = tempfile::tempdir().expect("a temporary directory");
    run(one.zenith().arg("--backup-dir").arg(shared.path()).arg("backup"), 0);
    let mut other = two.zenith();
    other.arg("--backup-dir").arg(shared.path()).args(["status", "--format", "json"]);
    let other: Value = serde_json::from_str(&stdout(&run(&mut other, 0))).expect("JSON");
    assert_eq!(other["last_backup"], Value::Null);
    let path = status(&one)["last_backup"]["path"].as_str().expect("a path").to_owned();
    assert!(Path::new(&path).starts_with(shared.path()), "{path}");
}
