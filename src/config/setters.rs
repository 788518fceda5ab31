//! Settings that a program sets itself.

use std::fmt::Display;
use std::time::Duration;

use super::config::Config;
use super::error::ConfigError;
use super::setting::{Key, Source};
use super::value::{self, Synchronous};

/// Settings of a program, which take precedence over those of flags, the environment and `.env`.
///
/// ```
/// use std::time::Duration;
/// use zenith_db::Config;
///
/// let config = Config::for_path("zenith.db")?
///     .with_max_connections(4)?
///     .with_pool_timeout(Duration::from_secs(2))?
///     .with_auto_backup(false);
/// assert_eq!(config.max_connections(), 4);
/// assert!(config.with_max_connections(0).is_err());
/// # Ok::<(), zenith_db::config::ConfigError>(())
/// ```
impl Config {
    /// Returns this configuration with at most this many connections in a pool, 1 to 1,000; with a replica, at least 2.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for another number.
    pub fn with_max_connections(self, limit: u32) -> Result<Self, ConfigError> {
        let (key, by) = (Key::MaxConnections, "Config::with_max_connections");
        let limit = checked(key, by, limit, value::connections)?;
        #[cfg(feature = "postgres")]
        if limit < 2 && self.server.replica.is_some() {
            let reason =
                "one connection cannot serve the primary and the replica; allow two".to_owned();
            return Err(invalid(key, by, limit, reason));
        }
        Ok(Self { max_connections: limit, ..self.noting(key, by, limit) })
    }

    /// Returns this configuration with this longest wait for a free connection of the pool, from a millisecond to an
    /// hour, in whole milliseconds. It also limits the time to connect to a server.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for another duration.
    pub fn with_pool_timeout(self, timeout: Duration) -> Result<Self, ConfigError> {
        let (key, by) = (Key::PoolTimeout, "Config::with_pool_timeout");
        let pool_timeout =
            checked(key, by, timeout.as_millis(), |text| value::milliseconds(text, 1..=HOUR))?;
        let mut config = Self { pool_timeout, ..self.noting(key, by, pool_timeout.as_millis()) };
        config.server.connect_timeout = pool_timeout;
        Ok(config)
    }

    /// Returns this configuration with this longest wait of a statement for a lock, up to an hour, in whole milliseconds.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for a longer one.
    pub fn with_busy_timeout(self, timeout: Duration) -> Result<Self, ConfigError> {
        let (key, by) = (Key::BusyTimeout, "Config::with_busy_timeout");
        let timeout =
            checked(key, by, timeout.as_millis(), |text| value::milliseconds(text, 0..=HOUR))?;
        let mut config = self.noting(key, by, timeout.as_millis());
        (config.sqlite.busy_timeout, config.server.lock_timeout) = (timeout, timeout);
        Ok(config)
    }

    /// Returns this configuration with or without backups before changes: see [`Config::auto_backup`].
    #[must_use]
    pub fn with_auto_backup(self, auto_backup: bool) -> Self {
        Self {
            auto_backup,
            ..self.noting(Key::AutoBackup, "Config::with_auto_backup", auto_backup)
        }
    }

    /// Returns this configuration with this way to synchronise the disk on SQLite.
    #[must_use]
    pub fn with_synchronous(self, synchronous: Synchronous) -> Self {
        let by = "Config::with_synchronous";
        let mut config = self.noting(Key::Synchronous, by, synchronous.as_str());
        config.sqlite.synchronous = synchronous;
        config
    }

    /// Shows this value in [`Config::settings`].
    fn noting(mut self, key: Key, by: &'static str, value: impl Display) -> Self {
        for setting in self.noted.iter_mut().filter(|setting| setting.key == key) {
            (setting.value, setting.source) = (Some(value.to_string()), Source::Flag(by));
        }
        let is_file = self.location.path().is_some();
        self.settings = self.noted.iter().map(|setting| setting.shown(is_file)).collect();
        self
    }
}

/// Longest duration of a setting, in milliseconds.
const HOUR: u32 = 3_600_000;

fn checked<T>(
    key: Key,
    by: &'static str,
    value: impl Display,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, ConfigError> {
    parse(&value.to_string()).map_err(|reason| invalid(key, by, value, reason))
}

fn invalid(key: Key, by: &'static str, value: impl Display, reason: String) -> ConfigError {
    let (name, origin) = (key.name().into(), Source::Flag(by));
    ConfigError::Invalid { name, value: value.to_string(), origin, line: None, reason }
}
