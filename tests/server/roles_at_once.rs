//! Databases of one server that get their roles, which are the server's, at the same time.
#![cfg(feature = "postgres")]

use std::process::Command;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::config::Key;
use zenith_db::manager::DatabaseManager;

use crate::support::administrator;
use crate::support::command::at_once;
use crate::support::own_server::{Server, config, value};
use crate::support::{bare_zenith, stderr};

/// Creates databases of these names, each with the schema.
fn databases(server: &Server, names: &[&str]) {
    for name in names {
        let create = format!("CREATE DATABASE {name}");
        server.admin("postgres").batch_execute(&create).expect("a database");
        let manager =
            DatabaseManager::new(config(&server.url(name), &[(Key::AutoBackup, "false")]));
        let _ = manager.initialize(&administrator()).expect("created");
    }
}

fn roles(server: &Server, database: &str, prefix: &str) -> Command {
    let mut command = bare_zenith("/".as_ref());
    command.env("DATABASE_URL", server.url(database));
    command.args(["roles", "--apply", "--yes", "--quiet", "--prefix", prefix]);
    command
}

#[test]
fn two_databases_get_roles_of_one_prefix_at_once() {
    let Some(server) = Server::start() else { return };
    let names = ["one", "two", "three"];
    databases(&server, &names);
    for round in 0..4 {
        let prefix = format!("round{round}");
        for output in at_once(names.map(|name| roles(&server, name, &prefix))) {
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        }
        let there = format!("SELECT count(*) FROM pg_roles WHERE rolname ~ '^{prefix}_'");
        assert_eq!(value(&mut server.admin("postgres"), &there), "5");
    }
}

#[test]
fn a_role_that_another_transaction_is_creating_is_waited_for_and_used() {
    let Some(server) = Server::start() else { return };
    databases(&server, &["one"]);
    let mut other = server.admin("postgres");
    other.batch_execute("BEGIN; CREATE ROLE zenith_app LOGIN").expect("a role");
    let mut waiting = roles(&server, "one", "zenith");
    let child = waiting.stderr(std::process::Stdio::piped()).spawn().expect("it starts");
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'one' AND wait_event_type = 'Lock'";
    let mut admin = server.admin("postgres");
    while value(&mut admin, waits) == "0" {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    other.batch_execute("COMMIT").expect("it is there");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let owner = "SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'public'";
    assert_eq!(value(&mut server.admin("one"), owner), "zenith_owner");
}

#[test]
fn a_role_with_more_rights_that_appears_meanwhile_is_refused() {
    let Some(server) = Server::start() else { return };
    databases(&server, &["one"]);
    let mut other = server.admin("postgres");
    other.batch_execute("BEGIN; CREATE ROLE zenith_app LOGIN SUPERUSER").expect("a role");
    let mut waiting = roles(&server, "one", "zenith");
    let child = waiting.stderr(std::process::Stdio::piped()).spawn().expect("it starts");
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'one' AND wait_event_type = 'Lock'";
    let mut admin: PgConnection = server.admin("postgres");
    while value(&mut admin, waits) == "0" {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    other.batch_execute("COMMIT").expect("it is there");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    // The script, which is shown before, has the sentence too.
    let said = stderr(&output);
    let error = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    assert!(error.contains("may do more than its own work"), "{error}");
    assert_eq!(value(&mut admin, "SELECT count(*) FROM pg_roles WHERE rolname ~ '^zenith_'"), "1");
}
