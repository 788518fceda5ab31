//! The command `zenith-db adopt`: refusals, files that it does not change, and messages.

use diesel::connection::SimpleConnection;

use crate::support::command::{assert_unchanged, at_once, json, tree};
use crate::support::legacy::{Shape, former, former_with, kept_original, rows, tables, write};
use crate::support::{SqliteFixture, run, stderr, stdout};

/// Statement that makes a row break a rule.
const BROKEN: &str = "UPDATE chat_history SET timestamp = 'yesterday' WHERE id = 2;";

#[test]
fn a_plan_reports_everything_and_changes_nothing() {
    let fixture = former_with(Shape::Configuration, BROKEN);
    let before = tree(fixture.directory.path());
    let temporary = tempfile::tempdir().expect("a directory");
    let mut command = fixture.zenith();
    command.env("TMPDIR", temporary.path()).args(["adopt", "--plan", "--format", "json"]);
    let report = json(&run(&mut command, 0));
    assert_eq!(report["outcome"], "planned");
    assert_eq!(report["rows_quarantined"], 1);
    assert_eq!(report["broken"][0]["table"], "chat_history");
    assert_eq!(report["broken"][0]["id"], 2);
    assert_eq!(report["broken"][0]["reason"], "\"yesterday\" is not a time");
    assert_unchanged(&before, &tree(fixture.directory.path()));
    assert!(tree(temporary.path()).is_empty(), "temporary files stayed behind");
    let text = stdout(&run(fixture.zenith().args(["adopt", "--plan"]), 0));
    assert!(text.contains("chat_history row 2: timestamp \"yesterday\" is not a time"), "{text}");
}

#[test]
fn without_a_decision_about_broken_rows_nothing_changes() {
    let fixture = former_with(Shape::Plain, BROKEN);
    let before = std::fs::read(fixture.path()).expect("a file");
    let output = run(fixture.zenith().args(["adopt", "--yes", "--format", "json"]), 1);
    assert_eq!(json(&output)["outcome"], "undecided");
    assert!(stderr(&output).contains("--quarantine"), "{}", stderr(&output));
    assert!(std::fs::read(fixture.path()).expect("a file") == before, "the file was changed");
    assert_eq!(fixture.files(), ["backups", "zenith.db"]);
    assert!(tree(&fixture.directory.path().join("backups")).is_empty());
}

#[test]
fn quarantined_rows_go_to_a_private_file_that_never_replaces_another() {
    let fixture = former_with(Shape::Plain, BROKEN);
    let file = fixture.directory.path().join("rows.jsonl");
    let quarantine = ["adopt", "--yes", "--quarantine", file.to_str().expect("UTF-8")];
    std::fs::write(&file, "mine").expect("a file");
    let refused = run(fixture.zenith().args(quarantine), 1);
    assert!(stderr(&refused).contains("already exists"), "{}", stderr(&refused));
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "mine");
    std::fs::remove_file(&file).expect("it goes");
    run(fixture.zenith().args(quarantine), 0);
    let line: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&file).expect("a file")).expect("one line");
    assert_eq!(line["row"]["message_content"], "A report.");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(fixture.text("SELECT group_concat(id) FROM chat_history"), "1,3");
}

#[test]
fn what_the_former_application_did_not_make_is_refused_with_what_was_found() {
    for (statements, found) in [
        ("CREATE TABLE recipes (id INTEGER); CREATE TABLE cooks (id INTEGER)", "cooks, recipes"),
        ("CREATE TABLE users (id INTEGER)", "it has the tables users"),
    ] {
        let fixture = SqliteFixture::empty();
        write(&fixture.path(), &[statements]);
        let before = tree(fixture.directory.path());
        for arguments in [["adopt", "--yes"], ["adopt", "--plan"]] {
            let output = run(fixture.zenith().args(arguments), 2);
            assert!(stderr(&output).contains(found), "{}", stderr(&output));
        }
        assert_unchanged(&before, &tree(fixture.directory.path()));
    }
    let fixture = SqliteFixture::empty();
    run(fixture.zenith().args(["adopt", "--yes"]), 4);
    std::fs::write(fixture.path(), "").expect("a file");
    run(fixture.zenith().args(["adopt", "--yes"]), 2);
    std::fs::write(fixture.path(), "not a database at all").expect("a file");
    run(fixture.zenith().args(["adopt", "--yes"]), 2);
    // Rows of a table with another key cannot be identified.
    let fixture = SqliteFixture::empty();
    let odd = tables(Shape::Plain).replace(
        "CREATE TABLE roles (\n    id INTEGER PRIMARY KEY AUTOINCREMENT,",
        "CREATE TABLE roles (\n    id TEXT,",
    );
    write(&fixture.path(), &[&odd.replace("UPDATE sqlite_sequence", "--")]);
    let output = run(fixture.zenith().args(["adopt", "--yes"]), 2);
    assert!(stderr(&output).contains("table roles has no primary key"), "{}", stderr(&output));
}

