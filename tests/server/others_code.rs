//! Functions, operators, casts and policies of roles that may create in the schema: none of them runs with the rights of
//! whoever is connected.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::manager::{RestoreOptions, RollbackTarget};
use zenith_db::{Database, Error};

use crate::support::administrator;
use crate::support::own_roles::Roles;
use crate::support::own_server::value;

/// Server with the roles, and one that may create in the schema besides.
fn with_mallory() -> Option<Roles> {
    let roles = Roles::start()?;
    let mut admin = roles.server.admin("zenith");
    let statement = "CREATE ROLE mallory LOGIN; GRANT CONNECT ON DATABASE zenith TO mallory;
        GRANT USAGE, CREATE ON SCHEMA public TO mallory";
    admin.batch_execute(statement).expect("a role");
    Some(roles)
}

/// Each creates a function with a better fit than one of PostgreSQL, or an operator. It raises an exception.
const STAND_INS: [(&str, &str); 6] = [
    ("ROUTINE public.unnest(name[])", "unnest(name[]) RETURNS SETOF name"),
    ("ROUTINE public.format(text,text)", "format(text, text) RETURNS text"),
    ("ROUTINE public.hashtextextended(text,integer)", "hashtextextended(text, int) RETURNS bigint"),
    ("ROUTINE public.quote_literal(name)", "quote_literal(name) RETURNS text"),
    ("ROUTINE public.concat(text,text)", "concat(text, text) RETURNS text"),
    ("OPERATOR public.=(character varying,text)", "equals(varchar, text) RETURNS bool"),
];

fn raising(signature: &str) -> String {
    format!(
        "CREATE FUNCTION {signature} LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it ran'; END $$;"
    )
}

#[test]
fn what_could_stand_for_a_function_of_postgresql_is_named_and_does_not_run() {
    let Some(roles) = with_mallory() else { return };
    let mut mallory = roles.connect_as("mallory");
    let backup = roles.manager_as("zenith").backup().expect("a backup").path;
    for (object, signature) in STAND_INS {
        mallory.batch_execute(&raising(signature)).expect(signature);
        if object.starts_with("OPERATOR") {
            let operator =
                "CREATE OPERATOR = (LEFTARG = varchar, RIGHTARG = text, FUNCTION = equals)";
            mallory.batch_execute(operator).expect(operator);
        }
        for role in ["zenith", roles.names.owner(), roles.names.application()] {
            let manager = roles.manager_as(role);
            let mut refusals = vec![
                manager.status().map(drop),
                manager.migrate().map(drop),
                manager.rollback(&RollbackTarget::Steps(1)).map(drop),
                manager.backup().map(drop),
                manager.restore(&backup, &RestoreOptions::default(), &mut |_| ()).map(drop),
                Database::open(manager.config()).map(drop),
            ];
            let health = manager.health_check();
            assert!(!health.healthy, "{object}");
            refusals.push(Err(Error::Internal(format!("{health:?}"))));
            for refusal in refusals {
                let said = refusal.expect_err(object).to_string();
                assert!(!said.contains("it ran"), "{said}");
                assert!(said.contains(&format!("DROP {object}")), "{said}");
            }
        }
        let drop = object.strip_prefix("OPERATOR").map_or_else(
            || format!("DROP {object}"),
            |_| "DROP FUNCTION equals(varchar, text) CASCADE".to_owned(),
        );
        mallory.batch_execute(&drop).expect(&drop);
    }
    assert!(roles.manager_as("zenith").health_check().healthy);
}

