//! What goes wrong with a server is a typed error within the time allowed, and says what to do.
#![cfg(feature = "postgres")]

use std::net::TcpListener;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::config::Key;
use zenith_db::dispatch;
use zenith_db::manager::{DatabaseManager, RestoreOptions};
use zenith_db::prelude::*;
use zenith_db::schema::roles;
use zenith_db::{ConnectFault, Error, Result};

use crate::support::own_server::{ENCODED_PASSWORD, Server, config, free_port, value};
use crate::support::{Fixture, administrator, failed, run, stderr};

const FAST: (Key, &str) = (Key::PoolTimeout, "2000");

fn fault(url: &str) -> (ConnectFault, String) {
    match Database::open(&config(url, &[FAST])) {
        Err(Error::Connect { fault, server, source }) => {
            (fault, format!("{fault} {server} {source}"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_password_is_said_to_be_one_and_is_not_shown() {
    let Some(server) = Server::start() else { return };
    let right = server.tcp_url(&format!("zenith:{ENCODED_PASSWORD}"));
    Database::open_unchecked(&config(&right, &[FAST])).expect("the right password");
    for user in ["zenith:hunter2", "zenith", "nobody:hunter2"] {
        let (fault, shown) = fault(&server.tcp_url(user));
        assert_eq!(fault, ConnectFault::Authentication, "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

/// libpq quotes the part of a URL that it cannot read.
#[test]
fn a_password_in_a_url_that_cannot_be_read_is_not_shown() {
    for url in [
        "postgres://u:hunter2@[::1/x",
        "postgres://u:hunter2@[::1]z/x",
        "postgres://u:hunt%er2@h/x",
        "postgres://u:hunt%00er2@h/x",
        "postgres://u@h/x?password=hunt%zzer2",
        "postgres://u@h/x?hunter2",
    ] {
        // Some are refused before libpq sees them.
        let Ok(config) = zenith_db::config::Loader::new().flag(Key::Url, "url", url).load() else {
            continue;
        };
        let Err(error) = Database::open(&config) else { panic!("{url}") };
        let mut shown = vec![format!("{error} {error:?}")];
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            shown.push(format!("{error} {error:?}"));
            cause = error.source();
        }
        assert!(shown.iter().all(|text| !text.contains("hunt")), "{url}: {shown:?}");
    }
}

#[test]
fn nobody_answering_and_nobody_of_that_name_are_told_apart() {
    let nothing = format!("postgres://zenith@127.0.0.1:{}/zenith", free_port());
    assert_eq!(fault(&nothing).0, ConnectFault::Unreachable);
    assert_eq!(fault("postgres://zenith@host.invalid/zenith").0, ConnectFault::UnknownHost);
    assert_eq!(fault("postgres://z@/zenith?host=/nowhere").0, ConnectFault::Unreachable);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    // Connections are taken by the system, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let (found, shown) = fault(&format!("postgres://zenith@127.0.0.1:{port}/zenith"));
    assert_eq!(found, ConnectFault::TimedOut, "{shown}");
    assert!(shown.contains("DATABASE_POOL_TIMEOUT_MS"), "{shown}");
}

#[test]
fn a_server_without_room_is_said_to_have_none() {
    let Some(server) = Server::start() else { return };
    let admin = &mut server.admin("postgres");
    admin.batch_execute("CREATE ROLE guest LOGIN CONNECTION LIMIT 0").expect("a role");
    let guest = server.url("zenith").replace("zenith@", "guest@");
    let (found, shown) = fault(&guest);
    assert_eq!(found, ConnectFault::TooMany, "{shown}");
}

#[test]
fn a_table_that_the_role_may_not_read_is_named_and_the_others_are_counted() {
    let Some(server) = Server::start() else { return };
    let manager = DatabaseManager::new(server.config(&[FAST]));
    let _ = manager.initialize(&administrator()).expect("a database");
    let admin = &mut server.admin("zenith");
    let others =
        "CREATE ROLE other; CREATE TABLE others (id BIGINT); ALTER TABLE others OWNER TO other;
        CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA public TO reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; REVOKE ALL ON others FROM reader";
    admin.batch_execute(others).expect("a table of another role");
    let reader = config(&server.url("zenith").replace("zenith@", "reader@"), &[FAST]);
    let status = DatabaseManager::new(reader).status().expect("a status");
    let [table] = status.unreadable_tables.as_slice() else { panic!("{status:?}") };
    assert_eq!(table.to_string(), "others (permission denied for table others)");
    assert_eq!((status.record_counts["users"], status.table_count), (1, 22));
}

#[test]
fn a_missing_database_is_not_made_by_looking_and_is_made_by_creating() {
    let Some(server) = Server::start() else { return };
    let missing = config(&server.url("missing%20%22one%22"), &[FAST]);
    let manager = DatabaseManager::new(missing.clone());
    assert!(matches!(Database::open(&missing), Err(Error::NoDatabase { .. })));
    assert!(matches!(manager.status(), Err(Error::NoDatabase { .. })));
    assert_eq!(failed(&manager.health_check()), ["Database Exists"]);
    assert!(!manager.exists().expect("an answer"));
    let report = manager.initialize(&administrator()).expect("a database");
    assert!(report.details.health.healthy && manager.exists().expect("an answer"));
}

#[test]
fn a_server_that_takes_no_writes_is_refused_for_writing_and_can_be_looked_at() {
    let Some(server) = Server::start() else { return };
    let manager = DatabaseManager::new(server.config(&[FAST]));
    let _ = manager.initialize(&administrator()).expect("a database");
    let admin = &mut server.admin("postgres");
    admin
        .batch_execute("ALTER DATABASE zenith SET default_transaction_read_only = on")
        .expect("a setting");
    let error = Database::open(manager.config()).expect_err("no writes");
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    assert!(matches!(manager.migrate(), Err(Error::ReadOnly { .. })));
    assert_eq!(manager.status().expect("a look").table_count, 21);
    assert!(manager.health_check().healthy);
}

/// What this server says of itself is replaced in front of the crate's own question.
fn pretend(server: &Server, setting: &str, said: &str) -> Config {
    let lie = format!(
        "CREATE SCHEMA lies; CREATE FUNCTION lies.current_setting(name text) RETURNS text
         LANGUAGE sql AS $$ SELECT CASE name WHEN '{setting}' THEN '{said}'
             ELSE pg_catalog.current_setting(name) END $$"
    );
    server.admin("zenith").batch_execute(&lie).expect("a function");
    let url = server.url("zenith") + "&options=-csearch_path%3Dpublic%2Clies%2Cpg_catalog";
    // Otherwise only the first question would be asked in that path.
    config(&url, &[FAST, (Key::TransactionPooler, "true")])
}

#[test]
fn a_server_that_is_too_old_is_unhealthy() {
    let Some(server) = Server::start() else { return };
    let _ = DatabaseManager::new(server.config(&[])).initialize(&administrator()).expect("created");
    let manager = DatabaseManager::new(pretend(&server, "server_version_num", "140013"));
    assert_eq!(failed(&manager.health_check()), ["Server Version"]);
}

#[test]
fn a_database_that_cannot_hold_every_text_is_refused() {
    let Some(server) = Server::start() else { return };
    let _ = DatabaseManager::new(server.config(&[])).initialize(&administrator()).expect("created");
    let latin = "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0";
    server.admin("postgres").batch_execute(latin).expect("a database");
    let error = Database::open(&config(&server.url("latin"), &[])).expect_err("LATIN1");
    assert!(error.to_string().contains("LATIN1"), "{error}");
    let manager = DatabaseManager::new(pretend(&server, "server_encoding", "LATIN1"));
    assert_eq!(failed(&manager.health_check()), ["Encoding"]);
}

#[test]
fn another_kind_of_server_and_a_schema_that_is_not_there_are_refused() {
    let Some(server) = Server::start() else { return };
    let url = server.url("zenith") + "&options=-csearch_path%3Dnowhere";
    let error = Database::open(&config(&url, &[FAST])).expect_err("no schema");
    assert!(error.to_string().contains("search_path"), "{error}");
    let web = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = web.local_addr().expect("an address").port();
    let answering = std::thread::spawn(move || {
        use std::io::Write;
        for stream in web.incoming().take(2) {
            let _ = stream.expect("a connection").write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    // libpq may try a second time without encryption; it is let go after this.
    let (found, _) = fault(&format!("postgres://z@127.0.0.1:{port}/zenith"));
    let _ = std::net::TcpStream::connect(("127.0.0.1", port));
    answering.join().expect("a server");
    assert!(matches!(found, ConnectFault::Other | ConnectFault::Encryption), "{found:?}");
}

fn count(conn: &mut DbConnection) -> Result<i64> {
    Ok(dispatch!(conn, |conn| roles::table.count().get_result(conn))?)
}

fn new_role(conn: &mut DbConnection, name: &str) -> Result<()> {
    Ok(conn.batch_execute(&format!("INSERT INTO roles (name) VALUES ('{name}')"))?)
}

#[test]
fn a_connection_lost_in_a_transaction_loses_that_transaction_and_nothing_else() {
    let Some(server) = Server::start() else { return };
    let config = server.config(&[FAST]);
    let _ = DatabaseManager::new(config.clone()).initialize(&administrator()).expect("created");
    let database = Database::open(&config).expect("a database");
    let error = database
        .write(|conn| {
            new_role(conn, "lost")?;
            conn.batch_execute("SELECT pg_terminate_backend(pg_backend_pid())")?;
            new_role(conn, "never")
        })
        .expect_err("the connection is gone");
    assert!(matches!(error, Error::ConnectionLost(_)), "{error:?}");
    assert_eq!(database.read(count).expect("another connection"), 5);
    database.write(|conn| new_role(conn, "kept")).expect("another connection");
    assert_eq!(database.read(count).expect("a count"), 6);
}

#[test]
fn a_connection_lost_during_the_commit_leaves_the_outcome_open_and_says_so() {
    let Some(server) = Server::start() else { return };
    let config = server.config(&[FAST]);
    let _ = DatabaseManager::new(config.clone()).initialize(&administrator()).expect("created");
    let at_commit = "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END; $$;
        CREATE CONSTRAINT TRIGGER die AFTER INSERT ON roles DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION die()";
    server.admin("zenith").batch_execute(at_commit).expect("a trigger");
    let database = Database::open(&config).expect("a database");
    let error = database.write(|conn| new_role(conn, "unknown")).expect_err("lost");
    assert!(matches!(error, Error::CommitUnknown(_)), "{error:?}");
    assert_eq!(database.read(count).expect("another connection"), 5);
}

#[test]
fn what_takes_too_long_is_stopped_and_names_the_setting() {
    let Some(server) = Server::start() else { return };
    let limits = [(Key::StatementTimeout, "300"), (Key::BusyTimeout, "200"), FAST];
    let config = server.config(&limits);
    let _ = DatabaseManager::new(config.clone()).initialize(&administrator()).expect("created");
    let database = Database::open(&config).expect("a database");
    let slow = database.read(|conn| Ok(conn.batch_execute("SELECT pg_sleep(60)")?));
    let setting = |error: Error| match error {
        Error::TimedOut { setting, .. } => setting,
        other => panic!("{other:?}"),
    };
    assert_eq!(setting(slow.expect_err("slow")), "DATABASE_STATEMENT_TIMEOUT_MS");

    let mut holder = server.admin("zenith");
    holder.batch_execute("BEGIN; LOCK TABLE roles IN EXCLUSIVE MODE").expect("a lock");
    let locked = database.write(|conn| new_role(conn, "late")).expect_err("locked");
    assert_eq!(setting(locked), "DATABASE_BUSY_TIMEOUT_MS");
    holder.batch_execute("ROLLBACK").expect("the lock goes");
    database.write(|conn| new_role(conn, "late")).expect("the lock is gone");
}

#[test]
fn a_limit_that_the_role_has_is_said_to_be_one_too() {
    let Some(server) = Server::start() else { return };
    let config = server.config(&[(Key::StatementTimeout, "0"), (Key::BusyTimeout, "0"), FAST]);
    let _ = DatabaseManager::new(config.clone()).initialize(&administrator()).expect("created");
    let mut admin = server.admin("zenith");
    let limits =
        "ALTER ROLE zenith SET statement_timeout = 200; ALTER ROLE zenith SET lock_timeout = 100";
    admin.batch_execute(limits).expect("limits");
    let database = Database::open(&config).expect("a database");
    let slow = database.read(|conn| Ok(conn.batch_execute("SELECT pg_sleep(60)")?));
    let slow = slow.expect_err("slow").to_string();
    assert!(
        slow.contains("than statement_timeout of the role") && slow.contains("ALTER ROLE"),
        "{slow}"
    );
    admin.batch_execute("BEGIN; LOCK TABLE roles IN EXCLUSIVE MODE").expect("a lock");
    let locked = database.write(|conn| new_role(conn, "late")).expect_err("locked").to_string();
    assert!(locked.contains("than lock_timeout of the role"), "{locked}");
}

#[test]
fn a_transaction_that_does_nothing_for_too_long_is_ended() {
    let Some(server) = Server::start() else { return };
    let config = server.config(&[(Key::IdleTransactionTimeout, "100"), FAST]);
    let _ = DatabaseManager::new(config.clone()).initialize(&administrator()).expect("created");
    let database = Database::open(&config).expect("a database");
    let mut watcher = server.admin("zenith");
    let error = database
        .write(|conn| {
            new_role(conn, "idle")?;
            // Until the server has ended it, whenever that is.
            let idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'";
            while value(&mut watcher, idle) != "0" {
                std::thread::yield_now();
            }
            new_role(conn, "late")
        })
        .expect_err("ended");
    assert!(matches!(error, Error::ConnectionLost(_)), "{error:?}");
    assert_eq!(database.read(count).expect("a count"), 5);
}

/// Which database that is, libpq knows, and the statements that name it do not.
#[test]
fn a_url_without_a_database_is_refused_by_what_has_to_name_it() {
    let Some(server) = Server::start() else { return };
    let mut admin = server.admin("postgres");
    admin.batch_execute("CREATE ROLE nameless SUPERUSER LOGIN").expect("a role");
    let url = server.url("").replacen("zenith@", "nameless@", 1);
    let backups = tempfile::tempdir().expect("a directory");
    let directory = (Key::BackupDir, backups.path().to_str().expect("UTF-8"));
    let manager = DatabaseManager::new(config(&url, &[directory]));
    let refused = manager.initialize(&administrator()).expect_err("no name").to_string();
    assert!(refused.contains("names no database"), "{refused}");
    // One that exists can be used.
    admin.batch_execute("CREATE DATABASE nameless ENCODING 'UTF8' TEMPLATE template0").expect("it");
    let _ = manager.initialize(&administrator()).expect("created");
    assert_eq!(failed(&manager.health_check()), Vec::<&str>::new());
    let backup = manager.backup().expect("a backup").path;
    let restored = manager.restore(&backup, &RestoreOptions::default(), &mut |_| ());
    let refused = restored.expect_err("no name").to_string();
    assert!(refused.contains("names no database"), "{refused}");
}

#[test]
fn what_is_in_the_way_of_a_migration_is_named() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture
        .sql("CREATE SCHEMA theirs; CREATE VIEW theirs.titles AS SELECT title FROM notifications");
    let output = run(fixture.zenith().args(["create", "--force", "--yes", "--no-backup"]), 1);
    let said = stderr(&output);
    assert!(said.contains("view theirs.titles depends on table notifications"), "{said}");
}