#[test]
fn from_leaves_the_other_file_alone_and_replaces_none() {
    let source = former(Shape::RoleColumn);
    let before = tree(source.directory.path());
    let fixture = SqliteFixture::empty();
    let from = source.path();
    let arguments = ["adopt", "--from", from.to_str().expect("UTF-8")];
    run(fixture.zenith().args(arguments), 0);
    assert_unchanged(&before, &tree(source.directory.path()));
    assert_eq!(fixture.files(), ["backups", "zenith.db"]);
    run(fixture.zenith().arg("health-check"), 0);
    let adopted = std::fs::read(fixture.path()).expect("a database");
    let refused = run(fixture.zenith().args(arguments), 1);
    assert!(stderr(&refused).contains("already exists"), "{}", stderr(&refused));
    assert_eq!(std::fs::read(fixture.path()).expect("a database"), adopted);
    // SQLite would read the log of another database as that of the new one.
    let fixture = SqliteFixture::empty();
    std::fs::write(fixture.directory.path().join("zenith.db-wal"), "stale").expect("a file");
    let refused = run(fixture.zenith().args(arguments), 1);
    assert!(stderr(&refused).contains("zenith.db-wal already exists"), "{}", stderr(&refused));
}

/// Former database that a killed process left, with rows that are in its write-ahead log only.
fn with_log(statements: &str) -> SqliteFixture {
    let written = SqliteFixture::empty();
    write(&written.path(), &[&tables(Shape::Plain), &rows(Shape::Plain), statements]);
    let mut connection = written.raw();
    connection
        .batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
             UPDATE users SET full_name = 'Only in the log' WHERE id = 1",
        )
        .expect("statements");
    let fixture = SqliteFixture::empty();
    for suffix in ["", "-wal"] {
        let name = format!("zenith.db{suffix}");
        let from = written.directory.path().join(&name);
        std::fs::copy(from, fixture.directory.path().join(name)).expect("a copy");
    }
    fixture
}

#[test]
fn what_only_the_write_ahead_log_has_is_adopted_and_kept() {
    let fixture = with_log("");
    run(fixture.zenith().args(["adopt", "--yes"]), 0);
    let name = "SELECT full_name FROM users WHERE id = 1";
    assert_eq!(fixture.text(name), "Only in the log");
    assert_eq!(fixture.files(), ["backups", "zenith.db"], "a log of the old one stayed behind");
    let kept = kept_original(&fixture);
    let original = SqliteFixture::empty();
    std::fs::copy(kept, original.path()).expect("a copy");
    assert_eq!(original.text(name), "Only in the log");

    // A plan changes nothing; an adoption that rejected rows stop may only checkpoint the log.
    let fixture = with_log(BROKEN);
    let before = tree(fixture.directory.path());
    run(fixture.zenith().args(["adopt", "--plan"]), 0);
    assert_unchanged(&before, &tree(fixture.directory.path()));
    run(fixture.zenith().args(["adopt", "--yes"]), 1);
    assert_eq!(fixture.files(), ["backups", "zenith.db"]);
    assert_eq!(fixture.text(name), "Only in the log");

    let source = with_log("");
    let before = tree(source.directory.path());
    let fixture = SqliteFixture::empty();
    let from = source.path();
    run(fixture.zenith().args(["adopt", "--from", from.to_str().expect("UTF-8")]), 0);
    assert_eq!(fixture.text(name), "Only in the log");
    assert_unchanged(&before, &tree(source.directory.path()));
}

