//! Configuration: flags over environment over `.env` over defaults, checked once, as one [`Config`].
//!
//! This layer reads settings and nothing else: it opens no database and creates no file.

mod error;
mod loader;
mod location;
mod resolve;
#[cfg(feature = "postgres")]
mod server_url;
mod setting;
mod value;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::ConfigError;
pub use loader::{EnvFile, Loader};
pub use location::{DatabasePath, Location};
#[cfg(feature = "postgres")]
pub use server_url::ServerUrl;
pub use setting::{Key, Setting, Source};
pub use value::Synchronous;

use setting::NotedSetting;

/// Every setting, valid and with its source.
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
    location: Location,
    backup_dir: PathBuf,
    sqlite: SqliteOptions,
    server: ServerOptions,
    auto_backup: bool,
    max_connections: u32,
    pool_timeout: Duration,
    noted: Vec<NotedSetting>,
    settings: Vec<Setting>,
    warnings: Vec<String>,
}

/// How each SQLite connection is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// `DATABASE_WAL_MODE`: readers and one writer at once (default), or a rollback journal.
    pub wal: bool,
    /// `DATABASE_SYNCHRONOUS`: when a commit counts as on disk.
    pub synchronous: Synchronous,
    /// `DATABASE_CACHE_SIZE`: the page cache of one connection, in pages, or in KiB if negative.
    pub cache_size: i32,
    /// `DATABASE_FOREIGN_KEYS`: whether references are enforced.
    pub foreign_keys: bool,
    /// `DATABASE_BUSY_TIMEOUT_MS`: how long a statement waits for another process's lock.
    pub busy_timeout: Duration,
}

/// How each connection to a server is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// `DATABASE_REPLICA_URL`: where reads go; without one, to the primary.
    #[cfg(feature = "postgres")]
    pub replica: Option<ServerUrl>,
    /// `DATABASE_REPLICA_MAX_LAG_MS`: how far the replica may lie behind before reads go to the
    /// primary (default 30 s).
    pub replica_max_lag: Duration,
    /// `DATABASE_STATEMENT_TIMEOUT_MS`: how long a statement of the pool may run (default 60 s; 0
    /// leaves it to the server). Migrations, backups and transfers take the time they need.
    pub statement_timeout: Duration,
    /// `DATABASE_IDLE_TRANSACTION_TIMEOUT_MS`: how long a transaction of the pool may do nothing
    /// (default 60 s; 0 leaves it to the server).
    pub idle_transaction_timeout: Duration,
    /// `DATABASE_TRANSACTION_POOLER`: whether a pooler that hands a server's connection to another
    /// client after each transaction stands between, such as PgBouncer's `pool_mode=transaction`
    /// (default no). Then nothing is left behind in a connection: no prepared statement and no
    /// setting, so that a read is a transaction of its own.
    pub transaction_pooler: bool,
    /// `DATABASE_BUSY_TIMEOUT_MS`: how long a statement waits for another's lock (default 5 s; 0
    /// leaves it to the server).
    pub lock_timeout: Duration,
    /// `DATABASE_POOL_TIMEOUT_MS`: how long connecting may take (default 10 s), in whole seconds and
    /// at least two, as libpq counts.
    pub connect_timeout: Duration,
}

impl Config {
    /// The configuration from the environment and a `.env` in the working directory.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting, its value, where it came from and what is allowed.
    pub fn from_env() -> Result<Self, ConfigError> {
        Loader::new().process_environment().env_file(EnvFile::IfPresent(".env".into())).load()
    }

    /// The defaults for a database at `path`, whatever the environment says: for tests and tools.
    ///
    /// # Errors
    /// [`ConfigError`] if the path cannot be a database's.
    pub fn for_path(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref().to_str().ok_or_else(|| ConfigError::NotUnicode {
            name: Key::Path.name().into(),
            origin: Source::Flag("path"),
        })?;
        Loader::new().flag(Key::Path, "path", path).load()
    }

    /// Which database.
    #[must_use]
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// Where backups go: `backups` beside the database, or for a server `data/enterprise/backups`,
    /// unless `DATABASE_BACKUP_DIR` says otherwise.
    #[must_use]
    pub fn backup_dir(&self) -> &Path {
        &self.backup_dir
    }

    /// Where the application may write its logs: `logs` beside the database, or for a server
    /// `data/enterprise/logs`.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.location.directory().join("logs")
    }

    /// How connections to a file are set up.
    #[must_use]
    pub const fn sqlite(&self) -> &SqliteOptions {
        &self.sqlite
    }

    /// How connections to a server are set up.
    #[must_use]
    pub const fn server(&self) -> &ServerOptions {
        &self.server
    }

    /// Returns these settings for another database. The backup directory follows the database,
    /// unless it was set explicitly; [`Config::settings`] shows both.
    #[must_use]
    pub fn at(&self, location: Location) -> Self {
        let mut config = Self { location, ..self.clone() };
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

    /// Whether a backup is taken before migrations, rollbacks and a forced creation (default yes).
    #[must_use]
    pub const fn auto_backup(&self) -> bool {
        self.auto_backup
    }

    /// The most connections that this process opens to the database (1 to 1000, default 10).
    #[must_use]
    pub const fn max_connections(&self) -> u32 {
        self.max_connections
    }

    /// How long to wait for a free connection (default 10 s).
    #[must_use]
    pub const fn pool_timeout(&self) -> Duration {
        self.pool_timeout
    }

    /// Every setting with its effective value and source, in the order of the documentation.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// What looks like a mistake without being an error, such as an unknown `DATABASE_*` name.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
