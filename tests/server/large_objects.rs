//! Large objects, which everybody may create who may connect, and which no backup of a schema has.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;

use crate::support::failed;
use crate::support::own_roles::{Roles, assert_denied};

const CREATE: &str = "SELECT lo_create(0), lo_from_bytea(0, 'text')";

#[test]
fn they_are_named_with_their_owner_and_what_removes_them() {
    let Some(roles) = Roles::start() else { return };
    let backup = roles.manager_as("zenith").backup().expect("a backup").path;
    roles.connect_as(roles.names.reader()).batch_execute(CREATE).expect("large objects");
    let remove = "SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE lomowner = 'zenith_reader'::regrole";
    let named = format!(
        "2 large objects of zenith_reader (that role or a superuser removes them: {remove})"
    );
    let manager = roles.manager_as("zenith");
    let health = manager.health_check();
    assert_eq!(failed(&health), ["Nothing Added"], "{health:#?}");
    assert!(health.healthy && format!("{health:?}").contains(&named), "{health:#?}");
    let refused =
        manager.restore(&backup, &zenith_db::manager::RestoreOptions::default(), &mut |_| ());
    let refused = refused.expect_err("refused").to_string();
    assert!(refused.contains(&named) && refused.contains("--to"), "{refused}");
    roles.connect_as(roles.names.reader()).batch_execute(remove).expect("removed");
    assert_eq!(failed(&manager.health_check()), [""; 0]);
    let restored =
        manager.restore(&backup, &zenith_db::manager::RestoreOptions::default(), &mut |_| ());
    assert!(restored.expect("restored").health.healthy);
}

/// `docs/postgresql-roles.md` has the statement.
#[test]
fn a_superuser_can_take_them_from_everybody_and_a_backup_still_works() {
    let Some(roles) = Roles::start() else { return };
    let page = include_str!("../../docs/postgresql-roles.md");
    let statement =
        page.lines().find(|line| line.starts_with("REVOKE EXECUTE ON FUNCTION lo_creat"));
    let mut admin = roles.server.admin("zenith");
    admin.batch_execute(statement.expect("a statement")).expect("revoked");
    for role in roles.names.all() {
        for create in
            ["lo_create(0)", "lo_creat(0)", "lo_from_bytea(0, 'text')", "lo_import('/etc/hosts')"]
        {
            assert_denied(&mut roles.connect_as(role), &format!("SELECT {create}"));
        }
    }
    drop(admin);
    let backup = roles.manager_as(roles.names.backup()).backup().expect("a backup");
    let manager = roles.manager_as("zenith");
    let options = zenith_db::manager::RestoreOptions::default();
    assert!(manager.restore(&backup.path, &options, &mut |_| ()).expect("restored").health.healthy);
}
