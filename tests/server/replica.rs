//! Reads from a replica, tried on a real one that streams from a primary of the test's own.
#![cfg(feature = "postgres")]

use std::sync::Barrier;
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::config::Key;
use zenith_db::dispatch;
use zenith_db::manager::{DatabaseManager, HealthReport};
use zenith_db::prelude::*;
use zenith_db::{Error, Result};

use crate::support::log::logged;
use crate::support::own_server::{Server, config, value};
use crate::support::wait::wait_for;
use crate::support::{administrator, failed};

struct Both {
    primary: Server,
    replica: Server,
}

impl Both {
    fn start() -> Option<Self> {
        let primary = Server::start()?;
        let manager = DatabaseManager::new(primary.config(&[]));
        let _ = manager.initialize(&administrator()).expect("created");
        let replica = primary.replica();
        let mut look = replica.admin("zenith");
        let caught_up = "SELECT pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
            AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')";
        wait_for("replication", || value(&mut look, caught_up) == "true");
        Some(Self { primary, replica })
    }

    fn config(&self, settings: &[(Key, &str)]) -> Config {
        let replica = self.replica.url("zenith");
        self.primary.config(&[&[(Key::ReplicaUrl, replica.as_str())], settings].concat())
    }

    fn health(&self, settings: &[(Key, &str)]) -> HealthReport {
        DatabaseManager::new(self.config(settings)).health_check()
    }
}

fn is_replica(conn: &mut DbConnection) -> Result<bool> {
    let asked = diesel::dsl::sql::<diesel::sql_types::Bool>("pg_is_in_recovery()");
    Ok(dispatch!(conn, |conn| diesel::select(asked).get_result(conn))?)
}

#[test]
fn reads_go_to_the_replica_and_what_must_be_seen_at_once_to_the_primary() {
    let Some(both) = Both::start() else { return };
    let database = Database::open(&both.config(&[(Key::MaxConnections, "4")])).expect("both");
    assert!(database.read(is_replica).expect("a read"));
    assert!(!database.read_primary(is_replica).expect("a read"));
    assert!(!database.write(|conn| is_replica(conn)).expect("a write"));

    // Nothing arrives at the replica any more.
    both.replica.admin("zenith").batch_execute("SELECT pg_wal_replay_pause()").expect("paused");
    let new = |conn: &mut DbConnection| {
        Ok(conn.batch_execute("INSERT INTO roles (name) VALUES ('new')")?)
    };
    database.write(|conn| new(conn)).expect("a role");
    let find = |conn: &mut DbConnection| Role::find_by_name(conn, "new");
    assert!(database.read_primary(find).expect("a read").is_some());
    assert!(database.read(find).expect("a read").is_none());
    both.replica.admin("zenith").batch_execute("SELECT pg_wal_replay_resume()").expect("resumed");
    wait_for("the replica's new row", || database.read(find).expect("a read").is_some());
    assert_eq!(database.pool_status().replica_fallbacks, 0);
}

#[test]
fn while_the_replica_is_away_the_primary_is_read_with_one_warning_and_a_count() {
    let Some(both) = Both::start() else { return };
    let database = Database::open(&both.config(&[(Key::MaxConnections, "4")])).expect("both");
    assert!(database.read(is_replica).expect("a read"));
    both.replica.stop();
    let log = logged(|log| {
        // One that was used a moment ago may be found out by its user.
        let mut results = (0..8).map(|_| database.read(is_replica));
        let first = results.next().expect("eight");
        assert!(matches!(first, Ok(false) | Err(Error::ConnectionLost(_))), "{first:?}");
        for result in results {
            assert!(!result.expect("the primary"));
        }
        log.text()
    });
    assert_eq!(log.matches("the replica is not available").count(), 1, "{log}");
    assert!(database.pool_status().replica_fallbacks >= 7);
    both.replica.resume();
    wait_for("a read from the replica", || database.read(is_replica).expect("a read"));
}

#[test]
fn while_all_connections_to_the_replica_are_in_use_the_primary_is_read_and_no_warning_comes() {
    let Some(both) = Both::start() else { return };
    // Two of them to the replica.
    let database = Database::open(&both.config(&[(Key::MaxConnections, "4")])).expect("both");
    let inside = Barrier::new(3);
    let ((log, fallbacks), readers) = thread::scope(|scope| {
        let hold = || {
            let mut is_of_replica = false;
            // The second connection may not be open yet.
            while !is_of_replica {
                let read = database.read(|conn| {
                    is_of_replica = is_replica(conn)?;
                    if is_of_replica {
                        inside.wait();
                        inside.wait();
                    }
                    Ok(())
                });
                read.expect("a read");
            }
        };
        let readers = [scope.spawn(hold), scope.spawn(hold)];
        inside.wait();
        let before = database.pool_status().replica_fallbacks;
        let log = logged(|log| {
            assert!(!database.read(is_replica).expect("the primary"));
            log.text()
        });
        let fallbacks = database.pool_status().replica_fallbacks - before;
        inside.wait();
        ((log, fallbacks), readers.map(|reader| reader.join().is_ok()))
    });
    assert_eq!((fallbacks, readers), (1, [true, true]));
    assert!(!log.contains("not available"), "{log}");
}

