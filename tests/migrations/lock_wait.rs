//! Who wants to migrate while somebody else writes is told for whom it waits, and then goes on.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::support::{Fixture, SqliteFixture, run, stderr, text};
use diesel::connection::SimpleConnection;
use zenith_db::Backend;
use zenith_db::manager::RollbackTarget;
use zenith_db::migrations::all;

/// Keeps migrations out until the transaction ends. Returns what it is called.
fn hold(fixture: &Fixture, connection: &mut zenith_db::DbConnection) -> String {
    let lock = fixture.either(
        "BEGIN IMMEDIATE",
        "BEGIN; SELECT pg_advisory_xact_lock(
             hashtextextended('zenith-db migrations ' || current_schema(), 0))",
    );
    connection.batch_execute(lock).expect("the lock");
    match fixture.backend() {
        Backend::Sqlite => format!("(process {})", std::process::id()),
        Backend::Postgres => {
            format!("(server process {}", text(connection, "SELECT pg_backend_pid()::text"))
        }
    }
}

fn waits_and_goes_on(fixture: &Fixture, settings: &[(&str, &str)]) {
    // Something to do.
    run(fixture.zenith().args(["rollback", "--yes"]).envs(settings.iter().copied()), 0);
    let mut holding = fixture.raw();
    let holder = hold(fixture, &mut holding);
    let mut command = fixture.zenith();
    command.args(["migrate", "--format", "json"]).envs(settings.iter().copied());
    let mut waiting =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut said = BufReader::new(waiting.stderr.take().expect("a pipe"));
    let mut line = String::new();
    said.read_line(&mut line).expect("it says something");
    assert!(line.contains("waiting for ") && line.contains(&holder), "{line}, not {holder}");
    assert!(line.contains(" s so far"), "{line}");
    holding.batch_execute("COMMIT").expect("over");
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("the rest");
    assert!(waiting.wait().expect("an end").success(), "{rest}");
    assert_eq!(fixture.manager().status().expect("a status").pending_migrations.len(), 0);
}

#[test]
fn a_migration_that_waits_says_for_whom_and_goes_on_when_the_lock_is_free() {
    waits_and_goes_on(&Fixture::created(), &[]);
}

#[test]
fn the_holder_is_known_without_a_write_ahead_log_too() {
    let fixture = SqliteFixture::created();
    waits_and_goes_on(&fixture, &[("DATABASE_WAL_MODE", "false")]);
}

#[test]
fn a_migration_that_waits_too_long_names_the_holder_and_changes_nothing() {
    let fixture = Fixture::created();
    fixture.manager().rollback(&RollbackTarget::Steps(1)).expect("something to do");
    let mut holding = fixture.raw();
    let holder = hold(&fixture, &mut holding);
    let mut command = fixture.zenith();
    command.arg("migrate").env("DATABASE_BUSY_TIMEOUT_MS", "100");
    let output = run(&mut command, 1);
    let said = stderr(&output);
    assert!(said.contains(&holder) && said.contains("DATABASE_BUSY_TIMEOUT_MS"), "{said}");
    drop(holding);
    let status = fixture.manager().status().expect("a status");
    assert_eq!(status.applied_migrations.len(), all().len() - 1);
}

#[test]
fn a_write_that_waits_too_long_names_the_holder() {
    let fixture = SqliteFixture::created();
    let mut holding = Fixture::raw(&fixture);
    let holder = hold(&fixture, &mut holding);
    let mut command = fixture.zenith();
    command.arg("seed").env("DATABASE_BUSY_TIMEOUT_MS", "100");
    let said = stderr(&run(&mut command, 1));
    assert!(said.contains(&holder), "{said}");
}

#[test]
fn looking_for_the_holder_takes_nobodys_lock_away() {
    let fixture = SqliteFixture::created();
    let mut holding = fixture.raw();
    holding.batch_execute("BEGIN IMMEDIATE").expect("the lock");
    // In this process too somebody waits in vain, and looks at the file and its `-shm` for that.
    let config = fixture.config_with(&[(zenith_db::config::Key::BusyTimeout, "50")]);
    let manager = zenith_db::manager::DatabaseManager::new(config);
    manager.redo().expect_err("locked");
    // The system still has the lock of this process: another does not get it.
    let mut command = fixture.zenith();
    command.args(["redo", "--yes"]).env("DATABASE_BUSY_TIMEOUT_MS", "50");
    let said = stderr(&run(&mut command, 1));
    assert!(said.contains(&format!("(process {})", std::process::id())), "{said}");
    holding.batch_execute("COMMIT").expect("still mine");
}
