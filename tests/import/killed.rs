//! Killed, or out of disk space, at any moment: the complete old database or the complete new one is at
//! the path, and the next run finishes the adoption and removes leftovers.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::support::command::tree;
use crate::support::legacy::{Shape, kept_originals, messages, rows, tables, write};
use crate::support::{SqliteFixture, run};

/// Former database with enough rows that its adoption takes a while.
struct Template(SqliteFixture);

impl Template {
    fn new() -> Self {
        let fixture = SqliteFixture::empty();
        let shape = Shape::Configuration;
        write(&fixture.path(), &[&tables(shape), &rows(shape), &messages(1_000)]);
        Self(fixture)
    }

    fn copy(&self) -> SqliteFixture {
        let fixture = SqliteFixture::empty();
        std::fs::copy(self.0.path(), fixture.path()).expect("a copy");
        fixture
    }
}

/// Whether the new database is in place. It or the old one must be complete, with every row.
fn assert_old_or_new(fixture: &SqliteFixture, moment: &str) -> bool {
    assert_eq!(fixture.text("SELECT count(*) FROM chat_history"), "1003", "{moment}");
    assert_eq!(
        fixture.text("SELECT integrity_check FROM pragma_integrity_check"),
        "ok",
        "{moment}"
    );
    let adopted =
        fixture.text("SELECT count(*) FROM pragma_table_info('users') WHERE name = 'salt'") == "0";
    if adopted {
        assert!(fixture.manager().health_check().all_checks_passed, "{moment}");
        assert!(!kept_originals(fixture).is_empty(), "{moment}: the original is gone");
    } else {
        assert_eq!(fixture.text("SELECT count(*) FROM schema_version"), "3", "{moment}");
        assert_eq!(fixture.text("SELECT count(*) FROM users WHERE salt = 'pepper'"), "1");
    }
    adopted
}

/// A finished run leaves no hidden files.
fn assert_swept(directory: &Path, moment: &str) {
    let hidden = |path: &&std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    let tree = tree(directory);
    let left: Vec<_> = tree.keys().filter(hidden).collect();
    assert!(left.is_empty(), "{moment}: {left:?}");
}

#[test]
fn killed_at_any_moment_the_old_or_the_new_database_is_in_place() {
    let rounds: u32 =
        std::env::var("ZENITH_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let template = Template::new();
    let fixture = template.copy();
    let begun = Instant::now();
    run(fixture.zenith().args(["adopt", "--yes"]), 0);
    // Some moments are after the end.
    let whole = begun.elapsed() * 11 / 10;
    let (mut old, mut new) = (0, 0);
    for round in 0..rounds {
        let fixture = template.copy();
        let mut child = fixture
            .zenith()
            .args(["adopt", "--yes"])
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        // The moments are spread over the whole run, in an order that looks random.
        let part = (round * 37 % rounds) * 1_000 / rounds;
        std::thread::sleep(whole * part / 1_000);
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        let moment = format!("killed after {part} of 1000 parts of {whole:?}");
        if assert_old_or_new(&fixture, &moment) {
            new += 1;
        } else {
            old += 1;
            if round % 3 == 0 {
                run(fixture.zenith().args(["adopt", "--yes"]), 0);
                assert!(assert_old_or_new(&fixture, &moment));
                assert_swept(fixture.directory.path(), &moment);
            }
        }
    }
    assert!(old > 0, "no run was killed early enough");
    println!("{rounds} kills: {old} left the old database, {new} the new one");
}

#[test]
#[cfg(unix)]
fn out_of_room_at_any_size_the_old_or_the_new_database_is_in_place() {
    let template = Template::new();
    let fixture = template.copy();
    run(fixture.zenith().args(["adopt", "--yes"]), 0);
    let size = std::fs::metadata(fixture.path()).expect("a file").len();
    // In units of 512 bytes, from 0 to a little more than is needed.
    let enough = size / 512 * 5 / 4;
    let (mut old, mut new) = (0, 0);
    for round in 0..20 {
        let fixture = template.copy();
        let blocks = enough * round / 19;
        // Half of them get an error from the write, the others are killed by a signal.
        let trap = if round % 2 == 0 { "trap '' XFSZ; " } else { "" };
        let command = fixture.zenith();
        let mut limited = Command::new("sh");
        limited.arg("-c").arg(format!("{trap}ulimit -f {blocks}; exec \"$0\" \"$@\""));
        limited.arg(command.get_program()).args(command.get_args()).args(["adopt", "--yes"]);
        limited.env_clear().current_dir(fixture.directory.path()).stdin(Stdio::null());
        let output = limited.output().expect("it starts");
        let moment = format!("{blocks} blocks of 512 bytes");
        let adopted = assert_old_or_new(&fixture, &moment);
        assert_eq!(adopted, output.status.success(), "{moment}: {output:?}");
        if adopted {
            new += 1;
        } else {
            old += 1;
            if output.status.code().is_some() {
                assert_eq!(output.status.code(), Some(1), "{moment}: {output:?}");
                assert_swept(fixture.directory.path(), &moment);
            }
            run(fixture.zenith().args(["adopt", "--yes"]), 0);
            assert_swept(fixture.directory.path(), &moment);
        }
    }
    assert!(old > 10 && new > 0, "{old} left the old database, {new} the new one");
}

#[test]
fn two_hundred_thousand_messages_are_adopted_whole() {
    let fixture = SqliteFixture::empty();
    let shape = Shape::TrackingEmpty;
    write(&fixture.path(), &[&tables(shape), &rows(shape), &messages(200_000)]);
    let before = fixture.text("SELECT sum(length(message_content) * id) FROM chat_history");
    run(fixture.zenith().args(["adopt", "--yes"]), 0);
    assert_eq!(fixture.text("SELECT count(*) FROM chat_history"), "200003");
    let after = fixture.text("SELECT sum(length(message_content) * id) FROM chat_history");
    assert_eq!(before, after);
}
