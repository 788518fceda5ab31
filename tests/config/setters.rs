//! Settings that a program sets itself: in force, shown with their source, and checked as text is.

use std::time::Duration;

use zenith_db::Config;
use zenith_db::config::{Key, Loader, Synchronous};

fn shown(config: &Config, key: Key) -> (String, String) {
    let setting = config.settings().iter().find(|setting| setting.name == key.name());
    let setting = setting.expect("the setting");
    (setting.value.clone().expect("a value"), setting.source.to_string())
}

#[test]
fn what_a_program_sets_is_in_force_and_shown_with_its_source() {
    let config = Loader::new()
        .flag(Key::Path, "--path", "zenith.db")
        .flag(Key::MaxConnections, "--max-connections", "7")
        .load()
        .expect("a configuration")
        .with_max_connections(3)
        .and_then(|config| config.with_pool_timeout(Duration::from_millis(1_500)))
        .and_then(|config| config.with_busy_timeout(Duration::ZERO))
        .expect("valid settings")
        .with_auto_backup(false)
        .with_synchronous(Synchronous::Normal);
    assert_eq!(config.max_connections(), 3);
    assert_eq!(config.pool_timeout(), Duration::from_millis(1_500));
    assert_eq!(config.server().connect_timeout, Duration::from_millis(1_500));
    assert_eq!(config.sqlite().busy_timeout, Duration::ZERO);
    assert_eq!(config.server().lock_timeout, Duration::ZERO);
    assert!(!config.auto_backup());
    assert_eq!(config.sqlite().synchronous, Synchronous::Normal);
    let expected = [
        (Key::MaxConnections, "3", "from Config::with_max_connections"),
        (Key::PoolTimeout, "1500", "from Config::with_pool_timeout"),
        (Key::BusyTimeout, "0", "from Config::with_busy_timeout"),
        (Key::AutoBackup, "false", "from Config::with_auto_backup"),
        (Key::Synchronous, "normal", "from Config::with_synchronous"),
    ];
    for (key, value, source) in expected {
        assert_eq!(shown(&config, key), (value.to_owned(), source.to_owned()));
    }
}

#[test]
fn what_a_text_may_not_say_a_program_may_not_either() {
    let config = || Config::for_path("zenith.db").expect("a configuration");
    for limit in [0, 1_001, u32::MAX] {
        let refused = config().with_max_connections(limit).expect_err("refused").to_string();
        let named =
            format!("DATABASE_MAX_CONNECTIONS=\"{limit}\" (from Config::with_max_connections)");
        assert!(refused.starts_with(&named), "{refused}");
    }
    let hour = Duration::from_secs(3_600);
    for timeout in
        [Duration::ZERO, Duration::from_micros(999), hour + Duration::from_millis(1), Duration::MAX]
    {
        assert!(config().with_pool_timeout(timeout).is_err(), "{timeout:?}");
    }
    assert!(config().with_pool_timeout(hour).is_ok());
    assert!(config().with_busy_timeout(hour).is_ok());
    assert!(config().with_busy_timeout(Duration::MAX).is_err());
}

#[cfg(feature = "postgres")]
#[test]
fn one_connection_does_not_serve_a_replica_too() {
    let config = Loader::new()
        .flag(Key::Url, "url", "postgres://a@b/c")
        .flag(Key::ReplicaUrl, "url", "postgres://a@d/c")
        .load()
        .expect("a configuration");
    let refused = config.with_max_connections(1).expect_err("refused").to_string();
    assert!(refused.contains("the primary and the replica"), "{refused}");
}
