//! A load of four threads on a server: neither when it is killed nor when the server is, a write is lost that
//! was acknowledged.
#![cfg(feature = "postgres")]

use std::time::Duration;

use zenith_db::config::Key;
use zenith_db::manager::DatabaseManager;

use crate::support::administrator;
use crate::support::load::{self, Load, THREADS};
use crate::support::numbers::{Numbers, points};
use crate::support::own_server::{Server, value};

/// Waits until the server has ended what it still did for processes that are gone.
fn settle(server: &Server) {
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'zenith-db'";
    let mut admin = server.admin("postgres");
    let are_gone = || {
        std::thread::sleep(Duration::from_millis(1));
        value(&mut admin, ours) == "0"
    };
    assert!(std::iter::repeat_with(are_gone).take(10_000).any(|are_gone| are_gone));
}

#[test]
fn neither_a_killed_load_nor_a_killed_server_loses_an_acknowledged_write() {
    let Some(server) = Server::start() else { return };
    let backups = tempfile::tempdir().expect("a directory");
    let backups = backups.path().to_str().expect("UTF-8");
    let (url, config) = (server.url("zenith"), server.config(&[(Key::BackupDir, backups)]));
    let _ = DatabaseManager::new(config.clone()).initialize(&administrator()).expect("created");
    load::prepare(&config);
    let mut numbers = Numbers(0x5E4);
    let (all, mut done, mut unanswered) = (points(6, 200), [0; THREADS], 0);
    for number in 0..all {
        let mut load = Load::start(&config, &url, done);
        load.wait_for(1 + numbers.below(40));
        let moment = u64::try_from(numbers.below(5_000)).expect("small");
        std::thread::sleep(Duration::from_micros(moment));
        let kills_server = number % 2 == 1;
        if kills_server {
            server.kill();
        }
        let (acknowledged, status) = load.kill();
        assert!(!status.success(), "it goes on until it is killed");
        if kills_server {
            server.resume();
        }
        settle(&server);
        let moment = format!("kill {number}, of the server: {kills_server}");
        done = load::assert_survived(&config, acknowledged, acknowledged, &moment);
        unanswered += done.iter().sum::<u32>() - acknowledged.iter().sum::<u32>();
    }
    let written: u32 = done.iter().sum();
    println!("{all} kills, {written} writes, {unanswered} not acknowledged");
}
