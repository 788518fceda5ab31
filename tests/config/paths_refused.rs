//! Paths that cannot be a database's: each is refused with a reason, and nothing is created or
//! altered by that.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::snapshot::{differences, snapshot};
use crate::support::{SqliteFixture, bare_zenith, run, stderr, stdout};

/// Every command that opens a database.
const COMMANDS: [&[&str]; 9] = [
    &["create"],
    &["create", "--force", "--yes"],
    &["migrate"],
    &["rollback", "--yes"],
    &["seed"],
    &["status"],
    &["backup"],
    &["health-check"],
    &["ensure"],
];

const DIRECTORY: &str = "names a directory";
const MEMORY: &str = "in memory";
const PLAIN: &str = "give the plain path";
const SIDE_FILE: &str = "reserved for SQLite's own files";
const SPACE: &str = "white space";
const UNSET: &str = "unset it for the default";

/// What the text alone gives away, as `DATABASE_PATH` and as `--path`.
const BAD_PATHS: &[(&str, &str)] = &[
    ("", UNSET),
    (" ", SPACE),
    ("\t", SPACE),
    (" zenith.db", SPACE),
    ("zenith.db ", SPACE),
    ("zenith.db\n", SPACE),
    ("\u{a0}zenith.db", SPACE),
    (":memory:", MEMORY),
    (":MEMORY:", MEMORY),
    ("file:zenith.db", PLAIN),
    ("FILE:zenith.db", PLAIN),
    ("file:///srv/zenith.db", PLAIN),
    ("file:zenith.db?vfs=unix-none", PLAIN),
    ("file:zenith.db?mode=memory&cache=shared", PLAIN),
    ("sqlite://zenith.db", PLAIN),
    ("http://example.org/zenith.db", PLAIN),
    ("s3://bucket/zenith.db", PLAIN),
    ("mysql://localhost/zenith", PLAIN),
    ("jdbc:sqlite:zenith.db", PLAIN),
    (".", DIRECTORY),
    ("..", DIRECTORY),
    ("/", DIRECTORY),
    ("./", DIRECTORY),
    ("../", DIRECTORY),
    ("data/", DIRECTORY),
    ("data/.", DIRECTORY),
    ("data/./", DIRECTORY),
    ("data/..", DIRECTORY),
    ("zenith.db/", DIRECTORY),
    ("zenith.db//", DIRECTORY),
    ("zenith.db-wal", SIDE_FILE),
    ("zenith.db-shm", SIDE_FILE),
    ("zenith.db-journal", SIDE_FILE),
    ("data/enterprise/zenith.db-wal", SIDE_FILE),
];

/// The same as `DATABASE_URL` and as `--database-url`.
const BAD_URLS: &[(&str, &str)] = &[
    ("", UNSET),
    ("sqlite://", UNSET),
    ("sqlite:zenith.db", "write sqlite://"),
    ("sqlite:/srv/zenith.db", "write sqlite://"),
    ("sqlite::memory:", "write sqlite://"),
    ("sqlite://:memory:", MEMORY),
    ("sqlite:///", DIRECTORY),
    ("sqlite://data/", DIRECTORY),
    ("sqlite://data/.", DIRECTORY),
    ("sqlite:// zenith.db", SPACE),
    ("sqlite://zenith.db-wal", SIDE_FILE),
    ("sqlite://a%20b.db", "% ? #"),
    ("sqlite://a?b.db", "% ? #"),
    ("sqlite://a#b.db", "% ? #"),
    ("sqlite://zenith.db?mode=memory", "% ? #"),
    ("sqlite:///srv/zenith.db?cache=shared", "% ? #"),
    ("sqlite://file:zenith.db", PLAIN),
    ("file:zenith.db", PLAIN),
    ("file:///srv/zenith.db", PLAIN),
    (":memory:", MEMORY),
    ("sqlite3://zenith.db", "is not supported"),
    ("mysql://localhost/zenith", "is not supported"),
    ("https://example.org/zenith.db", "is not supported"),
    ("data/", DIRECTORY),
    ("zenith.db-journal", SIDE_FILE),
];

/// Runs a command that must fail with this code and reason and leave the directory as it is.
/// Returns what was wrong with that, if anything.
fn refused(
    fixture: &SqliteFixture,
    command: &mut Command,
    exit: i32,
    reason: &str,
) -> Option<String> {
    let before = snapshot(fixture.directory.path());
    let output = command.output().expect("the command starts");
    let said = format!("{}{}", stderr(&output), stdout(&output));
    let touched = differences(&before, &snapshot(fixture.directory.path()));
    let fine = output.status.code() == Some(exit) && said.contains(reason) && touched.is_empty();
    (!fine).then(|| {
        format!("{command:?}\n  exit: {:?}, touched: {touched:?}, said: {said}", output.status)
    })
}

