//! Names of the settings, and sources of their values.

use super::shown::shown;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Setting of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `DATABASE_URL`
    Url,
    /// `DATABASE_PATH`
    Path,
    /// `DATABASE_BACKUP_DIR`
    BackupDir,
    /// `DATABASE_WAL_MODE`
    WalMode,
    /// `DATABASE_AUTO_BACKUP`
    AutoBackup,
    /// `DATABASE_BACKUP_KEEP`
    BackupKeep,
    /// `DATABASE_MAX_CONNECTIONS`
    MaxConnections,
    /// `DATABASE_CACHE_SIZE`
    CacheSize,
    /// `DATABASE_FOREIGN_KEYS`
    ForeignKeys,
    /// `DATABASE_BUSY_TIMEOUT_MS`
    BusyTimeout,
    /// `DATABASE_POOL_TIMEOUT_MS`
    PoolTimeout,
    /// `DATABASE_SYNCHRONOUS`
    Synchronous,
    /// `DATABASE_SCHEMA`
    Schema,
    /// `DATABASE_REPLICA_URL`
    ReplicaUrl,
    /// `DATABASE_REPLICA_MAX_LAG_MS`
    ReplicaMaxLag,
    /// `DATABASE_STATEMENT_TIMEOUT_MS`
    StatementTimeout,
    /// `DATABASE_IDLE_TRANSACTION_TIMEOUT_MS`
    IdleTransactionTimeout,
    /// `DATABASE_TRANSACTION_POOLER`
    TransactionPooler,
}

impl Key {
    /// Every setting, in the order in which `zenith-db config` prints them.
    pub const ALL: &[Self] = &[
        Self::Url,
        Self::Path,
        Self::BackupDir,
        Self::WalMode,
        Self::AutoBackup,
        Self::BackupKeep,
        Self::MaxConnections,
        Self::CacheSize,
        Self::ForeignKeys,
        Self::BusyTimeout,
        Self::PoolTimeout,
        Self::Synchronous,
        Self::Schema,
        Self::ReplicaUrl,
        Self::ReplicaMaxLag,
        Self::StatementTimeout,
        Self::IdleTransactionTimeout,
        Self::TransactionPooler,
    ];

    /// Returns the name of the setting in the environment and in `.env`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Url => "DATABASE_URL",
            Self::Path => "DATABASE_PATH",
            Self::BackupDir => "DATABASE_BACKUP_DIR",
            Self::WalMode => "DATABASE_WAL_MODE",
            Self::AutoBackup => "DATABASE_AUTO_BACKUP",
            Self::BackupKeep => "DATABASE_BACKUP_KEEP",
            Self::MaxConnections => "DATABASE_MAX_CONNECTIONS",
            Self::CacheSize => "DATABASE_CACHE_SIZE",
            Self::ForeignKeys => "DATABASE_FOREIGN_KEYS",
            Self::BusyTimeout => "DATABASE_BUSY_TIMEOUT_MS",
            Self::PoolTimeout => "DATABASE_POOL_TIMEOUT_MS",
            Self::Synchronous => "DATABASE_SYNCHRONOUS",
            Self::Schema => "DATABASE_SCHEMA",
            Self::ReplicaUrl => "DATABASE_REPLICA_URL",
            Self::ReplicaMaxLag => "DATABASE_REPLICA_MAX_LAG_MS",
            Self::StatementTimeout => "DATABASE_STATEMENT_TIMEOUT_MS",
            Self::IdleTransactionTimeout => "DATABASE_IDLE_TRANSACTION_TIMEOUT_MS",
            Self::TransactionPooler => "DATABASE_TRANSACTION_POOLER",
        }
    }

    /// Whether the setting has an effect on an SQLite file, or else on a database on a server.
    pub(super) const fn is_used(self, is_file: bool) -> bool {
        if is_file { self.is_for_files() } else { self.is_for_servers() }
    }

    /// Whether the setting has an effect on an SQLite file.
    const fn is_for_files(self) -> bool {
        !matches!(
            self,
            Self::Schema
                | Self::ReplicaUrl
                | Self::ReplicaMaxLag
                | Self::StatementTimeout
                | Self::IdleTransactionTimeout
                | Self::TransactionPooler
        )
    }

    /// Whether the setting has an effect on a database on a server.
    const fn is_for_servers(self) -> bool {
        !matches!(
            self,
            Self::Path | Self::WalMode | Self::CacheSize | Self::ForeignKeys | Self::Synchronous
        )
    }
}

/// Whether a variable of this name is a setting, or may be meant as one.
pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with("DATABASE_")
}

/// Source of a setting's value. An earlier variant takes precedence over a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Flag of the command, with its name, or method of the library that set the value.
    Flag(&'static str),
    /// Environment variable.
    Environment,
    /// `.env` file at this path.
    EnvFile(PathBuf),
    /// Default, because no flag, variable or line gives a value.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "from {name}"),
            Self::Environment => f.write_str("from the environment"),
            Self::EnvFile(path) => write!(f, "from {}", shown(path.display())),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Setting with its value, whether or not this kind of database uses it.
#[derive(Clone, Debug)]
pub(super) struct NotedSetting {
    pub(super) key: Key,
    pub(super) value: Option<String>,
    pub(super) source: Source,
}

impl NotedSetting {
    /// Returns the setting as this kind of database uses it.
    pub(super) fn shown(&self, is_file: bool) -> Setting {
        let used = self.key.is_used(is_file);
        let value = self.value.clone().filter(|_| used);
        Setting { name: self.key.name(), value, source: self.source.clone() }
    }
}

/// Setting of a [`Config`](super::Config), with the value in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Name of the environment variable.
    pub name: &'static str,
    /// Value in force, in its canonical spelling; `None` if it has none, or has no effect on this kind
    /// of database.
    pub value: Option<String>,
    /// Source of the value.
    pub source: Source,
}