#[test]
fn in_the_database_for_maintenance_nobody_elses_function_runs() {
    let Some(roles) = with_mallory() else { return };
    let mut admin = roles.server.admin("postgres");
    admin
        .batch_execute("GRANT CREATE ON SCHEMA public TO mallory; SET ROLE mallory")
        .expect("rights");
    for signature in [
        "hashtextextended(text, int) RETURNS bigint",
        "format(text, name, text, name, name, text) RETURNS text",
        "format(text, text, text, name, name, name) RETURNS text",
        "format(text, text) RETURNS text",
        "format(text, text, int) RETURNS text",
        "format(text, name, int, text) RETURNS text",
        "to_jsonb(pg_database) RETURNS jsonb",
        "quote_ident(name) RETURNS text",
    ] {
        admin.batch_execute(&raising(signature)).expect(signature);
    }
    let manager = roles.manager_as("zenith");
    let backup = manager.backup().expect("a backup").path;
    manager.drill(&mut |_| ()).expect("a drill");
    let report = manager.restore(&backup, &RestoreOptions::default(), &mut |_| ());
    assert!(report.expect("a restore").health.healthy);
}

/// A table, which everybody may read and change, with a type whose cast to a text raises an exception, and a policy that
/// does so.
const TABLE: &str = "
    CREATE TYPE mood AS ENUM ('fine'); CREATE TABLE moods (mood mood, id int);
    INSERT INTO moods VALUES ('fine', 1); GRANT ALL ON moods TO PUBLIC;
    CREATE FUNCTION described(mood) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it ran'; END $$;
    CREATE CAST (mood AS text) WITH FUNCTION described(mood) AS IMPLICIT;
    CREATE FUNCTION shown(int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it ran'; END $$;
    ALTER TABLE moods ENABLE ROW LEVEL SECURITY; CREATE POLICY shown ON moods USING (shown(id))";

#[test]
fn no_cast_and_no_policy_of_a_strange_table_runs() {
    let Some(roles) = with_mallory() else { return };
    roles.connect_as("mallory").batch_execute(TABLE).expect("a table");
    // What a superuser creates again belongs to the superuser.
    for role in [roles.names.owner(), "zenith"] {
        let manager = roles.manager_as(role);
        let status = manager.status().expect("a status");
        let is_unreadable = status.unreadable_tables.iter().any(|table| table.name == "moods");
        assert_eq!(is_unreadable, role != "zenith", "{status:?}");
        assert!(manager.health_check().healthy);
        let auto_backup = [(Key::AutoBackup, "false")];
        let manager = roles.manager_with(role, &auto_backup);
        manager.rollback(&RollbackTarget::Steps(2)).expect("a rollback");
        manager.migrate().expect("migrations");
    }
}

#[test]
fn a_table_of_another_role_is_not_ours_whatever_its_name() {
    let Some(roles) = with_mallory() else { return };
    let mut admin = roles.server.admin("zenith");
    admin.batch_execute("DROP TABLE notifications").expect("dropped");
    let mut mallory = roles.connect_as("mallory");
    let theirs = "CREATE TABLE notifications (id int); INSERT INTO notifications VALUES (7)";
    mallory.batch_execute(theirs).expect("a table");
    let manager = roles.manager_with("zenith", &[(Key::AutoBackup, "false")]);
    let refused = manager.recreate(&administrator()).expect_err("a strange table").to_string();
    assert!(refused.contains("notifications"), "{refused}");
    assert_eq!(value(&mut admin, "SELECT id FROM notifications"), "7");
    assert!(
        !manager
            .plan_roles(&roles.names)
            .expect("a plan")
            .sql
            .contains("TABLE notifications OWNER")
    );
}

/// A ledger of another role, with a trigger.
const PLANTED: &str = "
    CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT now());
    CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it ran'; END $$;
    CREATE TRIGGER fire BEFORE INSERT ON __diesel_schema_migrations FOR EACH ROW EXECUTE FUNCTION fire();
    GRANT ALL ON __diesel_schema_migrations TO PUBLIC";

