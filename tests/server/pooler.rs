//! Behind a pooler that hands a connection on after each transaction, nothing is left in it.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::Error;
use zenith_db::config::Key;
use zenith_db::manager::DatabaseManager;
use zenith_db::prelude::*;

use crate::support::administrator;
use crate::support::own_server::{Pooler, Server, config, value};

const POOLED: (Key, &str) = (Key::TransactionPooler, "true");

fn start() -> Option<(Server, Pooler)> {
    let server = Server::start()?;
    let manager = DatabaseManager::new(server.config(&[]));
    let _ = manager.initialize(&administrator()).expect("created");
    let pooler = Pooler::before(&server)?;
    Some((server, pooler))
}

#[test]
fn many_clients_share_two_connections_and_leave_nothing_in_them() {
    let Some((server, pooler)) = start() else { return };
    let limits = [POOLED, (Key::StatementTimeout, "7777")];
    let database = Database::open(&config(&pooler.url(), &limits)).expect("a pool");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let database = &database;
            scope.spawn(move || {
                for n in 0..10 {
                    let name = format!("role-{thread}-{n}");
                    let new = NewRole::builder().name(&name).build();
                    let id = database.write(|conn| new.insert(conn)).expect("a role").id;
                    let found = database.read(|conn| Role::find_by_name(conn, &name));
                    assert_eq!(found.expect("a look").expect("a role").id, id);
                }
            });
        }
    });
    let used = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'zenith'
                AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
    assert_eq!(value(&mut server.admin("postgres"), used), "2");

    let mut other = PgConnection::establish(&pooler.url()).expect("another client");
    for _ in 0..4 {
        let left = "SELECT current_setting('default_transaction_read_only') || ' '
                        || current_setting('statement_timeout')";
        assert_eq!(value(&mut other, left), "off 0");
    }
}

#[test]
fn reading_refuses_to_write_there_too_and_limits_hold() {
    let Some((_server, pooler)) = start() else { return };
    let limits = [POOLED, (Key::StatementTimeout, "200")];
    let database = Database::open(&config(&pooler.url(), &limits)).expect("a pool");
    let new = |conn: &mut DbConnection| {
        Ok(conn.batch_execute("INSERT INTO roles (name) VALUES ('new')")?)
    };
    let error = database.read(new).expect_err("a write");
    assert!(matches!(error, Error::WriteRefused(_)), "{error:?}");
    database.write(|conn| new(conn)).expect("a role");
    let sleep = |conn: &mut DbConnection| Ok(conn.batch_execute("SELECT pg_sleep(60)")?);
    for error in
        [database.read(sleep), database.write(|conn| sleep(conn))].map(|r| r.expect_err("slow"))
    {
        assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
    }
}

#[test]
fn operators_work_through_it_but_for_backups_which_would_leave_settings_behind() {
    let Some((server, pooler)) = start() else { return };
    let backups = tempfile::tempdir().expect("a directory");
    let directory = (Key::BackupDir, backups.path().to_str().expect("UTF-8"));
    let settings = [POOLED, directory, (Key::AutoBackup, "false")];
    let manager = DatabaseManager::new(config(&pooler.url(), &settings));
    let steps = zenith_db::manager::RollbackTarget::Steps(1);
    assert_eq!(manager.rollback(&steps).expect("back").steps.len(), 1);
    assert_eq!(manager.migrate().expect("and forth").steps.len(), 1);
    assert!(manager.health_check().healthy);
    assert_eq!(manager.status().expect("a look").table_count, 21);
    let error = manager.backup().expect_err("a backup").to_string();
    assert!(error.contains("DATABASE_TRANSACTION_POOLER"), "{error}");
    assert_eq!(std::fs::read_dir(backups.path()).expect("a directory").count(), 0);
    drop(server);
}

