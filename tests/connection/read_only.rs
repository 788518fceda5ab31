//! Databases that cannot be written where they are: what is safe works, and the rest names the cause.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use crate::support::command::{assert_unchanged, json};
use crate::support::{SqliteFixture, backups_in, bare_zenith, run, skipped, stderr, stdout};

/// Mounts a directory read-only for one command.
const MOUNT: &str =
    "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && shift && exec \"$@\"";

/// Returns the command where the directory is mounted read-only; `None` with a notice if this process
/// may not mount.
fn mounted_read_only(directory: &Path, command: &Command) -> Option<Command> {
    let unshare = || {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "sh", "-c", MOUNT, "sh"]).arg(directory);
        unshare
    };
    if !unshare().arg("true").output().is_ok_and(|output| output.status.success()) {
        skipped("nothing can be mounted here");
        return None;
    }
    let mut mounted = unshare();
    mounted.arg("env").arg("-i").arg(command.get_program()).args(command.get_args());
    Some(mounted)
}

fn zenith(fixture: &SqliteFixture, arguments: &[&str]) -> Command {
    let mut command = fixture.zenith();
    command.args(arguments);
    command
}

#[test]
fn on_a_read_only_mount_a_database_without_a_log_can_be_looked_at_and_backed_up() {
    for mode in ["WAL", "DELETE"] {
        let fixture = SqliteFixture::created();
        fixture.sql(&format!("PRAGMA journal_mode = {mode}"));
        let before = fixture.everything();
        let elsewhere = tempfile::tempdir().expect("a directory");
        let place = elsewhere.path().to_str().expect("UTF-8");
        let commands: [&[&str]; 4] = [
            &["status"],
            &["health-check"],
            &["migrate", "--plan"],
            &["--backup-dir", place, "backup"],
        ];
        for arguments in commands {
            let command = zenith(&fixture, arguments);
            let mounted = mounted_read_only(fixture.directory.path(), &command);
            let Some(mut mounted) = mounted else { return };
            run(&mut mounted, 0);
        }
        assert_unchanged(&before, &fixture.everything());
        let [backup] = backups_in(elsewhere.path()).try_into().expect("one backup");
        let copy = fixture.restored(&elsewhere.path().join(backup));
        assert!(copy.manager().health_check().healthy);
    }
}

