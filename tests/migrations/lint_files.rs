//! The lint of names and files: what the build of an application refuses is found before it.

use std::fs;

use tempfile::TempDir;
use zenith_db::Backend;
use zenith_db::migrations::all;
use zenith_db_lint::{MigrationSet, lint};

use crate::support::{bare_zenith, run, stdout};

/// A directory of migrations with these files. A script creates or drops the table that the migration's
/// last word names, after the given text.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (path, begin) in files {
        let (migration, script) = path.split_once('/').expect("a migration and a script");
        let (_, table) = migration.rsplit_once('_').unwrap_or(("", migration));
        let sql = if script.to_lowercase() == "up.sql" {
            format!("{begin}CREATE TABLE {table} (id INTEGER PRIMARY KEY NOT NULL);")
        } else {
            format!("{begin}DROP TABLE {table};")
        };
        fs::create_dir_all(directory.path().join(migration)).expect("a directory");
        fs::write(directory.path().join(path), sql).expect("a file");
    }
    directory
}

/// Returns the findings as `FILE: RULE: PROBLEM; ADVICE`.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let directory = directory(files);
    let set = MigrationSet::read(directory.path(), Backend::Sqlite).expect("migrations");
    let text = |finding: &zenith_db_lint::Finding| {
        let file = finding.file.strip_prefix(directory.path()).expect("a path").display();
        format!("{file}: {}: {}; {}", finding.rule, finding.problem, finding.advice)
    };
    lint(&[set]).iter().map(text).collect()
}

fn assert_only(files: &[(&str, &str)], expected: &str) {
    let found = found(files);
    assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:?}");
}

#[test]
fn two_migrations_with_one_version_are_found_among_themselves_and_with_the_librarys() {
    let first = [("2099-01-01-000001_a/up.sql", ""), ("2099-01-01-000001_a/down.sql", "")];
    assert_eq!(found(&first), [""; 0]);
    for second in ["2099-01-01-000001_b", "20990101000001_b"] {
        let (up, down) = (format!("{second}/up.sql"), format!("{second}/down.sql"));
        let expected = format!(
            "{up}: same-version: {second} has the same version as 2099-01-01-000001_a, so that only one of \
             them would run; rename the directory, with a later timestamp"
        );
        assert_only(&[first[0], first[1], (&up, ""), (&down, "")], &expected);
    }
    let ours = all()[2].name();
    let (timestamp, _) = ours.split_once('_').expect("a name");
    let (up, down) = (format!("{timestamp}_mine/up.sql"), format!("{timestamp}_mine/down.sql"));
    let expected = format!("{up}: same-version: {timestamp}_mine has the same version as {ours}");
    assert_only(&[(&up, ""), (&down, "")], &expected);
}

