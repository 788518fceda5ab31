//! Roles of the names that exist before `zenith-db roles` runs, and may do more than their own work.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use zenith_db::manager::DatabaseManager;

use crate::support::administrator;
use crate::support::own_roles::{Roles, assert_denied};
use crate::support::own_server::{Server, value};

const MADE: &str =
    "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolname ~ '^zenith_'";

/// Returns what the server says about the roles that exist.
fn refusal(roles: &Roles, manager: &DatabaseManager) -> String {
    let plan = manager.plan_roles(&roles.names).expect("a plan");
    let mut admin = roles.server.admin("zenith");
    let before = value(&mut admin, MADE);
    let refused = format!("{:?}", manager.apply_roles(&plan).expect_err(&before));
    assert!(refused.contains("choose another prefix"), "{refused}");
    assert_eq!(value(&mut admin, MADE), before);
    refused
}

#[test]
fn a_role_that_may_do_more_is_refused() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let manager = roles.manager_as("zenith");
    let _ = manager.initialize(&administrator()).expect("created");
    let mut admin = roles.server.admin("zenith");
    let mut unseen = Vec::new();
    for (more, named) in [
        ("CREATE ROLE zenith_app LOGIN SUPERUSER", "ALTER ROLE zenith_app LOGIN NOSUPERUSER"),
        ("CREATE ROLE zenith_backup LOGIN BYPASSRLS", "the role zenith_backup exists"),
        ("CREATE ROLE zenith_app LOGIN CREATEROLE", "the role zenith_app exists"),
        ("CREATE ROLE zenith_app LOGIN CREATEDB", "the role zenith_app exists"),
        ("CREATE ROLE zenith_backup LOGIN REPLICATION", "the role zenith_backup exists"),
        ("CREATE ROLE zenith_auditor", "not sign in"),
        ("CREATE ROLE zenith_reader LOGIN IN ROLE pg_read_all_data", "member of pg_read_all_data;"),
        ("CREATE ROLE zenith_app LOGIN IN ROLE pg_signal_backend", "member of pg_signal_backend;"),
        (
            "CREATE ROLE zenith_owner; CREATE ROLE zenith_reader LOGIN IN ROLE zenith_owner",
            "the role zenith_reader exists",
        ),
        // Each of them has rights that the other one must not have.
        (
            "CREATE ROLE zenith_backup LOGIN; CREATE ROLE zenith_reader LOGIN IN ROLE zenith_backup",
            "zenith_reader exists, and has the rights of others as a member of zenith_backup;",
        ),
        (
            "CREATE ROLE zenith_backup LOGIN; CREATE ROLE guest IN ROLE zenith_backup;
             CREATE ROLE zenith_app LOGIN IN ROLE guest",
            "member of guest, zenith_backup;",
        ),
    ] {
        admin.batch_execute(more).expect(more);
        let refused = refusal(&roles, &manager);
        if !refused.contains(named) {
            unseen.push(refused);
        }
        let made =
            "SELECT coalesce(string_agg(format('DROP ROLE %I', rolname), ';'), '') FROM pg_roles
            WHERE rolname ~ '^zenith_|^guest$'";
        let drop = value(&mut admin, made);
        admin.batch_execute(&drop).expect(&drop);
    }
    assert_eq!(unseen, Vec::<String>::new());
    let statistics = "CREATE ROLE zenith_app LOGIN IN ROLE pg_monitor;
        CREATE ROLE zenith_reader LOGIN IN ROLE pg_read_all_stats, pg_stat_scan_tables";
    admin.batch_execute(statistics).expect("roles");
    roles.apply();
}

