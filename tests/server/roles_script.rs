//! The script of `zenith-db roles`: whatever the names are, however often it runs, and whoever runs it.
#![cfg(feature = "postgres")]

use std::path::Path;

use diesel::connection::SimpleConnection;
use zenith_db::Error;
use zenith_db::config::Key;
use zenith_db::manager::{NotRolePrefix, RoleNames};
use zenith_db::prelude::*;
use zenith_db::testing::a_user;

use crate::support::command::json;
use crate::support::own_roles::{Roles, assert_denied};
use crate::support::own_server::{Server, value};
use crate::support::{SqliteFixture, administrator, bare_zenith, run, stderr, stdout};

/// Every owner, right and attribute, as text.
const RIGHTS: &str = "
    SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT concat_ws(' ', 'class', oid::regclass, relowner::regrole, relacl) AS line FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', 'column', attrelid::regclass, attname, attacl) FROM pg_attribute
            WHERE attacl IS NOT NULL
        UNION ALL SELECT concat_ws(' ', 'routine', oid::regprocedure, proowner::regrole, proacl) FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', 'schema', nspname, nspowner::regrole, nspacl) FROM pg_namespace
        UNION ALL SELECT concat_ws(' ', 'database', datname, datacl) FROM pg_database
        UNION ALL SELECT concat_ws(' ', 'default', defaclrole::regrole, defaclobjtype, defaclacl) FROM pg_default_acl
        UNION ALL SELECT to_jsonb(r)::text FROM pg_roles AS r
        UNION ALL SELECT to_jsonb(m)::text FROM pg_auth_members AS m
    ) AS lines";

#[test]
fn a_second_run_changes_nothing() {
    let Some(roles) = Roles::start() else { return };
    let mut admin = roles.server.admin("zenith");
    let (script, before) = (roles.apply(), value(&mut admin, RIGHTS));
    assert_eq!(roles.apply(), script);
    assert_eq!(value(&mut admin, RIGHTS), before);
    let others = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relowner <> 'zenith_owner'::regrole";
    assert_eq!(value(&mut admin, others), "0");
    // What somebody has given since is taken again.
    admin
        .batch_execute("GRANT UPDATE ON audit_log, schema_version TO zenith_app")
        .expect("granted");
    roles.apply();
    assert_eq!(value(&mut admin, RIGHTS), before);
}

#[test]
fn whatever_the_names_are_they_are_quoted() {
    let Some(server) = Server::start() else { return };
    let schema = "My \"Schema\"; --$do$";
    let settings = [(Key::Schema, schema)];
    let mut roles = Roles::on(server, "zenith");
    let _ = roles.manager_with("zenith", &settings).initialize(&administrator()).expect("created");
    // Rights on it are given in the script's own `format`.
    let strange = "CREATE TABLE \"My \"\"Schema\"\"; --$do$\".\"the %I\" (name TEXT)";
    roles.server.admin("zenith").batch_execute(strange).expect("a table");
    for prefix in [
        "Zenith",
        "z.x",
        "two words",
        "say \"hi\"",
        "it's",
        "$do$",
        "a\\b",
        "a;b--",
        "数据",
        "a%b",
        "%s%I",
    ] {
        roles = Roles::on(roles.server, prefix);
        let manager = roles.manager_with("zenith", &settings);
        let plan = manager.plan_roles(&roles.names).expect(prefix);
        manager.apply_roles(&plan).expect(&plan.sql);
        let config = roles.manager_with(roles.names.application(), &settings);
        let database = Database::open(config.config()).expect(prefix);
        database.write(|conn| a_user().insert(conn)).expect(prefix);
        let mut connection = roles.connect_as(roles.names.application());
        assert_denied(&mut connection, "CREATE TEMP TABLE notes (text TEXT)");
    }
    let made = "SELECT count(*) FROM pg_roles WHERE rolname ~ '_(owner|app|auditor|reader|backup)$' AND rolname !~ '^pg_'";
    assert_eq!(value(&mut roles.server.admin("zenith"), made), "55");
}

#[test]
fn names_that_a_server_would_refuse_or_truncate_are_refused() {
    let refused = |prefix: &str| RoleNames::with_prefix(prefix).expect_err(prefix);
    assert_eq!(refused(""), NotRolePrefix::Empty);
    assert_eq!(refused("pg"), NotRolePrefix::Reserved);
    assert_eq!(refused("a\nb"), NotRolePrefix::Control);
    assert_eq!(refused(&"ä".repeat(28)), NotRolePrefix::Long { bytes: 56, most: 55 });
    let names = RoleNames::with_prefix(&"a".repeat(55)).expect("names");
    assert_eq!(names.auditor().len(), 63);
}

