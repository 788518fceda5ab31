//! Restoring on a server: into a new database, which takes the name of the one that it replaces.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use rustix::process::{Pid, Signal, kill_process};
use zenith_db::config::{Config, Key};
use zenith_db::manager::{DatabaseManager, RestoreOptions, RestoreReport, RollbackTarget};
use zenith_db::types::Sha256Hash;
use zenith_db::{BackupFault, Error, Result};

use super::{IS_LATER, backed_up, filled};
use crate::support::own_server::{config, value};
use crate::support::server::{OwnDatabase, connect, url_of};
use crate::support::{Fixture, failed, files_in, rows, run, stderr, stdout};

fn restore(manager: &DatabaseManager, path: &Path) -> Result<RestoreReport> {
    manager.restore(path, &RestoreOptions::default(), &mut |_| ())
}

fn prepared() -> Option<(Fixture, PathBuf)> {
    let fixture = filled(Fixture::on_a_server(Fixture::created)?);
    let backup = backed_up(&fixture);
    Some((fixture, backup))
}

fn name_of(fixture: &Fixture) -> String {
    let (_, url) = fixture.address();
    let path = url.split('?').next().expect("a URL");
    path.rsplit('/').next().expect("a database").to_owned()
}

/// Number of databases whose names begin with that of the fixture's.
fn databases(fixture: &Fixture) -> String {
    let query =
        format!("SELECT count(*) FROM pg_database WHERE datname ~ '^{}(_|$)'", name_of(fixture));
    value(&mut connect(&url_of("postgres")), &query)
}

/// The configuration of a database with the backup directory of the fixture.
fn at(fixture: &Fixture, url: &str) -> Config {
    let backups = fixture.backups();
    config(url, &[(Key::BackupDir, backups.to_str().expect("UTF-8"))])
}

#[test]
fn every_row_is_back_and_the_existing_database_is_kept_whole() {
    let Some((fixture, backup)) = prepared() else { return };
    let name = name_of(&fixture);
    let mut server = connect(&url_of("postgres"));
    let properties = format!(
        "ALTER DATABASE {name} SET work_mem = '5MB'; ALTER DATABASE {name} SET search_path = \"$user\", public;
         COMMENT ON DATABASE {name} IS 'it''s'; GRANT CREATE ON DATABASE {name} TO pg_monitor;
         REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC; ALTER DATABASE {name} CONNECTION LIMIT 50"
    );
    server.batch_execute(&properties).expect("properties");
    let shown = |name: &str| {
        let query = format!(
            "SELECT concat_ws('|', (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) AS a), datconnlimit, datcollate, datctype, datdba::regrole, datlocprovider,
                shobj_description(oid, 'pg_database'), (SELECT array_agg(s ORDER BY s) FROM pg_db_role_setting,
                unnest(setconfig) AS s WHERE setdatabase = d.oid)) FROM pg_database AS d WHERE datname = '{name}'"
        );
        value(&mut connect(&url_of("postgres")), &query)
    };
    let before = shown(&name);
    for expected in ["work_mem=5MB", "it's", "pg_monitor=C", "|50|"] {
        assert!(before.contains(expected), "{before}");
    }
    let contents = rows::contents(&mut fixture.raw());
    let report = restore(&fixture.manager(), &backup).expect("a restore");
    assert!(report.health.healthy, "{:?}", report.health);
    assert_eq!(fixture.text(IS_LATER), "0");
    let kept = report.renamed_to.expect("the existing database");
    let manager = DatabaseManager::new(at(&fixture, &url_of(&kept)));
    assert!(rows::contents(&mut connect_to(&kept)) == contents, "what was there is kept");
    assert!(manager.health_check().healthy);
    assert_eq!(shown(&name), before);
    let mut after = rows::contents(&mut fixture.raw());
    let mut contents = contents;
    for table in ["backup_jobs", "system_settings"] {
        assert_ne!(contents.remove(table), after.remove(table), "{table}: since the backup");
    }
    assert!(after == contents);
    assert_eq!(databases(&fixture), "2");
}

/// What one sets to stop those who write.
#[test]
fn a_database_that_refuses_writes_is_restored_and_refuses_them_again() {
    let Some((fixture, backup)) = prepared() else { return };
    let name = name_of(&fixture);
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    connect(&url_of("postgres")).batch_execute(&read_only).expect("a setting");
    let report = restore(&fixture.manager(), &backup).expect("a restore");
    assert!(report.health.healthy, "{:?}", report.health);
    assert_eq!(fixture.text(IS_LATER), "0");
    assert_eq!(fixture.text("SELECT current_setting('default_transaction_read_only')"), "on");
    fixture.manager().drill(&mut |_| ()).expect("a drill");
}

fn connect_to(database: &str) -> zenith_db::DbConnection {
    zenith_db::DbConnection::Postgres(connect(&url_of(database)))
}