/// On Amazon RDS and Cloud SQL, a role that signs in by IAM is a member of one that has no rights.
#[test]
fn a_role_may_be_a_member_of_one_that_gives_it_nothing() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let manager = roles.manager_as("zenith");
    let _ = manager.initialize(&administrator()).expect("created");
    let mut admin = roles.server.admin("zenith");
    // In another database, it may have rights.
    admin.batch_execute("CREATE DATABASE other").expect("a database");
    let members = "CREATE ROLE rds_iam; CREATE ROLE guests IN ROLE rds_iam; GRANT CONNECT ON DATABASE other TO rds_iam;
        CREATE ROLE zenith_app LOGIN IN ROLE rds_iam; CREATE ROLE zenith_reader LOGIN IN ROLE guests";
    admin.batch_execute(members).expect("roles");
    roles
        .server
        .admin("other")
        .batch_execute("CREATE TABLE notes (); GRANT SELECT ON notes TO rds_iam")
        .expect("rights");
    let mut unseen = Vec::new();
    for (more, undo) in [
        ("GRANT SELECT ON users TO rds_iam", "REVOKE ALL ON users FROM rds_iam"),
        ("GRANT SELECT (id) ON users TO rds_iam", "REVOKE ALL (id) ON users FROM rds_iam"),
        ("GRANT USAGE ON SCHEMA public TO rds_iam", "REVOKE ALL ON SCHEMA public FROM rds_iam"),
        (
            "GRANT USAGE ON SEQUENCE users_id_seq TO rds_iam",
            "REVOKE ALL ON SEQUENCE users_id_seq FROM rds_iam",
        ),
        (
            "GRANT EXECUTE ON FUNCTION is_json(text) TO rds_iam",
            "REVOKE ALL ON FUNCTION is_json(text) FROM rds_iam",
        ),
        (
            "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO rds_iam",
            "REVOKE ALL ON FUNCTION pg_read_file(text) FROM rds_iam",
        ),
        (
            "GRANT CONNECT ON DATABASE zenith TO rds_iam",
            "REVOKE ALL ON DATABASE zenith FROM rds_iam",
        ),
        (
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO rds_iam",
            "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM rds_iam",
        ),
        ("CREATE TABLE notes (); ALTER TABLE notes OWNER TO rds_iam", "DROP TABLE notes"),
        ("CREATE POLICY mine ON users TO rds_iam", "DROP POLICY mine ON users"),
        (
            "GRANT SET ON PARAMETER session_replication_role TO rds_iam",
            "REVOKE ALL ON PARAMETER session_replication_role FROM rds_iam",
        ),
        ("ALTER ROLE rds_iam CREATEROLE", "ALTER ROLE rds_iam NOCREATEROLE"),
        ("GRANT pg_write_all_data TO rds_iam", "REVOKE pg_write_all_data FROM rds_iam"),
    ] {
        admin.batch_execute(more).expect(more);
        let plan = manager.plan_roles(&roles.names).expect("a plan");
        let refused = manager.apply_roles(&plan).map_err(|error| format!("{error:?}"));
        if !refused.is_err_and(|said| said.contains("as a member of ") && said.contains("rds_iam"))
        {
            unseen.push(more);
        }
        admin.batch_execute(undo).expect(undo);
    }
    assert_eq!(unseen, Vec::<&str>::new());
    roles.apply();
}

/// The owner of the database becomes a member of the role that owns the tables, and whoever is a member of that user does
/// too.
#[test]
fn a_member_of_the_user_is_refused_who_becomes_a_member_of_the_owner() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let mut admin = roles.server.admin("zenith");
    let owned = "CREATE ROLE dba LOGIN CREATEROLE; ALTER DATABASE zenith OWNER TO dba;
        CREATE ROLE zenith_app LOGIN IN ROLE dba";
    admin.batch_execute(owned).expect("roles");
    let dba = roles.manager_as("dba");
    let _ = dba.initialize(&administrator()).expect("created");
    let refused = refusal(&roles, &dba);
    assert!(refused.contains("the role zenith_app exists"), "{refused}");
    admin.batch_execute("REVOKE dba FROM zenith_app").expect("it");
    let plan = dba.plan_roles(&roles.names).expect("a plan");
    dba.apply_roles(&plan).expect("applied");
}

#[test]
fn old_rights_on_sequences_end() {
    let Some(server) = Server::start() else { return };
    let roles = Roles::on(server, "zenith");
    let _ = roles.manager_as("zenith").initialize(&administrator()).expect("created");
    let before = "CREATE ROLE zenith_reader LOGIN; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO zenith_reader";
    roles.server.admin("zenith").batch_execute(before).expect("rights");
    roles.apply();
    assert_denied(&mut roles.connect_as("zenith_reader"), "SELECT nextval('users_id_seq')");
}