#[test]
fn who_owns_the_database_needs_to_be_no_superuser_and_who_does_not_changes_nothing() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let mut admin = roles.server.admin("zenith");
    admin
        .batch_execute(
            "CREATE ROLE dba LOGIN CREATEROLE; CREATE ROLE guest LOGIN CREATEROLE;
             ALTER DATABASE zenith OWNER TO dba",
        )
        .expect("roles");
    let dba = roles.manager_as("dba");
    let _ = dba.initialize(&administrator()).expect("created");
    let before = value(&mut admin, RIGHTS);
    let plan = dba.plan_roles(&roles.names).expect("a plan");
    admin.batch_execute("GRANT SELECT ON __diesel_schema_migrations TO guest").expect("granted");
    let refused = roles.manager_as("guest").apply_roles(&plan).expect_err("not the owner");
    assert!(refused.hint().is_some_and(|hint| hint.contains("owner")), "{refused:?}");
    assert!(format!("{refused:?}").contains("the owner of the database"), "{refused:?}");
    admin.batch_execute("REVOKE SELECT ON __diesel_schema_migrations FROM guest").expect("revoked");
    assert_eq!(value(&mut admin, "SELECT count(*) FROM pg_roles WHERE rolname ~ '^zenith_'"), "0");
    dba.apply_roles(&plan).expect("applied");
    let after = value(&mut admin, RIGHTS);
    assert_ne!(after, before);
    dba.apply_roles(&plan).expect("applied again");
    assert_eq!(value(&mut admin, RIGHTS), after);
    // Its new membership is enough to go on as before.
    roles.database_as("dba").write(|conn| a_user().insert(conn)).expect("a user");
    roles.database_as("zenith_app").write(|conn| a_user().insert(conn)).expect("a user");
}

#[test]
fn what_no_migration_has_made_keeps_its_owner() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let _ = roles.manager_as("zenith").initialize(&administrator()).expect("created");
    let mut admin = roles.server.admin("zenith");
    admin.batch_execute("CREATE TABLE \"the\nrecipes\" (name TEXT)").expect("a table");
    let script = roles.apply();
    assert!(script.contains("keep their owners: \"the\\nrecipes\"\n"), "{script}");
    let owner = "SELECT relowner::regrole FROM pg_class WHERE relname = E'the\\nrecipes'";
    assert_eq!(value(&mut admin, owner), "zenith");
    assert_denied(&mut roles.connect_as("zenith_app"), "SELECT * FROM \"the\nrecipes\"");
}

#[test]
fn the_command_prints_the_script_and_runs_it_once_that_is_confirmed() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let _ = roles.manager_as("zenith").initialize(&administrator()).expect("created");
    let zenith = |arguments: &[&str]| {
        let mut command = bare_zenith(Path::new("/"));
        command.env("DATABASE_URL", roles.server.url("zenith")).arg("roles").args(arguments);
        command
    };
    let plan = roles.manager_as("zenith").plan_roles(&roles.names).expect("a plan");
    assert_eq!(stdout(&run(&mut zenith(&[]), 0)), plan.sql);
    let asked = run(&mut zenith(&["--apply"]), 2);
    assert!(stderr(&asked).contains("CREATE ROLE") && stderr(&asked).contains("--yes"));
    let there = "SELECT count(*) FROM pg_roles WHERE rolname ~ '^zenith_'";
    assert_eq!(value(&mut roles.server.admin("zenith"), there), "0");
    let applied = json(&run(&mut zenith(&["--apply", "--yes", "--format", "json"]), 0));
    assert_eq!(applied["applied"], true);
    assert_eq!(applied["roles"]["application"], "zenith_app");
    assert_eq!(value(&mut roles.server.admin("zenith"), there), "5");
    let again = json(&run(&mut zenith(&["--format", "json"]), 0));
    assert_eq!((&again["applied"], &again["schema"]), (&false.into(), &"public".into()));
    let reserved = run(&mut zenith(&["--prefix", "pg"]), 2);
    assert!(stderr(&reserved).contains("reserved"));
}

/// What a role that may create in the schema has made, a superuser gives its rights.
#[test]
fn the_command_runs_where_another_role_has_created_the_tables() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let mut admin = roles.server.admin("zenith");
    admin.batch_execute("CREATE ROLE m LOGIN; GRANT CREATE ON SCHEMA public TO m").expect("a role");
    let _ = roles.manager_as("m").initialize(&administrator()).expect("created");
    let mut command = bare_zenith(Path::new("/"));
    command.env("DATABASE_URL", roles.server.url("zenith")).args(["roles", "--apply", "--yes"]);
    run(&mut command, 0);
    let owner = "SELECT relowner::regrole FROM pg_class WHERE relname = 'users'";
    assert_eq!(value(&mut admin, owner), "zenith_owner");
}

/// Who may create in the schema can do so between the plan and the script, which `psql` runs as it is.
#[test]
fn no_function_of_the_schema_runs_in_the_script() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let manager = roles.manager_as("zenith");
    let _ = manager.initialize(&administrator()).expect("created");
    let mut admin = roles.server.admin("zenith");
    let mallory = "CREATE TABLE strange (); CREATE ROLE mallory LOGIN; GRANT CREATE ON SCHEMA public TO mallory";
    admin.batch_execute(mallory).expect("a role");
    let plan = manager.plan_roles(&roles.names).expect("a plan");
    let stand_in =
        "CREATE FUNCTION format(text, regclass, text, text) RETURNS text LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'it ran'; END $$";
    roles.connect_as("mallory").batch_execute(stand_in).expect("a function");
    admin.batch_execute(&plan.sql).expect(&plan.sql);
    let granted = "SELECT has_table_privilege('zenith_backup', 'strange', 'SELECT')";
    assert_eq!(value(&mut admin, granted), "true");
}

#[test]
fn on_sqlite_there_are_no_roles() {
    let names = RoleNames::with_prefix("zenith").expect("names");
    let refused = SqliteFixture::created().manager().plan_roles(&names);
    assert!(matches!(refused, Err(Error::WrongBackend { .. })), "{refused:?}");
}
