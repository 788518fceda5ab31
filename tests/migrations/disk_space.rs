//! A disk with less room than a migration may need is refused before anything is done, by name. The
//! disks are small ones of the test's own, in a mount namespace that nobody else sees.

use std::path::Path;
use std::process::Output;

use crate::support::mounts::unshare;
use crate::support::{SqliteFixture, bare_zenith, open_file, rows, stderr, stdout};
use zenith_db::manager::RollbackTarget;

/// Runs a migration with a disk of so many tenths of the database's size mounted at `disk`, and the
/// database copied there if that is where it lies. It comes back as `after.db`.
fn migrate(fixture: &SqliteFixture, tenths: u64, database: &str, arguments: &[&str]) -> Output {
    let bytes = std::fs::metadata(fixture.path()).expect("a file").len() * tenths / 10;
    let script = "mount -t tmpfs -o size=$0 tmpfs disk || exit 99
        database=$1; shift; [ -e $database ] || cp zenith.db $database || exit 99
        \"$@\"; code=$?; cp $database after.db; exit $code";
    let mut command = unshare().expect("as before");
    command.args(["sh", "-c", script, &bytes.to_string(), database]);
    command.arg(bare_zenith(fixture.directory.path()).get_program());
    command.args(["migrate", "--path", database]).args(arguments);
    command.current_dir(fixture.directory.path()).output().expect("it starts")
}

/// Refused on the smaller disk, for what lacks room there, and done on the larger.
fn needs_room([smaller, larger]: [u64; 2], database: &str, arguments: &[&str], what: &str) {
    if unshare().is_none() {
        return;
    }
    let fixture = SqliteFixture::created();
    fixture
        .sql("INSERT INTO system_settings (key, value) VALUES ('LONG', printf('%.1000000c', 'x'))");
    fixture.manager().rollback(&RollbackTarget::Steps(1)).expect("something to apply");
    std::fs::create_dir(fixture.directory.path().join("disk")).expect("a directory");
    let contents = |file: &Path| {
        let mut connection = open_file(file);
        (rows::contents(&mut connection), rows::catalogue(&mut connection))
    };
    let before = contents(&fixture.path());
    let after = || contents(&fixture.directory.path().join("after.db"));

    let output = migrate(&fixture, smaller, database, arguments);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let refusal = format!("error: {what} may need ");
    assert!(said.contains(&refusal) && said.contains("nothing was changed"), "{said}");
    assert!(after() == before);

    let output = migrate(&fixture, larger, database, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains(&format!("{what}: up to ")), "{output:?}");
    assert!(after() != before);
}

#[test]
fn a_backup_and_a_migration_on_one_disk_need_room_for_both() {
    // Of the smaller disk, the database leaves one and a half of its sizes.
    let what = "the backup and the migration";
    needs_room([25, 60], "disk/zenith.db", &[], what);
}

#[test]
fn a_migration_without_a_backup_needs_room_for_itself() {
    needs_room([15, 25], "disk/zenith.db", &["--no-backup"], "the migration");
}

#[test]
fn a_backup_on_a_disk_of_its_own_needs_room_there() {
    needs_room([9, 25], "zenith.db", &["--backup-dir", "disk"], "the backup");
}
