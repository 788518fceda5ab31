//! Routines that have the name of one of ours, and other parameters.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use zenith_db::manager::DatabaseManager;
use zenith_db::migrations::{EmbeddedMigration, Migrations, Script};

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

/// Parameters as a migration may write them, which a server shows in its own words.
const DECLARED: &[&str] = &[
    "ids int[]",
    "ids int[3]",
    "ids int [ 3 ] [ ] DEFAULT ARRAY[1, 2]",
    "ids int ARRAY[4]",
    "int[]",
    "a timestamp(3) with time zone[]",
    "timestamptz[]",
    "a timestamp(3)",
    "time with time zone",
    "a varchar(10)[]",
    "a national character varying(3)",
    "a nchar varying",
    "a char varying(4)",
    "a nchar(3)",
    "a bpchar",
    "\"char\"[]",
    "a char(3)[]",
    "a bit varying(5)[]",
    "varbit",
    "double precision[]",
    "a float(3)",
    "a float(30)",
    "a interval year to month",
    "interval day to second(3)",
    "a interval[]",
    "s.mood[]",
    "a \"S x\".\"Mood\"",
    "a public.mood",
    "a pg_catalog.int4[]",
    "a \"int4\"",
    "a \"My Type\"[]",
    "VARIADIC list int[]",
    "VARIADIC int[]",
    "IN OUT a int",
    "a INOUT int[]",
    "a int, OUT b text",
    "a IN int DEFAULT 3",
    "a text = 'x=y', b dec(3) = 1",
    "varying int, \"default\" bool, \"Out\" int8",
];

#[test]
fn the_parameters_of_a_migration_are_those_that_the_server_shows() {
    let Some(server) = Server::start() else { return };
    let types = "CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('a'); CREATE SCHEMA \"S x\";
        CREATE TYPE \"S x\".\"Mood\" AS ENUM ('a')";
    server.admin("zenith").batch_execute(types).expect("types");
    let each = |statement: &dyn Fn(usize, &str) -> String| -> String {
        (1..).zip(DECLARED).map(|(number, declared)| statement(number, declared)).collect()
    };
    let up = "CREATE TABLE t (name TEXT); CREATE TYPE mood AS ENUM ('a'); CREATE TYPE \"My Type\" AS ENUM ('a');"
        .to_owned()
        + &each(&|number, declared| {
            format!("CREATE PROCEDURE p{number}({declared}) LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;\n")
        });
    let down = each(&|number, _| format!("DROP PROCEDURE p{number};\n"))
        + "DROP TABLE t; DROP TYPE mood; DROP TYPE \"My Type\";";
    let overloads = each(&|number, _| {
        format!(
            "CREATE FUNCTION p{number}(circle, circle, circle) RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
        )
    });
    let sqlite = Script { up: "CREATE TABLE t (name TEXT);", down: "DROP TABLE t;" };
    let script = Script { up: up.leak(), down: down.leak() };
    let own = EmbeddedMigration::new("2099-01-01-000001_routines", sqlite, script);
    let own = Migrations::with_own(vec![own].leak()).expect("migrations");
    let roles = Roles::on(server, "zenith");
    let config = roles.manager_as("zenith").config().clone();
    let manager = DatabaseManager::with(config, own);
    let _ = manager.initialize(&administrator()).expect("created");
    roles.server.admin("zenith").batch_execute(&overloads).expect("overloads");
    let script = manager.plan_roles(&roles.names).expect("a plan").sql;
    let kept = script.lines().find(|line| line.contains("keep their owners")).expect("the line");
    let mut strange: Vec<&str> = kept.rsplit_once(": ").expect("names").1.split("), ").collect();
    strange.retain(|name| !name.contains("(circle,circle,circle"));
    assert_eq!(strange, Vec::<&str>::new());
}
