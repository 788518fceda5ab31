//! The lock of a restore on a server, whose session is idle while the backup is loaded.

use std::time::Duration;

use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, RestoreOptions};

use super::{IS_LATER, backed_up};
use crate::support::Fixture;
use crate::support::own_server::{config, value};
use crate::support::server::{connect, url_of};

/// The lock of a restore to the database NAME.
const LOCK: &str = "FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND (classid::int8 << 32) | objid::int8 = hashtextextended('zenith-db restores NAME', 0::int8)";

/// A database with a backup that has one row less.
struct Loading {
    fixture: Fixture,
    url: String,
    name: String,
}

impl Loading {
    fn new() -> Option<Self> {
        let fixture = Fixture::on_a_server(Fixture::created)?;
        let (_, url) = fixture.address();
        let name = url.split('?').next().and_then(|path| path.rsplit('/').next());
        let name = name.expect("a database").to_owned();
        Some(Self { fixture, url, name })
    }

    fn ask(&self, query: &str) -> String {
        value(&mut connect(&url_of("postgres")), &query.replace("NAME", &self.name))
    }

    /// Restores with these options of a session, and runs `meanwhile` once while the backup is loaded.
    fn restore(&self, options: &str, meanwhile: impl Fn()) -> zenith_db::Result<()> {
        let backup = backed_up(&self.fixture);
        let mark = if self.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{mark}options={options}", self.url);
        let backups = self.fixture.backups();
        let settings = [(Key::BackupDir, backups.to_str().expect("UTF-8"))];
        let mut is_due = true;
        let restored = DatabaseManager::new(config(&url, &settings)).restore(
            &backup,
            &RestoreOptions::default(),
            &mut |_| {
                if is_due
                    && self.ask("SELECT count(*) FROM pg_database WHERE datname ~ '^NAME_'") == "1"
                {
                    is_due = false;
                    meanwhile();
                }
            },
        );
        assert!(!is_due, "nothing was loaded");
        restored.map(drop)
    }
}

/// A role or a database may allow no session to be idle for long.
#[test]
fn a_restore_takes_longer_than_a_session_may_be_idle() {
    let Some(loading) = Loading::new() else { return };
    let wait = || {
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(loading.ask(&format!("SELECT count(*) {LOCK}")), "1");
    };
    loading.restore("-cidle_session_timeout%3D2s", wait).expect("a restore");
    assert_eq!(loading.fixture.text(IS_LATER), "0");
}

/// Another process may have the lock since, and have restored something else.
#[test]
fn a_restore_that_has_lost_its_lock_leaves_the_database_as_it_was() {
    let Some(loading) = Loading::new() else { return };
    let end = || {
        let end = format!("SELECT bool_and(pg_terminate_backend(pid, 10000)) {LOCK}");
        let ended = loading.ask(&end);
        assert_eq!(ended, "true");
    };
    let error = loading.restore("", end).expect_err("no lock");
    assert!(matches!(error, zenith_db::Error::ConnectionLost(_)), "{error:?}");
    assert_eq!(loading.fixture.text(IS_LATER), "1");
    assert_eq!(loading.ask("SELECT count(*) FROM pg_database WHERE datname ~ '^NAME'"), "1");
}
