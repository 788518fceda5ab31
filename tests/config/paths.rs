//! Paths are taken literally: each good one creates its own file exactly there, and can be backed up.
//!
//! What is refused is in `paths_refused.rs`; what must not write is in `paths_inspected.rs`.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{
    SqliteFixture, administrator, backups_in, bare_zenith, files_in, run, stdout, text,
};
use diesel::prelude::*;
use serde_json::Value;
use zenith_db::manager::DatabaseManager;
use zenith_db::{Config, Database};

/// File names with characters that mean something to a shell, in a URI, in SQL or on a terminal.
const NAMES: [&str; 25] = [
    "zenith",
    ".hidden",
    "ZENITH.DB",
    "zenith.db.",
    "with spaces.db",
    "it's.db",
    "say \"so\".db",
    "100%.db",
    "%2e%2e%2fa.db",
    "a#b.db",
    "a?b.db",
    "a%20b.db",
    "a?mode=ro&immutable=1",
    "a?mode=memory",
    "a&b=c;d.db",
    "a+b@c.db",
    "-leading-dash.db",
    "--help",
    "$HOME.db",
    "back\\slash.db",
    "new\nline.db",
    "żółć, 数据库 и 🦀.db",
    "e\u{301}.db",
    "memory",
    "file",
];

fn create(command: &mut Command) {
    run(command.arg("create").env("ZENITH_ADMIN_PASSWORD", "correct horse battery"), 0);
}

/// A plain connection. Only a name that begins with `file:` is more than a name to SQLite.
fn connect(path: &Path) -> SqliteConnection {
    assert!(path.is_absolute(), "a relative name could be a URI");
    SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("a database")
}

/// Fails unless a finished database lies exactly here.
fn assert_database(path: &Path) {
    let head = fs::read(path).expect("a file at the path");
    assert!(head.starts_with(b"SQLite format 3\0"), "{}", path.display());
    assert_eq!(text(&mut connect(path), "SELECT username FROM users"), "admin");
}

/// Takes a backup and returns where it says that it lies.
fn back_up(command: &mut Command) -> PathBuf {
    let report = stdout(&run(command.args(["backup", "--format", "json"]), 0));
    let report: Value = serde_json::from_str(&report).expect("JSON");
    report["path"].as_str().expect("a path").into()
}

#[test]
fn every_name_is_taken_literally_and_its_backups_carry_it() {
    for name in NAMES {
        let fixture = SqliteFixture::empty();
        let directory = fixture.directory.path();
        let zenith = || {
            let mut command = bare_zenith(directory);
            // One argument, so that a dash does not begin another flag.
            command.arg(format!("--path={name}"));
            command
        };
        create(&mut zenith());
        let mut wanted = vec![name, "backups", "logs"];
        wanted.sort_unstable();
        assert_eq!(fixture.files(), wanted, "this file and no other");
        assert_database(&directory.join(name));

        let backup = directory.join(back_up(&mut zenith()));
        assert_eq!(backup.parent(), Some(directory.join("./backups").as_path()), "{name}");
        let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).expect("a stem");
        let copy = backup.file_name().and_then(|copy| copy.to_str()).expect("a name");
        assert!(copy.starts_with(&format!("{stem}-")), "{copy} is of {name}");
        assert_database(&backup);
        assert_eq!(backups_in(&directory.join("backups")).len(), 1, "{name}");
        run(zenith().arg("status"), 0);
        assert_eq!(fixture.files(), wanted, "no side files are left");
    }
}

#[test]
fn names_that_a_uri_would_confuse_are_three_databases() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    let names = ["a#b.db", "a?b.db", "a%20b.db"];
    for (name, user) in names.into_iter().zip(["one", "two", "three"]) {
        create(bare_zenith(directory).env("DATABASE_PATH", name).args(["--admin-user", user]));
    }
    assert_eq!(fixture.files(), ["a#b.db", "a%20b.db", "a?b.db", "backups", "logs"]);
    for (name, user) in names.into_iter().zip(["one", "two", "three"]) {
        let mut connection = connect(&directory.join(name));
        assert_eq!(text(&mut connection, "SELECT group_concat(username) FROM users"), user);
    }
}

#[test]
fn the_pool_reads_and_writes_exactly_the_named_file() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    for name in ["plain.db", "a?cache=shared&mode=ro#%20.db"] {
        let path = directory.join(name);
        let config = Config::for_path(&path).expect(name);
        let _ = DatabaseManager::new(config.clone()).initialize(&administrator()).expect(name);
        let database = Database::open(&config).expect(name);
        database
            .write(|connection| {
                diesel::sql_query("UPDATE users SET username = 'changed'").execute(connection)?;
                Ok(())
            })
            .expect(name);
        assert!(files_in(directory).contains(&format!("{name}-wal")), "beside the file");
        drop(database);
        assert_eq!(text(&mut connect(&path), "SELECT username FROM users"), "changed");
    }
}

#[test]
fn an_absolute_path_may_lie_anywhere_such_as_on_a_mounted_volume() {
    let (here, volume) = (SqliteFixture::empty(), SqliteFixture::empty());
    let path = volume.directory.path().join("not there yet/zenith.db");
    let zenith = || {
        let mut command = bare_zenith(here.directory.path());
        command.arg("--path").arg(&path);
        command
    };
    create(&mut zenith());
    assert_database(&path);
    let backup = back_up(&mut zenith());
    assert_eq!(backup.parent(), Some(path.with_file_name("backups").as_path()));
    assert_database(&backup);
    run(zenith().arg("status"), 0);
    assert_eq!(here.files(), Vec::<String>::new());
}

