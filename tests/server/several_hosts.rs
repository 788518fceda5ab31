//! A URL that names several hosts, the replica first, and a database that only the primary has yet.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use tempfile::TempDir;
use zenith_db::Error;
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RestoreOptions};

use crate::support::own_server::{Server, config};
use crate::support::place::Place;
use crate::support::{administrator, run, stderr};

/// A primary, and a replica that replays nothing any more.
fn servers() -> Option<(Server, Server)> {
    let primary = Server::start()?;
    let replica = primary.replica();
    let pause = "SELECT pg_wal_replay_pause()";
    replica.admin("postgres").batch_execute(pause).expect("paused");
    Some((primary, replica))
}

fn url(hosts: [&Server; 2], database: &str) -> String {
    let host = |server: &Server| {
        let url = server.url("zenith");
        url.split("host=").nth(1).and_then(|rest| rest.split('&').next()).expect("it").to_owned()
    };
    let [first, second] = hosts;
    format!(
        "postgres://zenith@/{database}?host={},{}&port={},{}&target_session_attrs=read-write",
        host(first),
        host(second),
        first.port,
        second.port
    )
}

fn manager(hosts: [&Server; 2], database: &str, backups: &TempDir) -> DatabaseManager {
    let backups = backups.path().to_str().expect("UTF-8");
    DatabaseManager::new(config(&url(hosts, database), &[(Key::BackupDir, backups)]))
}

#[test]
fn a_database_that_the_first_host_has_not_received_is_created_backed_up_restored_and_filled() {
    let Some((primary, replica)) = servers() else { return };
    let backups = TempDir::new().expect("a directory");
    let new = manager([&replica, &primary], "new", &backups);
    assert!(!new.exists().expect("an answer"));
    let _ = new.initialize(&administrator()).expect("created");
    assert!(new.exists().expect("an answer"));
    let backup = new.backup().expect("a backup").path;
    let drilled = new.drill(&mut |_| ()).expect("a drill");
    assert!(drilled.health.healthy);
    for (target, is_there) in [("new", true), ("other", false)] {
        let target = manager([&replica, &primary], target, &backups);
        let options = RestoreOptions::default();
        let restored = target.restore(&backup, &options, &mut |_| ()).expect("restored");
        assert_eq!(restored.renamed_to.is_some(), is_there);
    }
    let source = Place::filled(10);
    let to = url([&replica, &primary], "transferred");
    run(source.fixture().zenith().args(["transfer", "--to", &to]), 0);
}

#[test]
fn a_database_is_missing_only_if_the_host_that_is_meant_says_so() {
    let Some((primary, replica)) = servers() else { return };
    let backups = TempDir::new().expect("a directory");
    let _ = manager([&replica, &primary], "new", &backups)
        .initialize(&administrator())
        .expect("created");
    primary.stop();
    let error = manager([&replica, &primary], "new", &backups).exists().expect_err("nobody knows");
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    primary.resume();
    replica.stop();
    // The primary is there, and has it not.
    let absent = manager([&replica, &primary], "absent", &backups);
    assert!(!absent.exists().expect("an answer"));
    let said = stderr(&run(
        crate::support::bare_zenith(backups.path())
            .args(["status"])
            .env("DATABASE_URL", url([&primary, &replica], "absent")),
        4,
    ));
    assert!(said.contains("there is no database at"), "{said}");
}

/// libpq connects to the replica, although the primary comes first.
#[test]
fn a_backup_where_replicas_are_preferred_is_one_of_the_replica() {
    let Some(primary) = Server::start() else { return };
    let backups = TempDir::new().expect("a directory");
    let _ = manager([&primary, &primary], "zenith", &backups)
        .initialize(&administrator())
        .expect("created");
    let replica = primary.replica();
    let preferred = |hosts| url(hosts, "zenith").replace("=read-write", "=prefer-standby");
    let backups = backups.path().to_str().expect("UTF-8");
    for hosts in [[&primary, &replica], [&replica, &primary]] {
        let config = config(&preferred(hosts), &[(Key::BackupDir, backups)]);
        let _ = DatabaseManager::new(config).backup().expect("a backup");
    }
    // Without one, it is one of the primary.
    replica.stop();
    let config = config(&preferred([&replica, &primary]), &[(Key::BackupDir, backups)]);
    let _ = DatabaseManager::new(config).backup().expect("a backup");
}
