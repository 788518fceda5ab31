//! Connections that the pool opens beside those who wait for them, and what goes wrong meanwhile.

use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use zenith_db::config::Key;
use zenith_db::{Database, Error};

use super::writes::panic_quietly;
use crate::support::SqliteFixture;
use crate::support::wait::wait_for;

/// Databases whose connections the pool cannot open: for each, how many of them are still to panic, and how many have.
static PANICS: Mutex<Vec<(PathBuf, usize, usize)>> = Mutex::new(Vec::new());

/// Instrumentation that an application has set for all connections.
struct Panicking;

impl Instrumentation for Panicking {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        let InstrumentationEvent::StartEstablishConnection { url, .. } = event else { return };
        if !thread::current().name().is_some_and(|name| name.starts_with("r2d2")) {
            return;
        }
        let mut panics = PANICS.lock().expect("no panic while it is locked");
        let is_it = |path: &PathBuf| url.contains(path.to_str().expect("UTF-8"));
        let Some((_, left, done)) = panics.iter_mut().find(|(path, ..)| is_it(path)) else {
            return;
        };
        if let Some(fewer) = left.checked_sub(1) {
            (*left, *done) = (fewer, *done + 1);
            drop(panics);
            panic_quietly();
        }
    }
}

/// Opens a database of which the pool cannot open this many connections.
fn with_panics(fixture: &SqliteFixture, timeout: &str, panics: usize) -> Database {
    let directory = fixture.directory.path().to_owned();
    PANICS.lock().expect("no panic while it is locked").push((directory, panics, 0));
    set_default_instrumentation(|| Some(Box::new(Panicking))).expect("set");
    let settings = [(Key::MaxConnections, "2"), (Key::PoolTimeout, timeout)];
    Database::open_unchecked(&fixture.config_with(&settings)).expect("a database")
}

fn panics(fixture: &SqliteFixture) -> usize {
    let panics = PANICS.lock().expect("no panic while it is locked");
    let found = panics.iter().find(|(path, ..)| path == fixture.directory.path());
    found.expect("it is there").2
}

#[test]
fn a_panic_while_a_connection_is_opened_costs_no_place_in_the_pool() {
    let fixture = SqliteFixture::created();
    let database = with_panics(&fixture, "60000", 1);
    wait_for("the panic", || panics(&fixture) == 1);
    database.read(|_| Ok(())).expect("the next attempt");
}

#[test]
fn a_pool_that_waits_for_a_moment_only_pauses_between_its_attempts() {
    let fixture = SqliteFixture::created();
    let database = with_panics(&fixture, "1", usize::MAX);
    wait_for("the second attempt", || panics(&fixture) >= 2);
    let before = panics(&fixture);
    thread::sleep(Duration::from_millis(500));
    let attempts = panics(&fixture) - before;
    assert!(attempts < 20, "{attempts} attempts in half a second");
    let late = database.read(|_| Ok(()));
    assert!(matches!(late, Err(Error::PoolTimeout(_))), "{late:?}");
    assert_eq!(database.pool_status().waits, 1, "it has waited for one to be opened");
}