#[test]
fn a_ledger_that_another_role_has_made_is_not_written() {
    let Some(roles) = with_mallory() else { return };
    let mut admin = roles.server.admin("zenith");
    let schema = "CREATE SCHEMA planted; GRANT USAGE, CREATE ON SCHEMA planted TO mallory";
    admin.batch_execute(schema).expect("a schema");
    let mut mallory = roles.connect_as("mallory");
    mallory.batch_execute(&format!("SET search_path = planted; {PLANTED}")).expect("a ledger");
    let manager = roles.manager_with("zenith", &[(Key::Schema, "planted")]);
    for refused in [
        manager.initialize(&administrator()).map(drop),
        manager.migrate().map(drop),
        manager.seed().map(drop),
    ] {
        let said = refused.expect_err("refused").to_string();
        assert!(
            said.contains("belongs to the role \"mallory\"") && !said.contains("it ran"),
            "{said}"
        );
    }
    let manager = roles.manager_with("mallory", &[(Key::Schema, "planted")]);
    let own = format!("{:?}", manager.migrate().expect_err("it raises"));
    assert!(own.contains("it ran"), "{own}");
}

#[test]
fn to_a_superuser_the_owner_of_the_schema_is_somebody_else() {
    let Some(roles) = Roles::start() else { return };
    let owner = roles.names.owner();
    let replace = raising("replace(text, int) RETURNS text");
    roles.connect_as(owner).batch_execute(&replace).expect("a function");
    let refused = roles.manager_as("zenith").status().expect_err("refused").to_string();
    assert!(refused.contains("DROP ROUTINE public.replace(text,integer)"), "{refused}");
    // It could go back to the superuser.
    let mut admin = roles.server.admin("postgres");
    let set = format!("ALTER DATABASE zenith SET role = {owner}");
    admin.batch_execute(&set).expect("a setting");
    let again = roles.manager_as("zenith").status().expect_err("refused").to_string();
    assert_eq!(again, refused);
    admin.batch_execute("ALTER DATABASE zenith RESET role").expect("as before");
    for role in [owner, roles.names.application()] {
        let _ = roles.manager_as(role).status().expect(role);
    }
}

#[test]
fn what_is_advised_takes_the_right_to_create_from_whoever_has_it() {
    let Some(roles) = with_mallory() else { return };
    let mut admin = roles.server.admin("zenith");
    let mut mallory = roles.connect_as("mallory");
    let directly = "REVOKE CREATE ON SCHEMA public FROM mallory";
    for (right, advice) in [
        ("GRANT CREATE ON SCHEMA public TO mallory", directly),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
        (
            "CREATE ROLE \"Crew\"; GRANT \"Crew\" TO mallory; GRANT CREATE ON SCHEMA public TO \"Crew\"",
            "REVOKE CREATE ON SCHEMA public FROM \"Crew\"",
        ),
    ] {
        admin.batch_execute(right).expect(right);
        mallory.batch_execute(&raising("replace(text, int) RETURNS text")).expect("a function");
        if advice != directly {
            admin.batch_execute(directly).expect(directly);
        }
        let refused = roles.manager_as("zenith").status().expect_err("refused").to_string();
        let advised = advice.replace("public", "\"public\"");
        assert!(refused.contains(&advised), "{refused}");
        let drop = "DROP ROUTINE public.replace(text,integer)";
        admin.batch_execute(&format!("{advised}; {drop}")).expect("what is advised");
        let _ = roles.manager_as("zenith").status().expect("a status");
        let _ = mallory.batch_execute(&raising("again() RETURNS text")).expect_err("no right");
    }
}

#[test]
fn without_triggers_nothing_is_written() {
    let Some(roles) = Roles::start() else { return };
    let set = "ALTER DATABASE zenith SET session_replication_role = replica";
    roles.server.admin("postgres").batch_execute(set).expect("a setting");
    let manager = roles.manager_as("zenith");
    for refused in [Database::open(manager.config()).map(drop), manager.migrate().map(drop)] {
        let said = refused.expect_err("refused").to_string();
        assert!(said.contains("RESET session_replication_role"), "{said}");
    }
    let _ = manager.status().expect("a status");
}