/// A session of a pooler has no settings of ours.
#[test]
fn migrations_wait_for_a_table_as_long_as_is_configured_there_too() {
    let Some((server, pooler)) = start() else { return };
    let settings = [POOLED, (Key::AutoBackup, "false"), (Key::BusyTimeout, "150")];
    let manager = DatabaseManager::new(config(&pooler.url(), &settings));
    let mut other = server.admin("zenith");
    other.batch_execute("BEGIN; LOCK TABLE notifications IN EXCLUSIVE MODE").expect("a lock");
    // Within the time that the statements of a pool have at most, in which the default of five seconds would be over.
    let refused = manager.rollback(&zenith_db::manager::RollbackTarget::Steps(1));
    let error = format!("{:?}", refused.expect_err("it is locked"));
    assert!(error.contains("DATABASE_BUSY_TIMEOUT_MS"), "{error}");
    other.batch_execute("COMMIT").expect("the end");
    let asked =
        "SELECT string_agg(DISTINCT setting, ' ') FROM pg_settings WHERE name = 'lock_timeout'";
    assert_eq!(value(&mut server.admin("zenith"), asked), "0");
}

/// Each transaction may be on another connection of the pooler.
#[test]
fn what_another_client_has_left_at_one_connection_of_two_changes_nothing_elsewhere() {
    let Some(server) = Server::start() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let backups = (Key::BackupDir, directory.path().to_str().expect("UTF-8"));
    for schema in [&[backups][..], &[backups, (Key::Schema, "b")]] {
        let manager = DatabaseManager::new(server.config(schema));
        let _ = manager.initialize(&administrator()).expect("created");
    }
    let Some(pooler) = Pooler::with(&server, "server_round_robin = 1\n") else { return };
    let mut clients =
        [0, 1].map(|_| PgConnection::establish(&pooler.url()).expect("another client"));
    for client in &mut clients {
        client.batch_execute("BEGIN; SELECT 1").expect("a transaction");
    }
    clients[0].batch_execute("SET search_path = b").expect("a setting");
    for client in &mut clients {
        client.batch_execute("COMMIT").expect("the end");
    }
    let settings = [backups, (Key::TransactionPooler, "true")];
    let manager = DatabaseManager::new(config(&pooler.url(), &settings));
    let mut done = 0;
    for round in 0..12 {
        // So that the commands begin on either connection.
        for client in clients.iter_mut().take(usize::from(round % 3 == 0)) {
            client.batch_execute("SELECT 1").expect("a query");
        }
        match manager.reset_password("admin", None, |_, _| Ok(())) {
            Ok(_) => done += 1,
            Err(error) => {
                assert!(error.to_string().contains("another search_path"), "{error}");
            }
        }
    }
    let mut admin = server.admin("zenith");
    let resets = |schema: &str| {
        format!("SELECT count(*) FROM {schema}.audit_log WHERE action = 'reset_password'")
    };
    assert!(done > 0);
    assert_eq!(value(&mut admin, &resets("public")), done.to_string());
    assert_eq!(value(&mut admin, &resets("b")), "0");
}

/// What runs outside of a transaction looks at every schema of the `search_path`.
#[test]
fn in_no_schema_of_the_search_path_stands_anything_for_a_function_of_postgresql() {
    let Some((server, pooler)) = start() else { return };
    let planted = "CREATE SCHEMA beside; CREATE ROLE planter; GRANT USAGE, CREATE ON SCHEMA beside TO planter;
        ALTER ROLE zenith SET search_path = public, beside; SET ROLE planter;
        CREATE FUNCTION beside.replace(text, int) RETURNS text LANGUAGE sql AS 'SELECT $1'";
    server.admin("zenith").batch_execute(planted).expect(planted);
    let refused = DatabaseManager::new(config(&pooler.url(), &[POOLED])).status();
    let refused = refused.expect_err("refused").to_string();
    assert!(refused.contains("DROP ROUTINE beside.replace(text,integer)"), "{refused}");
    // A connection of its own looks at one schema only.
    let _ = DatabaseManager::new(server.config(&[])).status().expect("a status");
}
