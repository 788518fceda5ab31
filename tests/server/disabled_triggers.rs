//! Settings with which triggers do not work: the role and the database that they are for decide what the health check says.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use zenith_db::manager::{DatabaseManager, RestoreOptions};

use crate::support::failed;
use crate::support::own_roles::Roles;

const NONE: [&str; 0] = [];
const FOR_A_ROLE: [&str; 1] = ["Nothing Added"];
const FOR_ALL: [&str; 1] = ["Triggers Present"];

/// Fails unless these checks fail, and say this.
fn assert_found(manager: &DatabaseManager, failing: &[&str], words: &[&str]) {
    let report = manager.health_check();
    assert_eq!(failed(&report), failing);
    let said: String = report.failures().map(|check| check.details.as_str()).collect();
    assert!(words.iter().all(|words| said.contains(words)), "{said}");
}

/// Roles that apply replicated changes have it, of any database of the server.
#[test]
fn those_of_a_role_are_a_warning_where_it_may_add_entries() {
    let Some(roles) = Roles::start() else { return };
    let mut admin = roles.server.admin("zenith");
    let elsewhere =
        "CREATE ROLE \"the DMS\" LOGIN; CREATE ROLE root LOGIN SUPERUSER; CREATE ROLE nobody;
        GRANT INSERT ON audit_log TO nobody;
        ALTER ROLE \"the DMS\" SET session_replication_role = replica;
        ALTER ROLE root SET session_replication_role = replica;
        ALTER ROLE nobody SET session_replication_role = replica";
    admin.batch_execute(elsewhere).expect("roles");
    let manager = roles.manager_as("zenith");
    assert_eq!(failed(&manager.health_check()), NONE);
    admin.batch_execute("GRANT INSERT ON audit_log TO \"the DMS\"").expect("a right");
    let of_role = [
        "for the role \"the DMS\" in all databases",
        "ALTER ROLE \"the DMS\" RESET session_replication_role",
    ];
    assert_found(&manager, &FOR_A_ROLE, &of_role);
    // It is not of the backup. A restore takes a database to which nobody is connected.
    drop(admin);
    let backup = manager.backup().expect("a backup").path;
    manager.drill(&mut |_| ()).expect("a drill");
    let report = manager.restore(&backup, &RestoreOptions::default(), &mut |_| ());
    assert!(report.expect("a restore").health.healthy);
    let mut admin = roles.server.admin("zenith");
    let here = "ALTER ROLE \"the DMS\" IN DATABASE zenith";
    let cure = format!("{here} RESET session_replication_role");
    let of_both = ["for the role \"the DMS\" in the database zenith", &cure];
    for (change, failing, words) in [
        (&*format!("{here} SET session_replication_role = origin"), NONE.as_slice(), &[][..]),
        ("ALTER ROLE \"the DMS\" RESET session_replication_role", &NONE, &[]),
        (&format!("{here} SET session_replication_role = replica"), &FOR_A_ROLE, &of_both),
        (&cure, &NONE, &[]),
    ] {
        admin.batch_execute(change).expect(change);
        assert_found(&manager, failing, words);
    }
}

#[test]
fn those_of_all_roles_are_critical_unless_the_database_has_its_own() {
    let Some(roles) = Roles::start() else { return };
    let mut admin = roles.server.admin("zenith");
    let manager = roles.manager_as("zenith");
    let for_all = "ALTER ROLE ALL RESET session_replication_role";
    let for_database = "ALTER DATABASE zenith RESET session_replication_role";
    for (change, failing, cure) in [
        ("ALTER ROLE ALL SET session_replication_role = replica", FOR_ALL.as_slice(), for_all),
        ("ALTER DATABASE zenith SET session_replication_role = origin", &NONE, ""),
        (for_database, &FOR_ALL, for_all),
        (for_all, &NONE, ""),
        ("ALTER DATABASE zenith SET session_replication_role = replica", &FOR_ALL, for_database),
        (for_database, &NONE, ""),
    ] {
        admin.batch_execute(change).expect(change);
        assert_found(&manager, failing, &[cure]);
    }
}
