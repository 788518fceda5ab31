//! A connection that is lost in a run of migrations: what became of the run is found out and recorded.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use tempfile::TempDir;
use zenith_db::config::Key;
use zenith_db::manager::DatabaseManager;
use zenith_db::migrations::latest;
use zenith_db::{Error, MigrationFault};

use crate::support::administrator;
use crate::support::own_migrations::{migration, migrations};
use crate::support::own_server::{ENCODED_PASSWORD, Server, config, value};
use crate::support::proxy::{Break, Proxy};

/// A finished database, and a manager that reaches it through a network, with one more migration.
struct Setting {
    server: Server,
    proxy: Proxy,
    directory: TempDir,
}

impl Setting {
    fn new() -> Option<Self> {
        let server = Server::start()?;
        let setting = Self {
            proxy: Proxy::before(server.port),
            server,
            directory: tempfile::tempdir().expect("a directory"),
        };
        let _ = setting.manager().initialize(&administrator()).expect("created");
        Some(setting)
    }

    fn manager(&self) -> DatabaseManager {
        DatabaseManager::new(self.config("10000"))
    }

    fn config(&self, timeout: &str) -> zenith_db::Config {
        let user = format!("zenith:{ENCODED_PASSWORD}");
        let url = self.server.tcp_url(&user);
        let url = url.replace(&self.server.port.to_string(), &self.proxy.port.to_string());
        let backups = self.directory.path().to_str().expect("UTF-8");
        config(&url, &[(Key::BackupDir, backups), (Key::PoolTimeout, timeout)])
    }

    fn with_another_migration(&self, timeout: &str) -> DatabaseManager {
        let own = migration("CREATE TABLE another (id BIGINT)", "DROP TABLE another");
        DatabaseManager::with(self.config(timeout), migrations(&[own], &[]))
    }

    fn is_migrated(&self) -> bool {
        is_migrated(&self.server)
    }

    fn backups(&self) -> usize {
        std::fs::read_dir(self.directory.path()).expect("backups").count()
    }

    /// What its own records say of the run that failed.
    fn assert_recorded(&self, error: &Error) {
        let Error::Migration(MigrationFault::RolledBack { backup, source, .. }) = error else {
            panic!("{error}")
        };
        // The server may still recover.
        await_that(|| self.manager().status().is_ok());
        let status = self.manager().status().expect("a status");
        assert_eq!(status.schema_version, Some(latest()));
        let failed = status.failed_migration.expect("a record");
        assert_eq!(failed.attempts, 1);
        assert!(failed.error.contains("the connection to the server was lost"), "{failed:?}");
        assert!(failed.error.contains(backup.to_str().expect("UTF-8")), "{failed:?}");
        let recorded = self.manager().last_backup().expect("a look").expect("a backup");
        assert_eq!(recorded.backup_path.as_deref().map(Path::new), Some(&**backup));
        assert!(!self.is_migrated(), "{source}");
    }
}

fn is_migrated(server: &Server) -> bool {
    let there = "SELECT to_regclass('another') IS NOT NULL";
    value(&mut server.admin("zenith"), there) == "true"
}

fn await_that(condition: impl Fn() -> bool) {
    assert!((0..3_000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        condition()
    }));
}

#[test]
fn a_commit_that_took_place_is_a_success_though_its_answer_was_lost() {
    let Some(setting) = Setting::new() else { return };
    let manager = setting.with_another_migration("10000");
    setting.proxy.arm(Break::BeforeItIsAnswered);
    let report = manager.migrate().expect("it took place");
    assert!(setting.proxy.broke() && setting.is_migrated());
    assert_eq!(report.steps.len(), 1);
    assert_eq!(report.version.as_deref(), Some("20990101000001"));
    let status = manager.status().expect("a status");
    assert_eq!(status.failed_migration, None);
    let backup = report.backup.expect("a backup");
    assert_eq!(status.last_backup.expect("its record").path, backup.path);
    assert!(manager.health_check().healthy);
}

#[test]
fn a_commit_that_never_arrived_is_a_failure_and_recorded_as_one() {
    let Some(setting) = Setting::new() else { return };
    setting.proxy.arm(Break::BeforeItArrives);
    let error = setting.with_another_migration("10000").migrate().expect_err("it did not");
    assert!(setting.proxy.broke());
    setting.assert_recorded(&error);
}

#[test]
fn of_a_commit_that_nobody_can_be_asked_about_nothing_is_claimed() {
    let Some(setting) = Setting::new() else { return };
    let before = setting.backups();
    setting.proxy.arm(Break::WithAll);
    let error = setting.with_another_migration("500").migrate().expect_err("not known");
    assert!(matches!(error, Error::CommitUnknown(_)), "{error}");
    // The backup and its manifest.
    assert_eq!(setting.backups(), before + 2);
    // The server knows, and so does the next run.
    assert!(setting.is_migrated());
}

