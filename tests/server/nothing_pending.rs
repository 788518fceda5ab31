//! What the roles of `zenith-db roles` are told when there is nothing to do.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;

use crate::support::own_roles::Roles;
use crate::support::{bare_zenith, run, stderr, stdout};

#[test]
fn who_may_only_read_the_records_hears_that_there_is_nothing_to_do() {
    let Some(roles) = Roles::start() else { return };
    let zenith = |role: &str, arguments: &[&str], exit| {
        let mut command = bare_zenith("/".as_ref());
        command.env("DATABASE_URL", roles.server.url_as(role)).args(arguments);
        run(command.env("DATABASE_AUTO_BACKUP", "false"), exit)
    };
    for role in [roles.names.application(), roles.names.backup()] {
        for arguments in [["migrate"].as_slice(), &["migrate", "--to", "20261123000007"]] {
            let said = stdout(&zenith(role, arguments, 0));
            assert!(said.contains("nothing to do"), "{role}: {said}");
        }
    }
    let said = stdout(&zenith(roles.names.application(), &["create"], 0));
    assert!(said.contains("nothing was changed"), "{said}");
    // Neither may read the settings that a run keeps up to date.
    for role in [roles.names.reader(), roles.names.auditor()] {
        let said = stderr(&zenith(role, &["migrate"], 1));
        assert!(said.contains("connect as the owner of the tables (zenith_owner"), "{said}");
    }
    // What is to be done is not called nothing.
    let mut owner = roles.connect_as(roles.names.owner());
    let forget = "DELETE FROM schema_version WHERE version = 20261123000007";
    owner.batch_execute(forget).expect("deleted");
    let said = stderr(&zenith(roles.names.application(), &["migrate"], 1));
    assert!(said.contains("permission denied for table schema_version"), "{said}");
    assert!(said.contains("connect as the owner of the tables"), "{said}");
    assert!(stdout(&zenith(roles.names.owner(), &["migrate"], 0)).contains("nothing to do"));
}
