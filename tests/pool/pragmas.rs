//! What the configuration says is what each connection has.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{SqliteFixture, text};
use diesel::connection::SimpleConnection;
use zenith_db::config::{Key, Loader};
use zenith_db::{Database, DbConnection, Error};

fn open(fixture: &SqliteFixture, settings: &[(Key, &str)]) -> Database {
    let path = fixture.path();
    let loader = Loader::new().flag(Key::Path, "path", path.to_str().expect("UTF-8"));
    let loader =
        settings.iter().fold(loader, |loader, (key, value)| loader.flag(*key, "test", *value));
    Database::open(&loader.load().expect("a valid configuration")).expect("a database")
}

fn pragma(conn: &mut DbConnection, name: &str) -> String {
    let column = if name == "busy_timeout" { "timeout" } else { name };
    match conn {
        DbConnection::Sqlite(conn) => text(conn, &format!("SELECT {column} FROM pragma_{name}")),
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(_) => panic!("a pool of SQLite"),
    }
}

fn assert_pragmas(conn: &mut DbConnection, wanted: &[(&str, &str)]) {
    for (name, value) in wanted {
        assert_eq!(pragma(conn, name), *value, "{name}");
    }
}

fn reading(database: &Database, name: &str) -> String {
    database.read(|conn| Ok(pragma(conn, name))).expect("a read")
}

fn writing(database: &Database, name: &str) -> String {
    database.write(|conn| Ok(pragma(conn, name))).expect("a write")
}

/// What every connection has, whatever it is for.
const ALWAYS: &[(&str, &str)] = &[
    ("trusted_schema", "0"),
    ("recursive_triggers", "1"),
    ("cell_size_check", "1"),
    ("temp_store", "2"),
];

#[test]
fn each_connection_of_the_pool_has_the_defaults() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, &[(Key::MaxConnections, "4")]);
    let defaults = [
        ("foreign_keys", "1"),
        ("busy_timeout", "5000"),
        ("cache_size", "10000"),
        ("journal_mode", "wal"),
    ];
    let inside = AtomicUsize::new(0);
    // All at once, so that no connection is looked at twice.
    let meet = || {
        inside.fetch_add(1, Ordering::SeqCst);
        let begun = Instant::now();
        while inside.load(Ordering::SeqCst) < 4 {
            assert!(begun.elapsed() < Duration::from_secs(10), "not all connections can be used");
            thread::sleep(Duration::from_millis(1));
        }
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                database.read(|conn| {
                    meet();
                    assert_pragmas(conn, ALWAYS);
                    assert_pragmas(conn, &defaults);
                    assert_pragmas(conn, &[("query_only", "1")]);
                    Ok(())
                })
            });
        }
        database
            .write(|conn| {
                meet();
                assert_pragmas(conn, ALWAYS);
                assert_pragmas(conn, &defaults);
                let writer = [
                    ("query_only", "0"),
                    ("synchronous", "2"),
                    ("secure_delete", "1"),
                    ("journal_size_limit", "16777216"),
                ];
                assert_pragmas(conn, &writer);
                Ok(())
            })
            .expect("a write");
    });
}

#[test]
fn with_one_connection_it_has_the_writers_settings_and_query_only_while_reading() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, &[(Key::MaxConnections, "1"), (Key::Synchronous, "extra")]);
    for _ in 0..2 {
        assert_eq!(reading(&database, "query_only"), "1");
        assert_eq!(reading(&database, "synchronous"), "3");
        assert_eq!(writing(&database, "query_only"), "0");
        assert_eq!(writing(&database, "secure_delete"), "1");
    }
}

#[test]
fn synchronous_is_what_was_asked_for() {
    let fixture = SqliteFixture::created();
    for (word, number) in [("normal", "1"), ("full", "2"), ("extra", "3")] {
        let database = open(&fixture, &[(Key::Synchronous, word)]);
        assert_eq!(writing(&database, "synchronous"), number, "{word}");
    }
}

#[test]
fn the_cache_size_is_in_pages_or_in_kib_if_negative() {
    let fixture = SqliteFixture::created();
    for size in ["1", "2000", "-4096", "-16777216", "4194304"] {
        let database = open(&fixture, &[(Key::CacheSize, size)]);
        assert_eq!(reading(&database, "cache_size"), size);
        assert_eq!(writing(&database, "cache_size"), size);
    }
}

#[test]
fn the_busy_timeout_is_what_was_asked_for() {
    let fixture = SqliteFixture::created();
    for timeout in ["0", "1", "1234", "3600000"] {
        let database = open(&fixture, &[(Key::BusyTimeout, timeout)]);
        assert_eq!(reading(&database, "busy_timeout"), timeout);
        assert_eq!(writing(&database, "busy_timeout"), timeout);
    }
}

#[test]
fn the_journal_mode_is_what_was_asked_for_whatever_it_was() {
    let fixture = SqliteFixture::created();
    for (wal, mode) in [("false", "delete"), ("true", "wal"), ("false", "delete")] {
        let database = open(&fixture, &[(Key::WalMode, wal)]);
        assert_eq!(writing(&database, "journal_mode"), mode);
        assert_eq!(reading(&database, "journal_mode"), mode);
        drop(database);
        assert_eq!(fixture.text("SELECT journal_mode FROM pragma_journal_mode"), mode);
    }
}

#[test]
fn references_are_enforced_unless_that_was_switched_off() {
    let fixture = SqliteFixture::created();
    let orphan = "INSERT INTO role_permissions (role_id, permission_id) VALUES (999, 1)";
    let insert = |database: &Database| -> Result<(), Error> {
        database.write(|conn| Ok(conn.batch_execute(orphan)?))
    };
    let on = open(&fixture, &[]);
    assert_eq!(writing(&on, "foreign_keys"), "1");
    assert!(matches!(insert(&on), Err(Error::Violation(_))));
    let off = open(&fixture, &[(Key::ForeignKeys, "false")]);
    assert_eq!(reading(&off, "foreign_keys"), "0");
    assert_eq!(writing(&off, "foreign_keys"), "0");
    insert(&off).expect("nothing is enforced");
}
