//! `.env` files as people have them: lines of other programs stop nothing, ours that are wrong are
//! named by their number, and what others can write is not read.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zenith_db::Config;
use zenith_db::config::{ConfigError, EnvFile, Key, Loader};

fn written(text: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join(".env");
    std::fs::write(&path, text).expect("a settings file");
    (directory, path)
}

/// Reads a file in an environment that sets `HOME`, `DATA_DIR` and `EMPTY`.
fn read(text: impl AsRef<[u8]>) -> Result<Config, ConfigError> {
    let (_directory, path) = written(text);
    let variables = [("HOME", "/home/z"), ("DATA_DIR", "/srv/data"), ("EMPTY", "")];
    let variables = variables.map(|(name, value)| (name.into(), value.into()));
    Loader::new().environment(variables).env_file(EnvFile::Required(path)).load()
}

fn path_of(text: impl AsRef<[u8]>) -> String {
    let config = read(text.as_ref());
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    config.location().to_string()
}

/// Error of a file; it never repeats what the file holds.
fn error(text: impl AsRef<[u8]>) -> String {
    let error = read(text.as_ref()).expect_err(&String::from_utf8_lossy(text.as_ref()));
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    error.to_string()
}

#[test]
fn a_line_of_another_program_stops_nothing() {
    let foreign: &[&[u8]] = &[
        b"SMTP_FROM=My App <a@b.example>",
        b"EXTRA={\"a\": 1}",
        b"EXTRA={\n  \"a\": 1\n}",
        b"GREETING=Don't stop",
        b"QUOTE=\"not closed",
        b"QUOTE='",
        b"TRAILING=a\\",
        b"ESCAPE=\\d",
        b"PASS=pa$word",
        b"BRACE=${",
        b"just words",
        b"- a: list",
        b"1NAME=x",
        b"MY-NAME=x y",
        b"=",
        b"set -eu",
        b"if [ -f x ]; then . ./x; fi",
        b"LATIN1=caf\xe9",
        b"BINARY=\x00\x01\xff",
        b"KEY=\"-----BEGIN\nabc\n-----END\"",
        b"KEY='-----BEGIN\n=abc=\n-----END' # a key",
        b"KEY=`one\ntwo`",
        b"DATABASE_TITLE=My App",
        b"DATABASE_TITLE='My",
        b"LD_PRELOAD=/tmp/x.so y",
    ];
    for line in foreign {
        let [first, last] =
            [[line, &b"\nDATABASE_PATH=x.db\n"[..]], [&b"DATABASE_PATH=x.db\n"[..], line]];
        for text in [first.concat(), last.concat()] {
            assert_eq!(path_of(&text), "x.db", "{}", String::from_utf8_lossy(&text));
        }
    }
    assert_eq!(path_of([foreign.join(&b'\n'), b"\nDATABASE_PATH=x.db".to_vec()].concat()), "x.db");
}

#[test]
fn a_wrong_line_of_ours_is_named_by_its_number_and_not_repeated() {
    for (line, words) in [
        ("DATABASE_URL=postgres://z:hunter2@db/z with spaces", "needs quotes"),
        ("DATABASE_URL='postgres://z:hunter2@db/z", "not closed"),
        ("DATABASE_URL=\"postgres://z:hunter2@db/z", "not closed"),
        ("DATABASE_URL=\"hunter2\" x", "needs quotes"),
        ("DATABASE_URL=hunter2\\d", "single quotes"),
        ("DATABASE_URL=hunter2\\", "single quotes"),
        ("DATABASE_URL=$hunter2", "not set"),
        ("DATABASE_URL=\"${hunter2}\"", "not set"),
        ("DATABASE_URL=${hunter2:-x}", "single quotes"),
        ("DATABASE_URL=${hunter2", "single quotes"),
        ("DATABASE_URL=hunter2$", "single quotes"),
        ("DATABASE_URL=hunter2$5", "single quotes"),
        ("DATABASE_URL=a\\nhunter2", "line break"),
        ("DATABASE_URL hunter2", "no = follows"),
        ("DATABASE_URL: hunter2", "no = follows"),
        ("export DATABASE_URL", "no = follows"),
        ("DATABASE_PATH=./data/$NOSUCH/x.db", "not set"),
        ("DATABASE_CACHE_SIZE=$NOSUCH", "not set"),
        // Values that are read, and then refused.
        ("DATABASE_URL='mysql://z:hunter2@db/z'", "mysql://***"),
        ("DATABASE_PATH=~/x.db", "~ is not expanded"),
        ("DATABASE_WAL_MODE=maybe", "yes, no"),
        ("DATABASE_BACKUP_DIR=", "empty"),
    ] {
        let name =
            line.trim_start_matches("export ").split(['=', ' ', ':']).next().expect("a name");
        for (text, number) in [
            (line.to_owned(), 1),
            (format!("# a comment\n\nA=1\r\n{line}\nB=2\n"), 4),
            (format!("KEY=\"a\nb\nc\"\n{line}\r\nB=2\n"), 4),
            (format!("\u{feff}\r{line}\r"), 2),
        ] {
            let error = error(&text);
            for part in [name, ".env", &format!("line {number}"), words] {
                assert!(error.contains(part), "{text:?}: {part} is missing in: {error}");
            }
        }
    }
    let invalid = error(b"A=1\nDATABASE_PATH=caf\xe9.db\n");
    assert!(invalid.contains("line 2") && invalid.contains("UTF-8"), "{invalid}");
}