/// Runs into the end of the server, and goes on with its replica.
fn with_a_replica_that_takes_over(setting: &Setting, has_it: bool) -> Result<(), Error> {
    let replica = setting.server.replica();
    if !has_it {
        let deaf = "ALTER SYSTEM SET primary_conninfo = ''";
        replica.admin("zenith").batch_execute(deaf).expect("a setting");
        replica.admin("zenith").batch_execute("SELECT pg_reload_conf()").expect("reloaded");
        let heard = "SELECT count(*) FROM pg_stat_wal_receiver";
        await_that(|| value(&mut replica.admin("zenith"), heard) == "0");
    }
    setting.proxy.arm(Break::WithAll);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| setting.with_another_migration("20000").migrate());
        await_that(|| setting.proxy.broke() && is_migrated(&replica) == has_it);
        replica.promote();
        setting.proxy.redirect(replica.port);
        let result = run.join().expect("no panic").map(drop);
        assert_eq!(is_migrated(&replica), has_it);
        result
    })
}

#[test]
fn what_took_place_is_what_the_server_has_that_took_the_place_of_another() {
    let Some(setting) = Setting::new() else { return };
    with_a_replica_that_takes_over(&setting, true).expect("the replica has it");
    let Some(setting) = Setting::new() else { return };
    let error = with_a_replica_that_takes_over(&setting, false).expect_err("the replica has not");
    let Error::Migration(MigrationFault::RolledBack { source, .. }) = &error else {
        panic!("{error}")
    };
    assert!(matches!(**source, Error::ConnectionLost(_)), "{source}");
}

#[test]
fn of_a_commit_upon_which_another_run_followed_nothing_is_claimed() {
    let Some(setting) = Setting::new() else { return };
    setting.proxy.arm(Break::WithAll);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| setting.with_another_migration("20000").migrate());
        await_that(|| setting.proxy.broke() && setting.is_migrated());
        let another = "COMMENT ON TABLE __diesel_schema_migrations IS 'another run'";
        setting.server.admin("zenith").batch_execute(another).expect("a comment");
        setting.proxy.redirect(setting.server.port);
        let error = run.join().expect("no panic").expect_err("not known");
        assert!(matches!(error, Error::CommitUnknown(_)), "{error}");
    });
    let failed = || setting.manager().status().expect("a status").failed_migration;
    assert!(failed().expect("a record").error.contains("whose outcome is unknown"));
    // The next run finds nothing to do, and so it did take place.
    let report = setting.with_another_migration("10000").migrate().expect("nothing to do");
    assert_eq!((report.steps.len(), failed()), (0, None));
}

/// The session there has the locks, and would have them until the server asked whether anybody is left.
#[test]
fn a_session_that_the_server_takes_to_be_alive_is_ended() {
    let Some(setting) = Setting::new() else { return };
    setting.proxy.arm(Break::UnknownToTheServer);
    let error = setting.with_another_migration("10000").migrate().expect_err("it did not");
    assert!(setting.proxy.broke());
    setting.assert_recorded(&error);
}

#[test]
fn a_run_without_a_step_that_is_not_answered_is_looked_up_as_well() {
    let Some(setting) = Setting::new() else { return };
    for missing in [false, true] {
        if missing {
            // Then there is a row to write.
            let forget = format!("DELETE FROM schema_version WHERE version = {}", latest());
            setting.server.admin("zenith").batch_execute(&forget).expect("forgotten");
        }
        setting.proxy.arm(Break::BeforeItIsAnswered);
        let report = setting.manager().migrate().expect("it took place, or did nothing");
        assert!(setting.proxy.broke() && report.steps.is_empty());
        assert_eq!(setting.manager().status().expect("a status").history_faults, []);
    }
}

#[test]
fn a_run_that_dies_with_the_server_is_recorded_when_the_server_is_back() {
    let Some(setting) = Setting::new() else { return };
    let mut other = setting.server.admin("zenith");
    other.batch_execute("BEGIN; CREATE TABLE another (id BIGINT)").expect("in the way");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| setting.with_another_migration("10000").migrate());
        let waiting = "SELECT min(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        let mut watcher = setting.server.admin("zenith");
        let mut pid = value(&mut watcher, waiting);
        while pid == "NULL" {
            std::thread::sleep(Duration::from_millis(10));
            pid = value(&mut watcher, waiting);
        }
        // A session that dies like this takes all others with it, and the server recovers.
        let killed = std::process::Command::new("kill").args(["-9", &pid]).status();
        assert!(killed.expect("kill starts").success());
        let error = run.join().expect("no panic").expect_err("killed");
        setting.assert_recorded(&error);
    });
}
