//! What cannot be done is refused before a question, which nobody should answer for nothing.

use zenith_db::migrations::all;

use crate::support::command::run_with_input;
use crate::support::legacy::write;
use crate::support::{Fixture, SqliteFixture, backups_in, run, stderr};

/// Commands that ask, without an answer: exit code 2 is that of the question, for which there is no terminal.
const ASKING: &[&[&str]] = &[
    &["purge", "--metrics", "9"],
    &["rollback"],
    &["rollback", "--to", "0"],
    &["redo"],
    &["migrate", "--repair"],
    &["user", "reset-password", "admin", "--password-stdin"],
];

#[test]
fn a_missing_database_is_found_before_the_question() {
    for arguments in ASKING {
        let fixture = Fixture::empty();
        let said = stderr(&run_with_input(fixture.zenith().args(*arguments), "short", 4));
        assert!(said.contains("there is no database"), "{arguments:?}: {said}");
        fixture.assert_nothing_was_created();
    }
}

#[test]
fn a_missing_version_account_or_file_is_found_before_the_question() {
    let fixture = Fixture::created();
    let said = stderr(&run(fixture.zenith().args(["rollback", "--to", "99"]), 2));
    assert!(said.contains("no migration has the version 99"), "{said}");
    // The password would be refused, if it were read first.
    let reset = ["user", "reset-password", "nobody", "--password-stdin"];
    let said = stderr(&run_with_input(fixture.zenith().args(reset), "short", 1));
    assert!(said.contains("users has no row with username nobody"), "{said}");
    let said = stderr(&run(fixture.zenith().args(["restore", "missing.db"]), 2));
    assert!(said.contains("missing.db") && !said.contains("--yes"), "{said}");
}

#[test]
fn pending_migrations_are_found_before_the_question() {
    let fixture = Fixture::created();
    run(fixture.zenith().args(["rollback", "--yes", "--no-backup"]), 0);
    let said = stderr(&run(fixture.zenith().args(["purge", "--metrics", "9"]), 1));
    assert!(said.contains("1 migration is pending; run"), "{said}");
    run(fixture.zenith().args(["rollback", "--to", "0", "--yes", "--no-backup"]), 0);
    let said = stderr(&run(fixture.zenith().arg("seed"), 1));
    assert!(said.contains(&format!("{} migrations are pending; run", all().len())), "{said}");
}

#[test]
fn the_database_of_another_program_is_found_before_a_password_is_asked_for() {
    for arguments in [["create", "--admin-password-stdin"], ["ensure", "--admin-password-stdin"]] {
        let fixture = Fixture::blank();
        fixture.sql("CREATE TABLE recipes (name TEXT)");
        // Too much for a password, which would be refused if it were read.
        let input = "x".repeat(5_000);
        let said = stderr(&run_with_input(fixture.zenith().args(arguments), &input, 2));
        assert!(said.contains("another program created it"), "{said}");
    }
}

#[test]
fn the_database_of_another_program_is_found_before_a_question() {
    let own = SqliteFixture::created();
    run(own.zenith().arg("backup"), 0);
    let backups = own.backups();
    let backup = backups.join(backups_in(&backups).pop().expect("a backup"));
    let fixture = SqliteFixture::empty();
    write(&fixture.path(), &["CREATE TABLE recipes (name TEXT)"]);
    for arguments in [["purge", "--metrics=9"], ["restore", backup.to_str().expect("UTF-8")]] {
        let said = stderr(&run(fixture.zenith().args(arguments), 2));
        assert!(said.contains("cannot be used: it has") && !said.contains("--yes"), "{said}");
    }
}

#[cfg(feature = "postgres")]
#[test]
fn what_force_may_not_drop_is_found_before_the_question() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql("CREATE TABLE recipes (name TEXT)");
    let said = stderr(&run(fixture.zenith().args(["create", "--force"]), 2));
    assert!(said.contains("recipes") && !said.contains("--yes"), "{said}");
}
