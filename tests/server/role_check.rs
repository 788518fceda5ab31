//! The check `Role` says who asks, and what that role may do that it need not; it fails nobody.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use zenith_db::manager::{DatabaseManager, HealthCheck};

use crate::support::own_roles::Roles;

fn check(manager: &DatabaseManager) -> HealthCheck {
    let report = manager.health_check();
    let check = report.checks.into_iter().find(|check| check.name == "Role").expect("the check");
    assert!(check.passed && !check.critical, "{check:?}");
    check
}

#[test]
fn the_roles_with_the_least_rights_have_no_other() {
    let Some(roles) = Roles::start() else { return };
    for role in roles.names.all().skip(1) {
        let details = check(&roles.manager_as(role)).details;
        let expected =
            format!("{role}, which can change neither the schema nor entries of the audit log");
        assert_eq!(details, expected);
    }
    assert!(check(&roles.manager_as("zenith")).details.contains("zenith, which is a superuser;"));
    let owner = check(&roles.manager_as("zenith_owner")).details;
    for right in ["owns tables", "creates objects", "update, delete or truncate audit_log"] {
        assert!(owner.contains(right), "{owner}");
    }
}

#[test]
fn each_right_that_is_not_needed_is_said() {
    let Some(roles) = Roles::start() else { return };
    let mut admin = roles.server.admin("zenith");
    let manager = roles.manager_as("zenith_app");
    for (give, take, words) in [
        ("ALTER ROLE zenith_app CREATEROLE", "ALTER ROLE zenith_app NOCREATEROLE", "CREATEROLE"),
        ("ALTER ROLE zenith_app CREATEDB", "ALTER ROLE zenith_app NOCREATEDB", "CREATEDB"),
        ("ALTER ROLE zenith_app BYPASSRLS", "ALTER ROLE zenith_app NOBYPASSRLS", "BYPASSRLS"),
        ("ALTER ROLE zenith_app REPLICATION", "ALTER ROLE zenith_app NOREPLICATION", "REPLICATION"),
        (
            "GRANT CREATE ON SCHEMA public TO zenith_app",
            "REVOKE CREATE ON SCHEMA public FROM zenith_app",
            "creates objects in the schema",
        ),
        (
            "GRANT TEMPORARY ON DATABASE zenith TO zenith_app",
            "REVOKE TEMPORARY ON DATABASE zenith FROM zenith_app",
            "creates temporary tables",
        ),
        (
            "ALTER TABLE notifications OWNER TO zenith_app",
            "ALTER TABLE notifications OWNER TO zenith_owner",
            "owns tables of the schema",
        ),
        (
            "GRANT UPDATE (action) ON audit_log TO zenith_app",
            "REVOKE UPDATE (action) ON audit_log FROM zenith_app",
            "update, delete or truncate audit_log",
        ),
        (
            "GRANT TRUNCATE ON audit_log TO zenith_app",
            "REVOKE TRUNCATE ON audit_log FROM zenith_app",
            "update, delete or truncate audit_log",
        ),
    ] {
        admin.batch_execute(give).expect(give);
        let details = check(&manager).details;
        assert!(details.starts_with("zenith_app, which ") && details.contains(words), "{details}");
        assert!(!details.contains(", which can change neither"), "{details}");
        admin.batch_execute(take).expect(take);
        assert!(check(&manager).details.contains("neither"), "{take}");
    }
}
