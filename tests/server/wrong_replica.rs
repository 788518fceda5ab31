//! A `DATABASE_REPLICA_URL` that names what is no replica of the database.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use zenith_db::config::Key;
use zenith_db::manager::DatabaseManager;
use zenith_db::prelude::*;

use crate::support::log::logged;
use crate::support::own_server::{Server, config};
use crate::support::{administrator, failed};

/// Returns what the health check says of this replica.
fn said_of(server: &Server, replica: &str) -> String {
    let manager = DatabaseManager::new(server.config(&[(Key::ReplicaUrl, replica)]));
    let health = manager.health_check();
    assert_eq!(failed(&health), ["Replica"], "{health:?}");
    assert!(health.healthy, "it is no reason not to run");
    health.failures().map(|check| check.details.clone()).collect()
}

#[test]
fn another_database_or_schema_of_the_same_server_is_neither_read_nor_taken_for_a_replica() {
    let Some(server) = Server::start() else { return };
    let other = [(Key::Schema, "other")];
    server.admin("postgres").batch_execute("CREATE DATABASE staging").expect("a database");
    for config in [
        server.config(&[]),
        config(&server.url("staging"), &[]),
        config(&server.url("staging"), &other),
    ] {
        let manager = DatabaseManager::new(config);
        let _ = manager.initialize(&administrator()).expect("created");
        let database = manager.open_database().expect("open");
        let name = database.config().location().to_string();
        let role = if name.contains("staging") { "of staging" } else { "of zenith" };
        let _ = database
            .write(|conn| NewRole::builder().name(role).build().insert(conn))
            .expect("a role");
    }
    let url = server.url("staging");
    let said = said_of(&server, &url);
    for name in ["DATABASE_REPLICA_URL", "\"staging\"", "\"zenith\"", "\"public\""] {
        assert!(said.contains(name), "{name}: {said}");
    }
    let database = server.config(&[(Key::ReplicaUrl, url.as_str())]);
    let (log, database) = logged(|log| {
        let database = Database::open(&database).expect("the primary");
        (log.text(), database)
    });
    assert!(log.contains("\\\"staging\\\"") || log.contains("\"staging\""), "{log}");
    let find = |name: &'static str| database.read(move |conn| Role::find_by_name(conn, name));
    assert!(find("of staging").expect("a read").is_none(), "a row of another database");
    assert!(find("of zenith").expect("a read").is_some());
    assert!(database.pool_status().replica_fallbacks > 0);

    let elsewhere = format!("{}&options=-csearch_path%3Dother", server.url("zenith"));
    server.admin("zenith").batch_execute("CREATE SCHEMA other").expect("a schema");
    let said = said_of(&server, &elsewhere);
    assert!(said.contains("\"other\"") && said.contains("\"public\""), "{said}");
}

#[test]
fn a_replica_that_is_not_in_recovery_is_named_by_the_health_check() {
    let Some(primary) = Server::start() else { return };
    let manager = DatabaseManager::new(primary.config(&[]));
    let _ = manager.initialize(&administrator()).expect("created");
    let said = said_of(&primary, &primary.url("zenith"));
    assert!(said.contains("it is the primary itself"), "{said}");
    let replica = primary.replica();
    replica.promote();
    let said = said_of(&primary, &replica.url("zenith"));
    assert!(said.contains("not in recovery: it is another primary"), "{said}");
}
