//! [`Config`]: the settings of a database, checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::location::Location;
use super::options::{ServerOptions, SqliteOptions};
#[cfg(feature = "postgres")]
use super::server_url::ServerUrl;
use super::setting::{Key, NotedSetting, Setting, Source};

/// Settings of a database and its connections, each checked and with its source.
///
/// ```
/// use zenith_db::config::{Config, Key, Loader};
///
/// let config = Loader::new().flag(Key::Path, "--path", "/srv/zenith.db").load()?;
/// assert_eq!(config.location().to_string(), "/srv/zenith.db");
/// assert_eq!(config.max_connections(), 10);
/// # Ok::<(), zenith_db::config::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) location: Location,
    pub(super) backup_dir: PathBuf,
    pub(super) sqlite: SqliteOptions,
    pub(super) server: ServerOptions,
    pub(super) auto_backup: bool,
    pub(super) backup_keep: u32,
    pub(super) max_connections: u32,
    pub(super) pool_timeout: Duration,
    pub(super) noted: Vec<NotedSetting>,
    pub(super) settings: Vec<Setting>,
    pub(super) warnings: Vec<String>,
    /// Whether this process has created the database, and fills it.
    #[cfg(feature = "postgres")]
    pub(super) is_filled: bool,
}

impl Config {
    /// Returns the location of the database.
    #[must_use]
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// Returns the absolute path of the database, or the URL of its server without the password.
    pub(crate) fn absolute_location(&self) -> String {
        match self.location.path() {
            Some(path) => std::path::absolute(path.as_path())
                .unwrap_or_else(|_| path.as_path().to_owned())
                .display()
                .to_string(),
            None => self.location.to_string(),
        }
    }

    /// Returns the directory for backups: `DATABASE_BACKUP_DIR`; by default `backups` beside the
    /// database, or for a server `data/enterprise/backups`.
    #[must_use]
    pub fn backup_dir(&self) -> &Path {
        &self.backup_dir
    }

    /// Returns the directory for the application's logs: `logs` beside the database, or for a
    /// server `data/enterprise/logs`.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.location.directory().join("logs")
    }

    /// Returns the options of connections to an SQLite file.
    #[must_use]
    pub const fn sqlite(&self) -> &SqliteOptions {
        &self.sqlite
    }

    /// Returns the options of connections to a PostgreSQL server.
    #[must_use]
    pub const fn server(&self) -> &ServerOptions {
        &self.server
    }

    /// Returns this configuration with another database. A default backup directory becomes that of
    /// the other database. [`Config::settings`] shows both.
    #[must_use]
    pub fn at(&self, location: Location) -> Self {
        let mut config = Self { location, ..self.clone() };
        #[cfg(feature = "postgres")]
        {
            config.is_filled = false;
        }
        let is_file = config.location.path().is_some();
        let named_by = if is_file { Key::Path } else { Key::Url };
        for setting in &mut config.noted {
            let (key, is_default) = (setting.key, setting.source == Source::Default);
            if key == named_by {
                setting.value = Some(config.location.to_string());
                setting.source = Source::Flag("Config::at");
            } else if matches!(key, Key::Path | Key::Url) {
                (setting.value, setting.source) = (None, Source::Default);
            } else if key == Key::BackupDir && is_default {
                config.backup_dir = config.location.default_backup_dir();
                setting.value = Some(config.backup_dir.display().to_string());
            }
        }
        config.settings = config.noted.iter().map(|setting| setting.shown(is_file)).collect();
        config
    }

    /// Returns this configuration for a temporary copy of the database, without backups before changes.
    pub(crate) fn for_temporary_copy(&self, location: Location) -> Self {
        Self { auto_backup: false, ..self.at(location) }
    }

    /// Returns this configuration for a temporary database of a server that this process has created, and to which nobody
    /// else can connect.
    #[cfg(feature = "postgres")]
    pub(crate) fn to_fill(&self, url: &ServerUrl) -> Self {
        Self { is_filled: true, ..self.for_temporary_copy(Location::Postgres(url.clone())) }
    }

    #[cfg(feature = "postgres")]
    pub(crate) const fn is_filled(&self) -> bool {
        self.is_filled
    }

    /// Returns this configuration for the schema with this name, if it names none itself.
    #[cfg(feature = "postgres")]
    pub(crate) fn in_schema(mut self, name: Option<String>) -> Self {
        self.server.schema = self.server.schema.or(name);
        self
    }

    /// Returns this configuration for the database of a test, with its backups in this directory: without those before
    /// changes, without waiting for the disk, and without a replica, which has other data.
    #[cfg(feature = "testing")]
    pub(crate) fn for_tests(&self, location: Location, backup_dir: PathBuf) -> Self {
        let mut config =
            self.for_temporary_copy(location).with_synchronous(super::Synchronous::Normal);
        config.backup_dir = backup_dir;
        #[cfg(feature = "postgres")]
        {
            config.server.replica = None;
        }
        config
    }

    /// Whether a backup precedes migrations, rollbacks and
    /// [`DatabaseManager::recreate`](crate::manager::DatabaseManager::recreate) (`true` by default).
    #[must_use]
    pub const fn auto_backup(&self) -> bool {
        self.auto_backup
    }

    /// Returns how many of the backups that were taken before changes and restores are kept (10 by default); 0
    /// keeps all. Those of [`DatabaseManager::backup`](crate::manager::DatabaseManager::backup) do not count.
    #[must_use]
    pub const fn backup_keep(&self) -> u32 {
        self.backup_keep
    }

    /// Returns the maximum number of connections in a pool (1 to 1000, 10 by default).
    #[must_use]
    pub const fn max_connections(&self) -> u32 {
        self.max_connections
    }

    /// Returns the longest wait for a free connection of the pool (1 ms to 1 h, 10 s by default).
    #[must_use]
    pub const fn pool_timeout(&self) -> Duration {
        self.pool_timeout
    }

    /// Returns every setting with its value in force and its source, in the order of [`Key::ALL`].
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Returns possible mistakes that are not errors, such as an unknown name that begins with
    /// `DATABASE_`.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