fn assert_none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_path_whose_text_cannot_be_a_databases_is_refused_and_nothing_is_created() {
    let mut faults = Vec::new();
    for (flag, variable, cases) in
        [("--path", "DATABASE_PATH", BAD_PATHS), ("--database-url", "DATABASE_URL", BAD_URLS)]
    {
        for (text, reason) in cases {
            let fixture = SqliteFixture::empty();
            let mut by_flag = bare_zenith(fixture.directory.path());
            by_flag.arg(format!("{flag}={text}"));
            let mut by_variable = bare_zenith(fixture.directory.path());
            by_variable.env(variable, text);
            for command in [&mut by_flag, &mut by_variable] {
                faults.extend(refused(&fixture, command.arg("create"), 2, reason));
            }
        }
    }
    assert_none(faults);
}

#[test]
fn a_path_longer_than_sqlite_takes_is_refused_and_nothing_is_created() {
    let fixture = SqliteFixture::empty();
    let long = format!("{}zenith.db", "directory/".repeat(60));
    for (flag, text) in [("--path", long.clone()), ("--database-url", format!("sqlite://{long}"))] {
        let mut command = bare_zenith(fixture.directory.path());
        command.arg(flag).arg(text).arg("create");
        assert_none(refused(&fixture, &mut command, 2, "must not exceed 504 bytes"));
    }
}

#[test]
fn a_path_with_nul_is_refused() {
    for text in ["\0", "zenith\0.db", "zenith.db\0"] {
        let error = zenith_db::Config::for_path(text).expect_err("NUL").to_string();
        assert!(error.contains("NUL") && error.contains("path"), "{error}");
    }
}

#[test]
fn a_path_that_is_not_unicode_is_refused_and_nothing_is_created() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let fixture = SqliteFixture::empty();
    let name = OsStr::from_bytes(b"zen\xffith.db");
    zenith_db::Config::for_path(name).expect_err("not Unicode");
    let mut by_flag = bare_zenith(fixture.directory.path());
    by_flag.arg("create").arg("--path").arg(name);
    let mut by_variable = bare_zenith(fixture.directory.path());
    by_variable.arg("create").env("DATABASE_PATH", name);
    for command in [&mut by_flag, &mut by_variable] {
        assert_none(refused(&fixture, command, 2, "UTF-8"));
    }
}

/// Makes what lies at a path, in a directory of its own.
type Make = fn(&Path);

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::write(path, bytes).expect("a file");
}