#[test]
fn quotes_exports_comments_and_line_ends_are_those_of_dotenv() {
    for (text, path) in [
        ("\u{feff}DATABASE_PATH=x.db", "x.db"),
        ("\u{feff}APP=1\r\nDATABASE_PATH=x.db\r\nB=2\r\n", "x.db"),
        ("A=1\rDATABASE_PATH=x.db\rB=2", "x.db"),
        ("  export   DATABASE_PATH = x.db  # here\n", "x.db"),
        ("export\tDATABASE_PATH=\"x y.db\"", "x y.db"),
        ("DATABASE_PATH='x # $y \\.db'#", "x # $y \\.db#"),
        ("DATABASE_PATH=\"x \\\"y\\\" \\$z \\\\.db\" # here", "x \"y\" $z \\.db"),
        ("DATABASE_PATH=a\\ b'c d'\"e f\".db", "a bc de f.db"),
        ("DATABASE_PATH=a#b.db", "a#b.db"),
        ("DATABASE_PATH=a.db\nDATABASE_PATH=b.db", "b.db"),
        ("DATABASE_PATH=$HOME/x.db", "/home/z/x.db"),
        ("DATABASE_PATH=\"${HOME}s/x.db\"", "/home/zs/x.db"),
        ("DATABASE_PATH=$DATA_DIR/x.db", "/srv/data/x.db"),
        ("DATABASE_PATH=a$EMPTY.db", "a.db"),
        ("DATABASE_PATH=x.db # costs $5", "x.db"),
        // Of an earlier line; the environment goes before it.
        ("BASE=/opt\nSUB=\"$BASE/a b\"\nDATABASE_PATH=$SUB/x.db", "/opt/a b/x.db"),
        ("HOME=/opt\nDATABASE_PATH=$HOME/x.db", "/home/z/x.db"),
        // Ours, and the name of an unset one only later.
        ("export=1\nDATABASE_PATH=x.db", "x.db"),
    ] {
        assert_eq!(path_of(text), path, "{text:?}");
    }
    for text in ["DATABASE_PATH=$LATER.db\nLATER=x", "BASE=$NO\nDATABASE_PATH=$BASE/x.db"] {
        assert!(error(text).contains("not set"), "{text:?}");
    }
}

/// Without `$`, which dotenvy replaces by nothing if it is not set.
#[test]
fn a_value_is_what_dotenvy_reads() {
    let pieces =
        ["a", "/b", " ", "\t", "#", "'", "\"", "\\", "\\n", "=", "é", ".db", "'x y'", "\"u 'v'\""];
    let mut compared = 0;
    let mut faults = Vec::new();
    // Every text of up to three pieces.
    for length in 1..=3 {
        for mut number in 0..pieces.len().pow(length) {
            let mut value = String::from("./");
            for _ in 0..length {
                value.push_str(pieces[number % pieces.len()]);
                number /= pieces.len();
            }
            let line = format!("DATABASE_BACKUP_DIR={value}\n");
            let theirs = dotenvy::from_read_iter(line.as_bytes()).next().expect("a line");
            let ours = read_directory(&line);
            match (theirs, ours) {
                (Ok((_, theirs)), Some(ours)) => {
                    if ours != theirs {
                        faults.push(line);
                    }
                }
                // There a \ at the end of a line is lost, and so is white space after it. Line
                // breaks and white space around a directory's name are refused here.
                (Ok((_, theirs)), None) => {
                    let lost = ["\\\n", "\\ ", "\\\t"].iter().any(|end| line.contains(end));
                    let refused = theirs.contains('\n') || theirs.trim() != theirs;
                    if !lost && !refused {
                        faults.push(line);
                    }
                }
                // There a quote in a comment may open a value, and the \ of 'a\' hides the quote.
                (Err(_), Some(_)) => {
                    if !line.contains('#') && !line.contains("\\'") {
                        faults.push(line);
                    }
                }
                (Err(_), None) => {}
            }
            compared += 1;
        }
    }
    assert!(compared > 2_900, "{compared}");
    assert!(
        faults.is_empty(),
        "{} faults, such as {:?}",
        faults.len(),
        &faults[..faults.len().min(9)]
    );
}

fn read_directory(line: &str) -> Option<String> {
    use std::sync::LazyLock;
    static FILE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| written(""));
    std::fs::write(&FILE.1, line).expect("the file");
    let config = Loader::new().env_file(EnvFile::Required(FILE.1.clone())).load().ok()?;
    Some(config.backup_dir().to_str().expect("UTF-8").to_owned())
}