#[test]
fn on_a_read_only_mount_commands_that_write_name_the_mount_and_the_way_out() {
    let fixture = SqliteFixture::created();
    let before = fixture.everything();
    let commands: [&[&str]; 6] = [
        &["seed"],
        &["migrate"],
        &["redo", "--yes"],
        &["create"],
        &["create", "--force", "--yes"],
        &["user", "reset-password", "admin", "--generate"],
    ];
    for arguments in commands {
        let command = zenith(&fixture, arguments);
        let Some(mut mounted) = mounted_read_only(fixture.directory.path(), &command) else {
            return;
        };
        let said = stderr(&run(&mut mounted, 1));
        for words in ["zenith.db is read-only", "mounted read-only", "remount it", "writable"] {
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
    }
    // There is nothing to write.
    let Some(mut ensure) =
        mounted_read_only(fixture.directory.path(), &zenith(&fixture, &["ensure"]))
    else {
        return;
    };
    run(&mut ensure, 0);
    assert_unchanged(&before, &fixture.everything());
}

#[test]
fn on_a_read_only_mount_no_database_is_created_and_the_error_says_why() {
    let fixture = SqliteFixture::empty();
    let command = zenith(&fixture, &["create"]);
    let Some(mut mounted) = mounted_read_only(fixture.directory.path(), &command) else { return };
    let said = stderr(&run(&mut mounted, 1));
    let directory = fixture.directory.path().to_str().expect("UTF-8");
    for words in [directory, "Read-only file system", "choose another place"] {
        assert!(said.contains(words), "{said}");
    }
    fixture.assert_nothing_was_created();
}

/// A snapshot of a database in use, with a transaction in its log, and with these of its files.
fn snapshot_with(suffixes: &[&str]) -> SqliteFixture {
    let live = SqliteFixture::created();
    let mut writer = live.raw();
    writer.batch_execute("CREATE TABLE only_in_the_log (x)").expect("a log");
    let snapshot = SqliteFixture::empty();
    for suffix in suffixes {
        let name = format!("zenith.db{suffix}");
        fs::copy(live.directory.path().join(&name), snapshot.directory.path().join(&name))
            .expect("a copy");
    }
    snapshot
}

#[test]
fn a_read_only_snapshot_with_its_log_is_read_with_it_or_not_at_all() {
    let snapshot = snapshot_with(&["", "-wal"]);
    let before = snapshot.everything();
    let elsewhere = tempfile::tempdir().expect("a directory");
    let place = elsewhere.path().to_str().expect("UTF-8");
    for arguments in [&["status"] as &[&str], &["health-check"], &["--backup-dir", place, "backup"]]
    {
        let command = zenith(&snapshot, arguments);
        let mounted = mounted_read_only(snapshot.directory.path(), &command);
        let Some(mut mounted) = mounted else { return };
        let output = run(&mut mounted, 2);
        let said = format!("{}{}", stdout(&output), stderr(&output));
        for words in ["zenith.db", "-wal file has transactions", "copy the database", "read-only"] {
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
    }
    assert_unchanged(&before, &snapshot.everything());
    assert_eq!(backups_in(elsewhere.path()), Vec::<String>::new());
    // The way out that it names.
    assert_sees_the_log(&mut zenith(&snapshot, &["status", "--format", "json"]));

    // With the file that SQLite would have to create, the log can be read in place.
    let snapshot = snapshot_with(&["", "-wal", "-shm"]);
    let command = zenith(&snapshot, &["status", "--format", "json"]);
    let Some(mut mounted) = mounted_read_only(snapshot.directory.path(), &command) else { return };
    assert_sees_the_log(&mut mounted);
    let command = zenith(&snapshot, &["--backup-dir", place, "backup"]);
    let Some(mut mounted) = mounted_read_only(snapshot.directory.path(), &command) else { return };
    run(&mut mounted, 0);
    let [backup] = backups_in(elsewhere.path()).try_into().expect("one backup");
    let copy = snapshot.restored(&elsewhere.path().join(backup));
    assert_eq!(copy.text("SELECT count(*) FROM only_in_the_log"), "0");
}

/// The rollback journal of a killed process would have to be rolled back, which writes.
#[test]
fn on_a_read_only_mount_the_journal_of_a_killed_process_is_not_rolled_back() {
    let live = SqliteFixture::created();
    live.sql("PRAGMA journal_mode = DELETE");
    let mut writer = live.raw();
    let unfinished = "PRAGMA cache_size = 1; BEGIN IMMEDIATE; CREATE TABLE large (x);
         INSERT INTO large VALUES (randomblob(1024 * 1024))";
    writer.batch_execute(unfinished).expect("a journal");
    let killed = SqliteFixture::empty();
    for name in ["zenith.db", "zenith.db-journal"] {
        fs::copy(live.directory.path().join(name), killed.directory.path().join(name))
            .expect("a copy");
    }
    let before = killed.everything();
    for arguments in [&["ensure"] as &[&str], &["backup"], &["seed"]] {
        let command = zenith(&killed, arguments);
        let mounted = mounted_read_only(killed.directory.path(), &command);
        let Some(mut mounted) = mounted else { return };
        let said = stderr(&run(&mut mounted, 1));
        assert!(said.contains("is read-only") && said.contains("mounted read-only"), "{said}");
    }
    assert_unchanged(&before, &killed.everything());
}

fn assert_sees_the_log(command: &mut Command) {
    let status = json(&run(command, 0));
    assert_eq!(status["record_counts"]["only_in_the_log"], 0, "{status}");
}

/// Command as another user: root may write everything.
struct AsNobody {
    programs: TempDir,
}

impl AsNobody {
    fn new() -> Self {
        // The build directory may be closed to others.
        let programs = tempfile::tempdir().expect("a temporary directory");
        let program = programs.path().join("zenith-db");
        fs::copy(bare_zenith(programs.path()).get_program(), &program).expect("a copy");
        set_mode(programs.path(), 0o755);
        set_mode(&program, 0o755);
        Self { programs }
    }

    fn command(&self, fixture: &SqliteFixture, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.path().join("zenith-db"));
        command.env_clear().current_dir(fixture.directory.path());
        command.arg("--path").arg(fixture.path()).args(arguments);
        if rustix::process::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        command
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn a_user_who_may_not_write_is_told_which_permission_is_missing() {
    let nobody = AsNobody::new();
    let cases = [
        (0o444, 0o777, "the current user may not write to the file"),
        (0o666, 0o555, "the current user may not create files in its directory"),
    ];
    for (file, directory, reason) in cases {
        let fixture = SqliteFixture::created();
        set_mode(&fixture.path(), file);
        set_mode(fixture.directory.path(), directory);
        for arguments in [&["seed"] as &[&str], &["migrate"], &["create"]] {
            let output = nobody.command(&fixture, arguments).output().expect("it starts");
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("zenith.db is read-only") && said.contains(reason), "{said}");
        }
        set_mode(fixture.directory.path(), 0o755);
        assert!(fixture.manager().health_check().healthy);
    }
}

/// Another user who looks on while the application writes needs no right to write.
#[test]
fn a_user_who_may_only_read_backs_up_a_database_in_use_and_is_otherwise_told_why_not() {
    let nobody = AsNobody::new();
    let fixture = SqliteFixture::created();
    let elsewhere = tempfile::tempdir().expect("a directory");
    set_mode(elsewhere.path(), 0o777);
    let place = elsewhere.path().to_str().expect("UTF-8");
    let backup = ["--backup-dir", place, "backup"];
    set_mode(&fixture.path(), 0o644);
    set_mode(fixture.directory.path(), 0o755);
    let said = stderr(&run(&mut nobody.command(&fixture, &backup), 2));
    for words in ["creates -wal and -shm files", "owner of the directory"] {
        assert!(said.contains(words), "{said}");
    }
    let mut writer = fixture.raw();
    writer.batch_execute("CREATE TABLE only_in_the_log (x)").expect("a log");
    run(&mut nobody.command(&fixture, &backup), 0);
    assert_eq!(backups_in(elsewhere.path()).len(), 1);
}