#[test]
fn a_new_and_an_empty_database_are_filled_by_the_command() {
    let Some((fixture, backup)) = prepared() else { return };
    let (missing, empty) = (OwnDatabase::missing(), OwnDatabase::empty());
    for target in [&missing, &empty] {
        let mut command = fixture.zenith();
        let said =
            stdout(&run(command.arg("restore").arg(&backup).args(["--to", &target.url()]), 0));
        assert!(said.contains("healthy") && !said.contains("replaced"), "{said}");
        let copy = rows::contents(&mut target.connect());
        assert_eq!(
            copy["system_settings"].len() + 1,
            rows::contents(&mut fixture.raw())["system_settings"].len()
        );
    }
    let again = run(fixture.zenith().arg("restore").arg(&backup).args(["--to", &empty.url()]), 2);
    assert!(stderr(&again).contains("exists"), "{}", stderr(&again));
}

#[test]
fn an_older_backup_is_migrated_and_one_of_a_newer_program_is_refused() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let manager = fixture.manager();
    manager.rollback(&RollbackTarget::Steps(2)).expect("an older schema");
    let backup = manager.backup().expect("a backup").path;
    manager.migrate().expect("a migration");
    let report = restore(&manager, &backup).expect("a restore");
    assert_eq!((report.migrations.len(), report.health.healthy), (2, true));
    fixture.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('99999999999999')");
    let newer = manager.backup().expect("a backup").path;
    fixture.sql("DELETE FROM __diesel_schema_migrations WHERE version = '99999999999999'");
    let before = databases(&fixture);
    let error = restore(&manager, &newer).expect_err("a newer program's");
    assert!(matches!(error, Error::Backup(BackupFault::Newer { .. })), "{error}");
    assert_eq!(databases(&fixture), before);
}

#[test]
fn a_database_in_use_and_that_of_another_program_are_not_replaced() {
    let Some((fixture, backup)) = prepared() else { return };
    let manager = fixture.manager();
    let mut application = fixture.raw();
    application.batch_execute("SET application_name = 'chat'").expect("a name");
    let error = restore(&manager, &backup).expect_err("in use");
    assert!(matches!(error, Error::Locked { .. }) && error.to_string().contains("chat"), "{error}");
    drop(application);
    fixture.sql("CREATE TABLE theirs (id int); DROP TABLE __diesel_schema_migrations");
    let error = restore(&manager, &backup).expect_err("another program's").to_string();
    assert!(error.contains("--to"), "{error}");
    assert_eq!((databases(&fixture).as_str(), fixture.text(IS_LATER).as_str()), ("1", "1"));
}

#[test]
fn a_damaged_archive_and_one_that_cannot_be_loaded_leave_everything_as_it_was() {
    let Some((fixture, backup)) = prepared() else { return };
    let manager = fixture.manager();
    let before = rows::contents(&mut fixture.raw());
    let bytes = std::fs::read(&backup).expect("the archive");
    let damaged = fixture.backups().join("damaged.dump");
    std::fs::write(&damaged, &bytes[..bytes.len() / 2]).expect("a file");
    let error = restore(&manager, &damaged).expect_err("damaged");
    assert!(matches!(error, Error::Backup(BackupFault::Damaged { .. })), "{error}");
    // Its rows break a rule, so that the server refuses them.
    fixture.sql("ALTER TABLE roles ADD COLUMN odd int CHECK (odd > 0)");
    fixture.sql("ALTER TABLE roles DROP CONSTRAINT roles_odd_check");
    fixture.sql("UPDATE roles SET odd = 0; ALTER TABLE roles ADD CHECK (odd > 0) NOT VALID");
    let refused = manager.backup().expect("a backup").path;
    fixture.sql("ALTER TABLE roles DROP COLUMN odd");
    let files = files_in(&fixture.backups());
    let error = restore(&manager, &refused).expect_err("refused by the server");
    assert!(matches!(error, Error::Program(_) | Error::Backup(_)), "{error:?}");
    assert_eq!((databases(&fixture), files_in(&fixture.backups())), ("1".into(), files));
    let mut after = rows::contents(&mut fixture.raw());
    let mut before = before;
    for table in ["backup_jobs", "roles"] {
        assert_ne!(before.remove(table), after.remove(table), "{table}: changed by this test");
    }
    assert!(after == before);
}

#[test]
fn a_user_without_the_right_to_create_databases_fills_an_empty_one() {
    let Some((fixture, backup)) = prepared() else { return };
    let (empty, user) = (OwnDatabase::empty(), format!("{}_user", name_of(&fixture)));
    let mut server = connect(&url_of("postgres"));
    let roles =
        format!("CREATE ROLE {user} LOGIN; GRANT CREATE ON DATABASE {} TO {user}", empty.name);
    server.batch_execute(&roles).expect("a role");
    connect(&empty.url())
        .batch_execute(&format!("GRANT ALL ON SCHEMA public TO {user}"))
        .expect("a grant");
    let url = |database: &str| {
        let (before, after) = url_of(database)
            .split_once("://")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .expect("a URL");
        format!(
            "{before}://{user}@{}",
            after.rsplit_once('@').map_or(after.as_str(), |(_, host)| host)
        )
    };
    let report = restore(&DatabaseManager::new(at(&fixture, &url(&empty.name))), &backup);
    // The tables belong to the user, because those of the backup may not be given away.
    let owners =
        "SELECT string_agg(DISTINCT tableowner, ',') FROM pg_tables WHERE schemaname = 'public'";
    let owners = value(&mut connect(&empty.url()), owners);
    let again = restore(&DatabaseManager::new(at(&fixture, &url(&empty.name))), &backup);
    connect(&empty.url()).batch_execute(&format!("DROP OWNED BY {user}")).expect("it");
    server.batch_execute(&format!("DROP OWNED BY {user}; DROP ROLE {user}")).expect("it");
    assert!(report.expect("a restore").health.healthy);
    assert_eq!(owners, user);
    let error = again.expect_err("no right to create databases").to_string();
    assert!(error.contains("CREATEDB") && error.contains("--to"), "{error}");
}