#[test]
fn migrations_are_checked_in_the_order_of_their_versions() {
    let files = [
        ("20990101000001_a/up.sql", ""),
        ("20990101000001_a/down.sql", ""),
        // By its name, this one would come first.
        ("2099-01-02-000001_b/up.sql", "ALTER TABLE a ADD COLUMN b TEXT; "),
        ("2099-01-02-000001_b/down.sql", "ALTER TABLE a DROP COLUMN b; "),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn a_byte_order_mark_is_found_and_hides_no_other_fault() {
    let files = [
        ("2099-01-01-000001_a/up.sql", "\u{feff}"),
        ("2099-01-01-000001_a/down.sql", "\u{feff}COMMIT; "),
    ];
    let found = found(&files);
    let mark = "byte-order-mark: the file begins with a UTF-8 byte order mark";
    assert!(found[0].starts_with(&format!("2099-01-01-000001_a/up.sql: {mark}")), "{found:?}");
    let down = "2099-01-01-000001_a/down.sql";
    assert!(
        found.contains(&format!("{down}: {mark}, which PostgreSQL refuses; save it without one"))
    );
    assert!(
        found[1].contains("COMMIT is not allowed") || found[2].contains("COMMIT is not allowed")
    );
    assert_eq!(found.len(), 3);
}

#[test]
fn the_name_of_a_script_in_another_case_is_found_by_its_path() {
    let expected = "2099-01-01-000001_a/Up.sql: script-name: the file is not named up.sql, in lower \
                    case; rename it to up.sql";
    assert_only(
        &[("2099-01-01-000001_a/Up.sql", ""), ("2099-01-01-000001_a/down.sql", "")],
        expected,
    );
    let expected = "2099-01-01-000001_a/DOWN.SQL: script-name";
    let down = ("2099-01-01-000001_a/DOWN.SQL", "");
    assert_only(&[("2099-01-01-000001_a/up.sql", ""), down], expected);
    // Beside a file with the right name, which a file system that ignores case cannot have.
    let both = [("2099-01-01-000001_a/up.sql", ""), down, ("2099-01-01-000001_a/down.sql", "")];
    assert_only(&both, expected);
}

#[test]
fn a_directory_without_a_version_or_a_script_is_found() {
    let sound = [("2099-01-01-000001_a/up.sql", ""), ("2099-01-01-000001_a/down.sql", "")];
    let with = |more: &[(&'static str, &'static str)]| found(&[&sound, more].concat());
    for name in ["drafts_b", "v1_b", "2099-01-02"] {
        let (up, down) = (format!("{name}/up.sql"), format!("{name}/down.sql"));
        let begin = ("CREATE TABLE IF NOT EXISTS b (id INTEGER); -- ", "DROP TABLE b; -- ");
        let files = [sound[0], sound[1], (&up, begin.0), (&down, begin.1)];
        let expected =
            format!("{up}: no-version: the name of the directory, {name}, has no version");
        assert_only(&files, &expected);
    }
    let found = with(&[("2099-01-02-000001_b/up.sql", "")]);
    let missing =
        "2099-01-02-000001_b/down.sql: empty-down: down.sql is missing or contains no statement";
    assert!(found.iter().any(|finding| finding.starts_with(missing)), "{found:?}");
    // Neither script.
    let found = with(&[("2099-01-02-000001_b/README.md", "")]);
    for script in ["up.sql: empty-up", "down.sql: empty-down"] {
        let expected = format!("2099-01-02-000001_b/{script}");
        assert!(found.iter().any(|finding| finding.starts_with(&expected)), "{found:?}");
    }
    assert_eq!(with(&[(".git/up.sql", "")]), [""; 0]);
}

#[test]
fn the_command_fails_on_a_faulty_name() {
    let directory = directory(&[("2099-01-01-000001_a/Up.sql", "")]);
    let mut command = bare_zenith(directory.path());
    let command = command.args(["migration", "lint", "--backend", "sqlite", "."]);
    let said = stdout(&run(command, 1));
    assert!(said.contains("2099-01-01-000001_a/Up.sql:1: script-name: "), "{said}");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for_and_a_link_to_nothing_is_no_missing_migration() {
    use std::os::unix::fs::symlink;

    let files = [("2099-01-01-000001_a/up.sql", ""), ("2099-01-01-000001_a/down.sql", "")];
    let refused = |change: &dyn Fn(&std::path::Path)| {
        let directory = directory(&files);
        change(directory.path());
        let read = MigrationSet::read(directory.path(), Backend::Sqlite);
        read.expect_err("refused").to_string()
    };
    let up = |root: &std::path::Path| {
        let up = root.join(files[0].0);
        fs::remove_file(&up).expect("removed");
        up
    };
    let said = refused(&|root| {
        let pipe = up(root);
        assert!(
            std::process::Command::new("mkfifo").arg(&pipe).status().expect("it runs").success()
        );
        // Would end the wait.
        std::thread::spawn(move || fs::File::options().write(true).open(pipe));
    });
    assert!(said.ends_with("up.sql: it is not a regular file"), "{said}");
    let said = refused(&|root| symlink("absent", up(root)).expect("a link"));
    assert!(said.ends_with("up.sql: it is a symbolic link to nothing"), "{said}");
    let said =
        refused(&|root| symlink("absent", root.join("2099-01-01-000002_b")).expect("a link"));
    assert!(said.ends_with("000002_b: it is a symbolic link to nothing"), "{said}");
}

#[test]
fn an_application_requires_what_there_is_and_leaves_the_tables_of_the_library() {
    let (up, down) = ("2099-01-01-000001_a/up.sql", "2099-01-01-000001_a/down.sql");
    let version = all()[1].version();
    assert_eq!(found(&[(up, &format!("-- requires: {version}\n")), (down, "")]), [""; 0]);
    let expected = "2099-01-01-000001_a/up.sql: unknown-requirement: zenith-db has no version `7`";
    assert_only(&[(up, "-- requires: 7\n"), (down, "")], expected);
    let expected = "2099-01-01-000001_a/up.sql: changes-library: users is a table of zenith-db";
    let add = "ALTER TABLE users ADD COLUMN nickname TEXT;\n";
    let drop = "ALTER TABLE users DROP COLUMN nickname;\n";
    let found = found(&[(up, add), (down, drop)]);
    assert!(found.len() == 2 && found[0].starts_with(expected), "{found:?}");
    assert!(found[1].starts_with("2099-01-01-000001_a/down.sql: changes-library"), "{found:?}");
}