/// An empty database made by SQLite.
fn database(path: &Path) {
    let made = SqliteFixture::empty();
    made.sql("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    fs::copy(made.path(), path).expect("a copy");
}

fn link(target: impl AsRef<Path>, path: &Path) {
    symlink(target, path).expect("a symbolic link");
}

/// What lies there decides, and every command refuses it.
const BAD_FILES: &[(&str, Make, &str)] = &[
    ("a directory", |path| fs::create_dir(path).expect("a directory"), "it is a directory"),
    (
        "a link to a database beside it",
        |path| {
            database(&path.with_file_name("real.db"));
            link("real.db", path);
        },
        "symbolic link",
    ),
    (
        "a link to a database elsewhere",
        |path| {
            let elsewhere = path.with_file_name("elsewhere");
            fs::create_dir(&elsewhere).expect("a directory");
            database(&elsewhere.join("real.db"));
            link(elsewhere.join("real.db"), path);
        },
        "symbolic link",
    ),
    ("a link to nothing", |path| link("missing.db", path), "symbolic link"),
    ("a link to nothing in no directory", |path| link("missing/real.db", path), "symbolic link"),
    ("a link to itself", |path| link(path, path), "symbolic link"),
    ("a link to a directory", |path| link(".", path), "symbolic link"),
    ("a link to a device", |path| link("/dev/null", path), "symbolic link"),
    (
        "a pipe, which nobody writes to",
        |path| {
            let made = Command::new("mkfifo").arg(path).status().expect("mkfifo starts");
            assert!(made.success());
        },
        "not a regular file",
    ),
    (
        "a socket",
        |path| drop(std::os::unix::net::UnixListener::bind(path).expect("a socket")),
        "not a regular file",
    ),
    ("one byte", |path| write(path, "S"), "not an SQLite database"),
    ("one line end", |path| write(path, "\n"), "not an SQLite database"),
    ("a short text", |path| write(path, "hello\n"), "not an SQLite database"),
    ("a long text", |path| write(path, "hello\n".repeat(1000)), "not an SQLite database"),
    ("a header cut short", |path| write(path, "SQLite format 3"), "not an SQLite database"),
    ("a header of version 4", |path| write(path, "SQLite format 4\0"), "not an SQLite database"),
    (
        "a database of version 2",
        |path| write(path, "** This file contains an SQLite 2.1 database **"),
        "not an SQLite database",
    ),
    ("zeros", |path| write(path, [0; 4096]), "not an SQLite database"),
    ("a ZIP archive", |path| write(path, b"PK\x03\x04........................"), "not an SQLite"),
    ("a compressed file", |path| write(path, b"\x1f\x8b\x08................."), "not an SQLite"),
    (
        "a dump of a database",
        |path| write(path, "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCOMMIT;\n"),
        "not an SQLite database",
    ),
    (
        "a database with another first byte",
        |path| {
            database(path);
            let mut bytes = fs::read(path).expect("the database");
            bytes[0] = b's';
            write(path, bytes);
        },
        "not an SQLite database",
    ),
];

#[test]
fn what_is_not_a_plain_sqlite_file_is_refused_by_every_command_and_stays_as_it_is() {
    let mut faults = Vec::new();
    for (name, make, reason) in BAD_FILES {
        let fixture = SqliteFixture::empty();
        make(&fixture.path());
        for arguments in COMMANDS {
            let mut command = fixture.zenith();
            let fault = refused(&fixture, command.args(arguments), 2, reason);
            faults.extend(fault.map(|fault| format!("{name}: {fault}")));
        }
    }
    assert_none(faults);
}

#[test]
fn a_device_is_refused() {
    for device in ["/dev/null", "/dev/zero", "/dev/tty"] {
        let fixture = SqliteFixture::empty();
        for subcommand in ["status", "create", "backup"] {
            let mut command = bare_zenith(fixture.directory.path());
            // A backup directory beside the device would be in /dev.
            command.args(["--path", device, "--backup-dir", "backups", subcommand]);
            assert_none(refused(&fixture, &mut command, 2, "not a regular file"));
        }
    }
}

/// SQLite itself finds these out; they are failures, not another kind of file.
#[test]
fn a_file_that_only_begins_like_a_database_is_an_error_and_stays_as_it_is() {
    let whole = SqliteFixture::empty();
    database(&whole.path());
    let whole = fs::read(whole.path()).expect("the database");
    let damaged = [
        ("the first 16 bytes", whole[..16].to_vec(), "not a database"),
        ("the first 99 bytes", whole[..99].to_vec(), "malformed"),
        ("text", [&whole[..16], "hello ".repeat(1000).as_bytes()].concat(), "not a database"),
        ("zeros", [&whole[..16], &[0; 4096]].concat(), "not a database"),
    ];
    let mut faults = Vec::new();
    for (name, bytes, reason) in damaged {
        let fixture = SqliteFixture::empty();
        write(&fixture.path(), bytes);
        for arguments in COMMANDS {
            // The checks report what is wrong with a database of this program.
            let checks = matches!(arguments, ["health-check" | "ensure"]);
            let exit = if checks { 3 } else { 1 };
            let mut command = fixture.zenith();
            let fault = refused(&fixture, command.args(arguments), exit, reason);
            faults.extend(fault.map(|fault| format!("{name}: {fault}")));
        }
    }
    assert_none(faults);
}

#[test]
fn a_path_below_something_that_is_no_directory_is_an_error_and_nothing_is_created() {
    let parents: [(&str, Make); 3] = [
        ("a file", |path| write(path, "hello")),
        ("a link to nothing", |path| link("missing", path)),
        ("a link to itself", |path| link(path, path)),
    ];
    let mut faults = Vec::new();
    for (name, make) in parents {
        let fixture = SqliteFixture::empty();
        let parent = fixture.directory.path().join("parent");
        make(&parent);
        let mut command = bare_zenith(fixture.directory.path());
        command.arg("--path").arg(parent.join("zenith.db")).arg("create");
        faults.extend(refused(&fixture, &mut command, 1, "cannot").map(|f| format!("{name}: {f}")));
    }
    let fixture = SqliteFixture::empty();
    let mut command = bare_zenith(fixture.directory.path());
    command.arg("create").arg("--path").arg(format!("{}.db", "n".repeat(300)));
    faults.extend(refused(&fixture, &mut command, 2, "must not exceed 247 bytes"));
    assert_none(faults);
}

/// Another program's database may be in use with the journal mode and settings that it chose.
#[test]
fn the_database_of_another_program_is_refused_and_stays_as_it_is() {
    let fixture = SqliteFixture::empty();
    database(&fixture.path());
    for arguments in [["create", "-v"], ["migrate", "-v"], ["seed", "-v"], ["rollback", "--yes"]] {
        let mut command = fixture.zenith();
        assert_none(refused(&fixture, command.args(arguments), 2, "another program"));
    }
    run(fixture.zenith().arg("status"), 0);
}