#[test]
fn a_replica_that_is_away_at_the_beginning_is_no_error_and_found_later() {
    let Some(both) = Both::start() else { return };
    both.replica.stop();
    let config = both.config(&[(Key::PoolTimeout, "2000")]);
    let (log, database) = logged(|log| {
        let database = Database::open(&config).expect("the primary");
        (log.text(), database)
    });
    assert_eq!(log.matches("the replica is not available").count(), 1, "{log}");
    assert!(!database.read(is_replica).expect("the primary"));
    both.replica.resume();
    wait_for("a read from the replica", || database.read(is_replica).expect("a read"));
}

#[test]
fn a_replica_too_far_behind_is_not_read_and_the_health_check_says_how_far() {
    let Some(both) = Both::start() else { return };
    let limit = [(Key::ReplicaMaxLag, "1")];
    assert!(both.health(&[]).all_checks_passed, "{:?}", both.health(&[]));
    let database = Database::open(&both.config(&limit)).expect("both");
    both.replica.admin("zenith").batch_execute("SELECT pg_wal_replay_pause()").expect("paused");
    let new = |conn: &mut DbConnection| {
        Ok(conn.batch_execute("INSERT INTO roles (name) VALUES ('new')")?)
    };
    database.write(|conn| new(conn)).expect("a role");
    let received = "SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()";
    wait_for("the lag", || value(&mut both.replica.admin("zenith"), received) == "true");
    wait_for("a read from the primary", || !database.read(is_replica).expect("a read"));
    let find = |conn: &mut DbConnection| Role::find_by_name(conn, "new");
    assert!(database.read(find).expect("a read").is_some());
    let health = both.health(&limit);
    assert_eq!(failed(&health), ["Replica"]);
    assert!(health.healthy, "it is no reason not to run");
    let details = &health.failures().next().expect("one").details;
    assert!(details.contains("1 ms are allowed"), "{details}");

    both.replica.admin("zenith").batch_execute("SELECT pg_wal_replay_resume()").expect("resumed");
    wait_for("a read from the replica", || database.read(is_replica).expect("a read"));
}

#[test]
fn a_replica_without_its_primary_does_not_pass_for_up_to_date() {
    let Some(both) = Both::start() else { return };
    let cut = "ALTER SYSTEM SET primary_conninfo = 'host=/nowhere'";
    let mut replica = both.replica.admin("zenith");
    replica.batch_execute(cut).expect("cut off");
    replica.batch_execute("SELECT pg_reload_conf()").expect("cut off");
    let receiving = "SELECT count(*) FROM pg_stat_wal_receiver";
    wait_for("the end of replication", || value(&mut replica, receiving) == "0");
    // The last transaction that it has was the creation, longer ago than this.
    let health = both.health(&[(Key::ReplicaMaxLag, "1")]);
    assert_eq!(failed(&health), ["Replica"], "{health:?}");
}

#[test]
fn another_server_is_not_taken_for_a_replica() {
    let (Some(primary), Some(other)) = (Server::start(), Server::start()) else { return };
    for server in [&primary, &other] {
        let manager = DatabaseManager::new(server.config(&[]));
        let _ = manager.initialize(&administrator()).expect("created");
    }
    let wrong = primary.config(&[(Key::ReplicaUrl, other.url("zenith").as_str())]);
    let health = DatabaseManager::new(wrong).health_check();
    assert_eq!(failed(&health), ["Replica"]);
    let details = &health.failures().next().expect("one").details;
    assert!(details.contains("not a replica of this server"), "{details}");
}

#[test]
fn a_replica_in_the_primarys_place_is_refused_for_writing() {
    let Some(both) = Both::start() else { return };
    let swapped = config(&both.replica.url("zenith"), &[]);
    let error = Database::open(&swapped).expect_err("no writes").to_string();
    assert!(error.contains("replica") && error.contains("primary"), "{error}");
    let manager = DatabaseManager::new(swapped);
    assert!(matches!(manager.migrate(), Err(Error::ReadOnly { .. })));
    assert_eq!(manager.status().expect("a look").table_count, 21);
}