#[test]
fn a_database_that_is_in_use_is_not_replaced() {
    for mode in ["wal", "delete"] {
        let fixture = former(Shape::Plain);
        let mut other = fixture.raw();
        other
            .batch_execute(&format!(
                "PRAGMA journal_mode = {mode}; BEGIN; SELECT count(*) FROM users"
            ))
            .expect("a reader");
        let output =
            run(fixture.zenith().env("DATABASE_BUSY_TIMEOUT_MS", "50").args(["adopt", "--yes"]), 1);
        assert!(stderr(&output).contains("stop the application first"), "{}", stderr(&output));
        other.batch_execute("UPDATE users SET full_name = 'still here'; COMMIT").expect("a write");
        drop(other);
        assert_eq!(fixture.text("SELECT count(*) FROM users WHERE salt IS NULL"), "2");
        run(fixture.zenith().args(["adopt", "--yes"]), 0);
        assert_eq!(fixture.text("SELECT full_name FROM users WHERE id = 1"), "still here");
    }
}

#[test]
fn two_adoptions_at_once_adopt_once() {
    let fixture = former(Shape::TrackingFilled);
    let outputs = at_once((0..4).map(|_| {
        let mut command = fixture.zenith();
        command.args(["adopt", "--yes", "--format", "json"]);
        command
    }));
    let mut outcomes: Vec<String> = outputs
        .iter()
        .map(|output| json(output)["outcome"].as_str().expect("an outcome").to_owned())
        .collect();
    outcomes.sort();
    assert_eq!(outcomes, ["adopted", "already_ours", "already_ours", "already_ours"]);
    kept_original(&fixture);
    run(fixture.zenith().arg("health-check"), 0);
}

#[test]
fn create_and_ensure_name_a_former_database_and_adopt_it_only_when_told() {
    for command in ["create", "ensure", "migrate", "seed"] {
        let fixture = former(Shape::Plain);
        let before = tree(fixture.directory.path());
        let output = run(fixture.zenith().arg(command), 2);
        let said = stderr(&output);
        assert!(said.contains("former application") && said.contains("zenith-db adopt"), "{said}");
        assert_unchanged(&before, &tree(fixture.directory.path()));
    }
    for command in ["create", "ensure"] {
        let fixture = former(Shape::Plain);
        let output = run(fixture.zenith().args([command, "--adopt", "--format", "json"]), 0);
        let report = json(&output);
        assert_eq!(report["adoption"]["outcome"], "adopted", "{report}");
        assert_eq!(fixture.text("SELECT count(*) FROM users"), "3");
        kept_original(&fixture);

        let fixture = former_with(Shape::Plain, BROKEN);
        let output = run(fixture.zenith().args([command, "--adopt"]), 1);
        assert!(stderr(&output).contains("adopt --plan"), "{}", stderr(&output));
        assert_eq!(fixture.text("SELECT count(*) FROM users WHERE salt IS NULL"), "2");
    }
}

#[test]
fn replacing_asks_first() {
    let fixture = former(Shape::Plain);
    let before = tree(fixture.directory.path());
    let output = run(fixture.zenith().arg("adopt"), 2);
    assert!(stderr(&output).contains("add --yes"), "{}", stderr(&output));
    assert_unchanged(&before, &tree(fixture.directory.path()));
}

#[test]
fn a_damaged_database_is_not_replaced() {
    let fixture = former(Shape::Plain);
    let mut bytes = std::fs::read(fixture.path()).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xA5);
    std::fs::write(fixture.path(), &bytes).expect("a file");
    let output = run(fixture.zenith().args(["adopt", "--yes"]), 1);
    assert!(stderr(&output).contains("help:"), "{}", stderr(&output));
    assert!(std::fs::read(fixture.path()).expect("a file") == bytes, "the file was changed");
    let left: Vec<_> = tree(fixture.directory.path()).into_values().flatten().collect();
    assert!(left == [bytes], "a copy stayed behind");
}
