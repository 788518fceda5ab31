//! Resolution of the layers: each setting as a checked value with its source.

use std::path::PathBuf;
use std::time::Duration;

use super::address::mistaken;
use super::config::Config;
use super::error::ConfigError;
use super::layers::Layers;
#[cfg(feature = "postgres")]
use super::location::Location;
use super::options::{ServerOptions, SqliteOptions};
#[cfg(feature = "postgres")]
use super::server_url::ServerUrl;
use super::setting::{Key, NotedSetting, Source};
use super::value;

/// Reads every setting. The order of the reads is the order in which they are shown.
pub(super) fn resolve(layers: &Layers, warnings: Vec<String>) -> Result<Config, ConfigError> {
    let (location, named_by, source) = layers.location()?;
    let is_file = location.path().is_some();
    let mut read = Reader { layers, is_file, noted: Vec::new(), warnings };
    let by_url = named_by == Key::Url;
    let url_source = if by_url { &source } else { &Source::Default };
    read.note(Key::Url, by_url.then(|| location.to_string()), url_source);
    read.note(
        Key::Path,
        Some(location.to_string()),
        if is_file { &source } else { &Source::Default },
    );

    let backup_dir = location.default_backup_dir();
    let backup_dir =
        read.value(Key::BackupDir, backup_dir, directory, |path| path.display().to_string())?;
    let wal = read.flag(Key::WalMode, true)?;
    let auto_backup = read.flag(Key::AutoBackup, true)?;
    let backup_keep = read.value(Key::BackupKeep, 10, value::backups, ToString::to_string)?;
    let max_connections =
        read.value(Key::MaxConnections, 10, value::connections, ToString::to_string)?;
    let cache_size = read.value(Key::CacheSize, 10_000, value::cache_size, ToString::to_string)?;
    let foreign_keys = read.flag(Key::ForeignKeys, true)?;
    let busy_timeout = read.milliseconds(Key::BusyTimeout, 0, 5_000)?;
    let pool_timeout = read.milliseconds(Key::PoolTimeout, 1, 10_000)?;
    let synchronous = read.value(
        Key::Synchronous,
        value::Synchronous::Full,
        value::synchronous,
        |synchronous| synchronous.as_str().to_owned(),
    )?;
    let sqlite = SqliteOptions { wal, synchronous, cache_size, foreign_keys, busy_timeout };

    let schema = read.optional(Key::Schema, value::schema)?;
    #[cfg(feature = "postgres")]
    let replica = read.replica(max_connections)?;
    #[cfg(not(feature = "postgres"))]
    read.note(Key::ReplicaUrl, None, &layers.source(Key::ReplicaUrl));
    let server = ServerOptions {
        schema,
        #[cfg(feature = "postgres")]
        replica,
        replica_max_lag: read.milliseconds(Key::ReplicaMaxLag, 1, 30_000)?,
        statement_timeout: read.milliseconds(Key::StatementTimeout, 0, 60_000)?,
        idle_transaction_timeout: read.milliseconds(Key::IdleTransactionTimeout, 0, 60_000)?,
        transaction_pooler: read.flag(Key::TransactionPooler, false)?,
        lock_timeout: busy_timeout,
        connect_timeout: pool_timeout,
    };
    let Reader { noted, warnings, .. } = read;
    let settings = noted.iter().map(|setting| setting.shown(is_file)).collect();
    Ok(Config {
        location,
        backup_dir,
        sqlite,
        server,
        auto_backup,
        backup_keep,
        max_connections,
        pool_timeout,
        noted,
        settings,
        warnings,
        #[cfg(feature = "postgres")]
        is_filled: false,
    })
}

struct Reader<'a> {
    layers: &'a Layers,
    is_file: bool,
    noted: Vec<NotedSetting>,
    warnings: Vec<String>,
}

impl Reader<'_> {
    /// Returns the value in force, and records it as `show` writes it.
    fn value<T>(
        &mut self,
        key: Key,
        default: T,
        parse: impl Fn(&str) -> Result<T, String>,
        show: impl Fn(&T) -> String,
    ) -> Result<T, ConfigError> {
        let (value, source) = self.layers.get(key, default, parse)?;
        let shown = show(&value);
        self.note(key, Some(shown), &source);
        Ok(value)
    }

    /// Returns the value in force, if there is one, and records it.
    fn optional(
        &mut self,
        key: Key,
        parse: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Option<String>, ConfigError> {
        let parse = |text: &str| parse(text).map(Some);
        let (value, source) = self.layers.get(key, None, parse)?;
        self.note(key, value.clone(), &source);
        Ok(value)
    }

    fn flag(&mut self, key: Key, default: bool) -> Result<bool, ConfigError> {
        self.value(key, default, value::boolean, ToString::to_string)
    }

    /// Returns a duration of up to an hour.
    fn milliseconds(
        &mut self,
        key: Key,
        least: u32,
        default: u64,
    ) -> Result<Duration, ConfigError> {
        let parse = |text: &str| value::milliseconds(text, least..=3_600_000);
        self.value(key, Duration::from_millis(default), parse, |time| time.as_millis().to_string())
    }

    #[cfg(feature = "postgres")]
    fn replica(&mut self, max_connections: u32) -> Result<Option<ServerUrl>, ConfigError> {
        let parse = |text: &str| match Location::parse_url(text)? {
            Location::Postgres(url) => Ok(Some(url)),
            Location::Sqlite(_) => {
                Err("a replica is a server: postgres://USER@HOST/DATABASE".into())
            }
        };
        let (replica, source) = self.layers.get(Key::ReplicaUrl, None, parse)?;
        let used = !self.is_file && replica.is_some();
        if used && max_connections < 2 {
            return Err(ConfigError::Invalid {
                name: Key::MaxConnections.name().into(),
                value: max_connections.to_string(),
                origin: self.layers.source(Key::MaxConnections),
                line: self.layers.find(Key::MaxConnections).and_then(|given| given.line),
                reason: "one connection cannot serve the primary and the replica; allow two, or \
                         unset DATABASE_REPLICA_URL"
                    .into(),
            });
        }
        self.note(Key::ReplicaUrl, replica.as_ref().map(ToString::to_string), &source);
        Ok(replica)
    }

    /// Records a setting, and warns about a flag that has no effect on this kind of database.
    fn note(&mut self, key: Key, value: Option<String>, source: &Source) {
        if !key.is_used(self.is_file) && matches!(source, Source::Flag(_)) {
            let kind = if self.is_file { "SQLite" } else { "PostgreSQL" };
            self.warnings.push(format!("{} ({source}) has no effect on {kind}", key.name()));
        }
        self.noted.push(NotedSetting { key, value, source: source.clone() });
    }
}

fn directory(text: &str) -> Result<PathBuf, String> {
    match text {
        "" => Err("it is empty; unset it for the default".into()),
        _ if text.contains('\0') => Err("a path cannot contain NUL".into()),
        _ if text.trim() != text => Err("it begins or ends with white space".into()),
        _ => mistaken(text).map_or_else(|| Ok(text.into()), |reason| Err(reason.into())),
    }
}
