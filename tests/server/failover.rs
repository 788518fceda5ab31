//! A primary that fails under load, and its replica that takes its place: with synchronous replication, no write is lost
//! that was acknowledged.
#![cfg(feature = "postgres")]

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use rustix::process::{Pid, Signal, kill_process};
use zenith_db::manager::DatabaseManager;
use zenith_db::prelude::*;

use crate::support::administrator;
use crate::support::own_server::{Server, config, value};
use crate::support::rows::lines;
use crate::support::wait::wait_for;

const THREADS: u32 = 4;

/// What became of the writes: the names that were acknowledged, and for how long nothing was.
struct Outcome {
    acknowledged: BTreeSet<String>,
    unknown: u32,
    lost: usize,
    pause: Duration,
}

/// Kills the primary while threads write, and promotes its replica.
fn fail_over(synchronous: bool) -> Option<Outcome> {
    let primary = Server::start()?;
    let _ =
        DatabaseManager::new(primary.config(&[])).initialize(&administrator()).expect("created");
    let replica = primary.replica();
    if synchronous {
        let mut admin = primary.admin("postgres");
        // Not in one statement, which would be a transaction.
        admin.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").expect("set");
        admin.batch_execute("SELECT pg_reload_conf()").expect("read again");
    }
    let mut admin = primary.admin("postgres");
    let state = if synchronous { "sync" } else { "async" };
    let replicates = format!(
        "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = '{state}'"
    );
    wait_for("replication", || value(&mut admin, &replicates) == "1");
    let socket = |server: &Server| {
        let url = server.url("zenith");
        url.split("host=").nth(1).and_then(|rest| rest.split('&').next()).expect("it").to_owned()
    };
    let url = format!(
        "postgres://zenith@/zenith?host={},{}&port={},{}&target_session_attrs=read-write",
        socket(&primary),
        socket(&replica),
        primary.port,
        replica.port
    );
    let database = Database::open(&config(&url, &[])).expect("a database");
    let (acknowledged, unknown) = (Mutex::new(BTreeSet::new()), AtomicU32::new(0));
    let is_over = AtomicBool::new(false);
    let count = || acknowledged.lock().expect("no panic").len();
    let pause = std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (database, acknowledged, unknown) = (&database, &acknowledged, &unknown);
            let is_over = &is_over;
            scope.spawn(move || {
                for n in 0.. {
                    let name = format!("{thread}-{n}");
                    let new = NewRole::builder().name(&name).build();
                    loop {
                        match database.write_with_retry(|conn| new.insert(conn)) {
                            Ok(_) => drop(acknowledged.lock().expect("no panic").insert(name)),
                            Err(zenith_db::Error::CommitUnknown(_)) => {
                                unknown.fetch_add(1, Ordering::Relaxed);
                            }
                            // Nobody is there yet.
                            Err(_) if !is_over.load(Ordering::Relaxed) => continue,
                            Err(_) => return,
                        }
                        break;
                    }
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        wait_for("writes", || count() > 200);
        if !synchronous {
            // The network is slow: what is written from now on does not arrive in time.
            let sender = value(&mut admin, "SELECT pid FROM pg_stat_replication");
            let sender = Pid::from_raw(sender.parse().expect("a number")).expect("an id");
            kill_process(sender, Signal::STOP).expect("it runs");
            let before = count();
            wait_for("more writes", || count() > before + 20);
        }
        primary.kill();
        let (begun, before) = (Instant::now(), count());
        replica.promote();
        wait_for("writes again", || count() > before + 50);
        let pause = begun.elapsed();
        is_over.store(true, Ordering::Relaxed);
        pause
    });
    let mut admin = replica.admin("zenith");
    let there: BTreeSet<String> = lines(
        &mut DbConnection::Postgres(replica.admin("zenith")),
        "SELECT name AS line FROM roles",
    )
    .into_iter()
    .collect();
    assert_eq!(value(&mut admin, "SELECT pg_is_in_recovery()"), "false");
    let acknowledged = acknowledged.into_inner().expect("no panic");
    let lost = acknowledged.difference(&there).count();
    // Its directory is removed with it.
    primary.resume();
    Some(Outcome { acknowledged, unknown: unknown.into_inner(), lost, pause })
}

#[test]
fn a_primary_that_is_killed_loses_no_acknowledged_write_if_its_replica_is_synchronous() {
    for synchronous in [true, false] {
        let Some(outcome) = fail_over(synchronous) else { return };
        let Outcome { acknowledged, unknown, lost, pause } = outcome;
        println!(
            "synchronous: {synchronous}: {} acknowledged, {unknown} unknown, {lost} lost; writes again after {} ms",
            acknowledged.len(),
            pause.as_millis()
        );
        // What the replica has not received is lost, and the comparison sees it.
        assert_eq!(lost == 0, synchronous, "{lost}");
    }
}