#[test]
fn what_a_killed_restore_left_is_dropped_and_what_another_uses_or_made_stays() {
    let Some((fixture, backup)) = prepared() else { return };
    let name = name_of(&fixture);
    let mut server = connect(&url_of("postgres"));
    // The end of the name proves whose it is.
    let own = |random: &str| {
        let text = format!("temporary database of zenith-db\0{name}\0{random}");
        format!("{name}_restoring_{random}{}", &Sha256Hash::of(text).to_string()[..8])
    };
    let (left, used) = (own("0123456a"), own("0123456b"));
    let theirs = format!("{name}_restoring_0123456c00000000");
    for database in [&left, &used, &theirs] {
        server.batch_execute(&format!("CREATE DATABASE {database}")).expect("a database");
    }
    let other = connect(&url_of(&used));
    restore(&fixture.manager(), &backup).expect("a restore");
    let there = |database: &str| {
        let query = format!("SELECT count(*) FROM pg_database WHERE datname = '{database}'");
        value(&mut connect(&url_of("postgres")), &query) == "1"
    };
    assert_eq!((there(&left), there(&used), there(&theirs)), (false, true, true));
    drop(other);
}

#[test]
fn a_drill_restores_to_a_temporary_database_and_the_health_check_knows() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let manager = fixture.manager();
    let backup = manager.backup().expect("a backup").path;
    let report = manager.drill(&mut |_| ()).expect("a drill");
    assert_eq!((report.backup.path, databases(&fixture).as_str()), (backup.clone(), "1"));
    assert_eq!(failed(&manager.deep_health_check(&mut |_| ())), Vec::<&str>::new());
    let mut bytes = std::fs::read(&backup).expect("the archive");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&backup, bytes).expect("damage");
    manager.drill(&mut |_| ()).expect_err("damage");
    assert_eq!(failed(&manager.deep_health_check(&mut |_| ())), ["Recent Drill"]);
}

#[test]
fn a_killed_restore_leaves_the_old_or_the_new_database_and_the_next_one_succeeds() {
    const ROUNDS: u32 = 6;

    let Some((fixture, backup)) = prepared() else { return };
    let start = |fixture: &Fixture| {
        let mut command = fixture.zenith();
        command.args(["restore", "--yes"]).arg(&backup);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
    };
    let begun = Instant::now();
    assert!(start(&fixture).wait().expect("it ends").success());
    let whole = begun.elapsed();
    let mut early = 0;
    for round in 0..ROUNDS {
        fixture.raw().batch_execute(super::LATER).expect("a later row");
        let mut child = start(&fixture);
        std::thread::sleep(whole * round / ROUNDS);
        let signal = if round % 2 == 0 { Signal::KILL } else { Signal::TERM };
        kill_process(Pid::from_child(&child), signal).expect("not waited for yet");
        early += u32::from(!child.wait().expect("it ends").success());
        assert!(fixture.manager().health_check().healthy, "{signal:?} in round {round}");
        // The server notices the end of its clients.
        while restore(&fixture.manager(), &backup)
            .is_err_and(|error| matches!(error, Error::Locked { .. }))
        {}
        assert!(fixture.manager().health_check().healthy, "{signal:?} in round {round}");
        assert_eq!(fixture.text(IS_LATER), "0");
    }
    assert!(early > 0, "no run was met");
    let mut server = connect(&url_of("postgres"));
    let name = name_of(&fixture);
    // It waits for what the server still creates for a client that was killed.
    let _ = restore(&fixture.manager(), &backup).expect("the last one");
    let temporary = format!("SELECT count(*) FROM pg_database WHERE datname ~ '^{name}_restoring'");
    assert_eq!(value(&mut server, &temporary), "0");
}

/// The other one says so, or comes later.
#[test]
fn of_restores_that_begin_together_one_succeeds() {
    let Some((fixture, backup)) = prepared() else { return };
    let start = || {
        let mut command = fixture.zenith();
        command.args(["restore", "--yes", "-q"]).arg(&backup);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let ended = [start(), start()].map(|child| child.wait_with_output().expect("it ends"));
    let failed: Vec<_> = ended.iter().filter(|output| !output.status.success()).collect();
    assert!(failed.len() < 2, "{ended:?}");
    for output in failed {
        assert!(stderr(output).contains("another restore"), "{}", stderr(output));
    }
    assert_eq!(fixture.text(IS_LATER), "0");
    assert!(fixture.manager().health_check().healthy);
}
