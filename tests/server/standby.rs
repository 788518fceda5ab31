//! A server that takes no writes, where one is needed that does.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use tempfile::TempDir;
use zenith_db::manager::DatabaseManager;

use crate::support::own_server::Server;
use crate::support::{administrator, bare_zenith, run, stderr, stdout};

/// `ensure` fails as `Database::open` does, and the health check names the reason and can be run all the same.
fn refuses_to_start(server: &Server, reason: &str) {
    let directory = TempDir::new().expect("a directory");
    let zenith = |command: &str, exit| {
        let mut program = bare_zenith(directory.path());
        run(program.arg(command).env("DATABASE_URL", server.url("zenith")), exit)
    };
    let said = stderr(&zenith("ensure", 1));
    assert!(said.contains("is read-only") && said.contains(reason), "{said}");
    let said = stdout(&zenith("health-check", 0));
    assert!(said.contains("Accepts Writes") && said.contains(reason), "{said}");
    assert_eq!(stderr(&zenith("status", 0)), "");
}

#[test]
fn ensure_fails_on_a_server_that_takes_no_writes_and_the_health_check_warns() {
    let Some(primary) = Server::start() else { return };
    let manager = DatabaseManager::new(primary.config(&[]));
    let _ = manager.initialize(&administrator()).expect("created");
    let replica = primary.replica();
    refuses_to_start(&replica, "it is a replica");
    let set = "ALTER DATABASE zenith SET default_transaction_read_only = on";
    primary.admin("postgres").batch_execute(set).expect("set");
    refuses_to_start(&primary, "default_transaction_read_only is on");
}