#[test]
fn a_relative_path_counts_from_the_working_directory_and_makes_what_is_missing() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    create(bare_zenith(directory).args(["--path", "one/two/zenith.db"]));
    assert_database(&directory.join("one/two/zenith.db"));
    assert_eq!(fixture.files(), ["one"]);
    assert_eq!(files_in(&directory.join("one")), ["two"]);
    create(bare_zenith(&directory.join("one")).args(["--path", "../other.db"]));
    assert_database(&directory.join("other.db"));
}

#[test]
fn without_any_setting_the_database_lies_in_data_enterprise() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    create(&mut bare_zenith(directory));
    assert_database(&directory.join("data/enterprise/zenith.db"));
    let enterprise = directory.join("data/enterprise");
    assert_eq!(files_in(&enterprise), ["backups", "logs", "zenith.db"]);
}

#[test]
fn a_url_creates_the_file_that_it_names() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    create(bare_zenith(directory).args(["--database-url", "sqlite://with spaces & ünïcode.db"]));
    assert_database(&directory.join("with spaces & ünïcode.db"));
    let path = directory.join("absolute.db");
    create(bare_zenith(directory).env("DATABASE_URL", format!("sqlite://{}", path.display())));
    assert_database(&path);
    // Without a scheme it is a path, and literal.
    create(bare_zenith(directory).env("DATABASE_URL", "a%20b?.db"));
    assert_database(&directory.join("a%20b?.db"));
}

#[test]
fn a_directory_with_any_name_may_hold_the_database_and_its_backups() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path().join("50% #1? 'x' \"y\" %41 ☃");
    fs::create_dir(&directory).expect("a directory");
    create(bare_zenith(&directory).args(["--path", "zenith.db"]));
    assert_database(&directory.join("zenith.db"));
    let mut command = bare_zenith(&directory);
    command.args(["--path", "zenith.db", "--backup-dir", "../kept?mode=ro#%20'"]);
    let backup = directory.join(back_up(&mut command));
    assert_database(&backup);
    let kept = fixture.directory.path().join("kept?mode=ro#%20'");
    assert_eq!(backups_in(&kept).len(), 1);
    assert_eq!(fixture.files().len(), 2);
}

#[test]
fn a_directory_on_the_way_may_be_a_symbolic_link() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    fs::create_dir_all(directory.join("volume/inner")).expect("a directory");
    symlink("volume/inner", directory.join("link")).expect("a link");
    create(bare_zenith(directory).args(["--path", "link/zenith.db"]));
    let real = directory.join("volume/inner");
    assert_database(&real.join("zenith.db"));
    let backup = back_up(bare_zenith(directory).args(["--path", "link/zenith.db"]));
    assert_database(&real.join("backups").join(backup.file_name().expect("a name")));
    // `..` after a link leads out of what it points to, not back.
    create(bare_zenith(directory).args(["--path", "link/../second.db"]));
    assert_database(&directory.join("volume/second.db"));
    assert_eq!(fixture.files(), ["link", "volume"]);
}

#[test]
fn a_new_database_is_private_to_its_owner_wherever_it_lies() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path().join("new/deeper");
    let zenith = || {
        let mut command = bare_zenith(fixture.directory.path());
        command.arg("--path").arg(directory.join("zenith.db"));
        command
    };
    create(&mut zenith());
    let backup = back_up(&mut zenith());
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("zenith.db")), 0o600);
    assert_eq!(mode(&directory.join("backups")), 0o700);
    assert_eq!(mode(&backup), 0o600);
}

#[test]
fn the_longest_path_works_and_one_byte_more_is_refused() {
    let fixture = SqliteFixture::empty();
    let root = fixture.directory.path().canonicalize().expect("a path");
    let directory = root.join("d".repeat(200)).join("e".repeat(200));
    let left = 504 - directory.as_os_str().len() - 1;
    let name = |length: usize| format!("{}.db", "z".repeat(length - 3));
    let path = directory.join(name(left));
    let backups = fixture.directory.path().join("kept");
    let zenith = |path: &Path| {
        let mut command = bare_zenith(fixture.directory.path());
        command.arg("--path").arg(path).arg("--backup-dir").arg(&backups);
        command
    };
    run(zenith(&directory.join(name(left + 1))).arg("create"), 2);
    assert_eq!(fixture.files(), Vec::<String>::new());
    create(&mut zenith(&path));
    assert_database(&path);
    assert_database(&back_up(&mut zenith(&path)));
    run(zenith(&path).arg("health-check"), 0);
}

/// The directory's name never passes through a setting, so it need not be Unicode.
#[cfg(target_os = "linux")]
#[test]
fn a_working_directory_whose_name_is_not_unicode_holds_a_database() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path().join(OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&directory).expect("a directory");
    create(bare_zenith(&directory).args(["--path", "zenith.db"]));
    let copy = fixture.directory.path().join("copy.db");
    fs::copy(directory.join("zenith.db"), &copy).expect("a file at the path");
    assert_database(&copy);
}

#[test]
fn a_backup_is_found_again_from_another_working_directory() {
    let fixture = SqliteFixture::empty();
    let directory = fixture.directory.path();
    create(bare_zenith(directory).args(["--path", "zenith.db"]));
    let backup = directory.join(back_up(bare_zenith(directory).args(["--path", "zenith.db"])));
    let elsewhere = SqliteFixture::empty();
    let mut command = bare_zenith(elsewhere.directory.path());
    command.arg("--path").arg(directory.join("zenith.db"));
    let status = stdout(&run(command.args(["status", "--format", "json"]), 0));
    let status: Value = serde_json::from_str(&status).expect("JSON");
    let last = &status["last_backup"];
    assert_eq!(last["exists"], true, "{last}");
    let found = Path::new(last["path"].as_str().expect("a path"));
    assert_eq!(found.canonicalize().expect("a file"), backup.canonicalize().expect("a file"));
}
