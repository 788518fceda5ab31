//! Routines that have the name of one of ours, and other parameters.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;

use crate::support::own_roles::Roles;
use crate::support::own_server::{Server, value};
use crate::support::{Fixture, administrator, run, stderr};

const OVERLOADS: &str = "
    CREATE FUNCTION is_json(candidate INTEGER) RETURNS boolean LANGUAGE sql AS 'SELECT false';
    CREATE FUNCTION is_json(candidate TEXT, strict BOOLEAN) RETURNS boolean LANGUAGE sql AS 'SELECT false'";

#[test]
fn force_names_the_overload_and_not_the_function_of_ours() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql(OVERLOADS);
    let refused = run(fixture.zenith().args(["create", "--force", "--yes", "--no-backup"]), 2);
    let said = stderr(&refused);
    assert!(said.contains("is_json(integer), is_json(text,boolean)"), "{said}");
    assert!(!said.contains("is_json(text);") && !said.contains("is_json(text),"), "{said}");
    fixture.sql("DROP FUNCTION is_json(INTEGER); DROP FUNCTION is_json(TEXT, BOOLEAN)");
    run(fixture.zenith().args(["create", "--force", "--yes", "--no-backup"]), 0);
}

#[test]
fn the_roles_own_the_function_of_ours_and_not_the_overload() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let _ = roles.manager_as("zenith").initialize(&administrator()).expect("created");
    let mut admin = roles.server.admin("zenith");
    admin.batch_execute(OVERLOADS).expect("overloads");
    let script = roles.apply();
    let kept = "keep their owners: is_json(integer), is_json(text,boolean)\n";
    assert!(script.contains(kept), "{script}");
    let owners =
        "SELECT string_agg(proowner::regrole::text, ' ' ORDER BY pronargs, oid::regprocedure::text)
        FROM pg_proc WHERE proname = 'is_json'";
    assert_eq!(value(&mut admin, owners), "zenith zenith_owner zenith");
}