#[test]
fn a_setting_between_the_quotes_of_another_value_gives_a_warning() {
    let config = read("X=\"a\nDATABASE_PATH=x.db\nb\"\nDATABASE_CACHE_SIZE=7\n").expect("a file");
    assert_eq!(config.sqlite().cache_size, 7);
    let [warning] = config.warnings() else { panic!("{:?}", config.warnings()) };
    for part in ["line 2", "DATABASE_PATH", "line 1", "ignored"] {
        assert!(warning.contains(part), "{warning}");
    }
    let unknown = read("DATABASE_TITLE=hunter2 hunter2\n").expect("a warning, not an error");
    let [warning] = unknown.warnings() else { panic!("{:?}", unknown.warnings()) };
    assert!(warning.contains("DATABASE_TITLE") && !warning.contains("hunter2"), "{warning}");
}

#[test]
fn a_file_in_utf_16_or_without_an_end_is_refused() {
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(bytes).collect()
    };
    for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        assert!(error(utf16("DATABASE_PATH=x.db", bytes)).contains("save it as UTF-8"));
    }
    let large = "#".repeat(1024 * 1024);
    assert_eq!(path_of(format!("DATABASE_PATH=x.db\n{}", &large[..large.len() - 20])), "x.db");
    assert!(error(format!("DATABASE_PATH=x.db\n{large}")).contains("larger than 1 MiB"));
    if cfg!(unix) {
        let device = EnvFile::Required("/dev/zero".into());
        Loader::new().env_file(device).load().expect_err("it has no end");
        let empty = EnvFile::Required("/dev/null".into());
        Loader::new().env_file(empty).load().expect("no settings");
    }
}

#[cfg(unix)]
mod access {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;
    use crate::support::{SqliteFixture, bare_zenith, run, skipped, stderr};

    fn load(path: &Path) -> Result<Config, ConfigError> {
        Loader::new().env_file(EnvFile::IfPresent(path.to_owned())).load()
    }

    #[test]
    fn a_file_that_others_can_write_to_is_refused_with_the_command_that_mends_it() {
        let fixture = SqliteFixture::empty();
        let directory = fixture.directory.path();
        let path = directory.join(".env");
        fs::write(&path, "DATABASE_PATH=x.db\n").expect("a file");
        let link = directory.join("a link");
        symlink(".env", &link).expect("a link");
        for mode in [0o666, 0o620, 0o602, 0o664, 0o777] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
            for path in [&path, &link] {
                let error = load(path).expect_err("others can write to it").to_string();
                assert!(error.contains("run `chmod go-w "), "{mode:o}: {error}");
            }
            let output = run(bare_zenith(directory).arg("create"), 2);
            assert!(stderr(&output).contains("`chmod go-w .env`"), "{}", stderr(&output));
            assert_eq!(fixture.files(), [".env", "a link"]);
        }
        let error = load(&link).expect_err("others can write to it").to_string();
        let command = error.split('`').nth(1).expect("a command");
        run(Command::new("sh").args(["-c", command]), 0);
        for mode in [None, Some(0o644), Some(0o640), Some(0o600), Some(0o400)] {
            if let Some(mode) = mode {
                fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
            }
            for path in [&path, &link] {
                assert_eq!(load(path).expect("a file").location().to_string(), "x.db");
            }
        }
    }

    #[test]
    fn a_file_of_another_user_is_refused_with_the_command_that_mends_it() {
        let (_directory, path) = written("DATABASE_PATH=x.db\n");
        if chown(&path, Some(65_534), None).is_err() {
            skipped("only root can give a file away");
            return;
        }
        let error = load(&path).expect_err("it belongs to somebody else").to_string();
        assert!(error.contains("another user (65534)"), "{error}");
        let command = error.split('`').nth(1).expect("a command");
        run(Command::new("sh").args(["-c", command]), 0);
        assert_eq!(load(&path).expect("a file").location().to_string(), "x.db");
    }

    /// A service reads the file that root wrote for it.
    #[test]
    fn a_file_of_root_is_read_by_others() {
        let (directory, path) = written("DATABASE_PATH=x.db\n");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("a mode");
        if chown(&path, Some(0), None).is_err() {
            skipped("only root can give a file away");
            return;
        }
        let mut command = bare_zenith(directory.path());
        run(command.uid(65_534).gid(65_534).arg("config"), 0);
    }
}

#[test]
fn lines_that_double_each_other_do_not_fill_the_memory() {
    let mut text = String::from("A=xxxxxxxx\n");
    for _ in 0..60 {
        text.push_str("A=$A$A\n");
    }
    assert_eq!(path_of(format!("{text}DATABASE_PATH=x.db\n")), "x.db");
    assert!(error(format!("{text}DATABASE_PATH=$A\n")).contains("not set"));
}

#[test]
fn every_setting_can_be_in_the_file() {
    for key in Key::ALL {
        let error = error(format!("A=1\n{}=$NOSUCH\n", key.name()));
        assert!(error.contains("line 2") && error.contains(key.name()), "{error}");
    }
}
