//! From layers of text to one checked [`Config`].

use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::location::{DatabasePath, masked};
use super::setting::{Key, Setting, Source};
use super::{Config, ConfigError, SqliteOptions, value};

const DEFAULT_PATH: &str = "./data/enterprise/zenith.db";

/// Which `.env` file to read.
#[derive(Clone, Debug)]
pub enum EnvFile {
    /// Read it if it is there.
    IfPresent(PathBuf),
    /// It must be there.
    Required(PathBuf),
}

/// One value that somebody gave.
#[derive(Clone, Debug)]
struct Given {
    name: String,
    value: String,
    source: Source,
}

/// Collects the layers. Each layer is optional: a loader without any gives the defaults.
#[derive(Clone, Debug, Default)]
pub struct Loader {
    flags: Vec<Given>,
    environment: Vec<(OsString, OsString)>,
    env_file: Option<EnvFile>,
}

impl Loader {
    /// A loader without layers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one value above all layers; `flag` names it in errors.
    #[must_use]
    pub fn flag(mut self, key: Key, flag: &'static str, value: impl Into<String>) -> Self {
        let (name, value) = (key.name().to_owned(), value.into());
        self.flags.push(Given { name, value, source: Source::Flag(flag) });
        self
    }

    /// Reads the process's environment.
    #[must_use]
    pub fn process_environment(self) -> Self {
        self.environment(std::env::vars_os())
    }

    /// Reads these variables as the environment.
    #[must_use]
    pub fn environment(mut self, vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        self.environment.extend(vars);
        self
    }

    /// Reads this `.env` file below the environment.
    #[must_use]
    pub fn env_file(mut self, file: EnvFile) -> Self {
        self.env_file = Some(file);
        self
    }

    /// Checks everything and makes the configuration.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn load(self) -> Result<Config, ConfigError> {
        let mut layers = vec![self.flags, environment_layer(self.environment)?];
        if let Some(file) = self.env_file {
            layers.push(file_layer(&file)?);
        }
        let warnings = layers.iter().flatten().filter_map(unknown_name).collect();
        Layers(layers).resolve(warnings)
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("DATABASE_")
}

fn environment_layer(vars: Vec<(OsString, OsString)>) -> Result<Vec<Given>, ConfigError> {
    let source = Source::Environment;
    let ours = vars.into_iter().filter(|(name, _)| name.to_str().is_some_and(is_ours));
    ours.map(|(name, value)| {
        let name = name.to_string_lossy().into_owned();
        match value.into_string() {
            Ok(value) => Ok(Given { name, value, source: source.clone() }),
            Err(_) => Err(ConfigError::NotUnicode { name, origin: source.clone() }),
        }
    })
    .collect()
}

fn file_layer(file: &EnvFile) -> Result<Vec<Given>, ConfigError> {
    let (EnvFile::IfPresent(path) | EnvFile::Required(path)) = file;
    let error = |reason: &dyn Display| ConfigError::EnvFile {
        path: path.clone(),
        reason: reason.to_string(),
    };
    if let (EnvFile::IfPresent(_), Ok(false)) = (file, path.try_exists()) {
        return Ok(Vec::new());
    }
    let text = std::fs::read(path).map_err(|cause| error(&cause))?;
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let mut given = Vec::new();
    for line in dotenvy::from_read_iter(text) {
        // The parser's error repeats the line, which may hold a password.
        let (name, value) = line.map_err(|cause| match cause {
            dotenvy::Error::LineParse(_, at) => error(&format!(
                "a line cannot be parsed at its character {at}; write NAME=value, and quote a \
                 value that contains spaces"
            )),
            other => error(&other),
        })?;
        if is_ours(&name) {
            given.push(Given { name, value, source: Source::EnvFile(path.clone()) });
        }
    }
    Ok(given)
}

fn unknown_name(given: &Given) -> Option<String> {
    if Key::ALL.iter().any(|key| key.name() == given.name) {
        return None;
    }
    let distance = |key: &&Key| strsim::damerau_levenshtein(key.name(), &given.name);
    let nearest = Key::ALL.iter().min_by_key(distance).map_or("", |key| key.name());
    Some(format!(
        "{} ({}) is not a setting and was ignored; did you mean {nearest}?",
        given.name, given.source
    ))
}

/// The layers, highest first.
struct Layers(Vec<Vec<Given>>);

impl Layers {
    fn find_in(layer: &[Given], key: Key) -> Option<&Given> {
        layer.iter().rev().find(|given| given.name == key.name())
    }

    fn find(&self, key: Key) -> Option<&Given> {
        self.0.iter().find_map(|layer| Self::find_in(layer, key))
    }

    /// The value in force with its source, or the default.
    fn get<T>(
        &self,
        key: Key,
        default: T,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<(T, Source), ConfigError> {
        match self.find(key) {
            None => Ok((default, Source::Default)),
            Some(given) => Ok((checked(given, parse)?, given.source.clone())),
        }
    }

    /// The database: the highest layer that names one decides, by path or by URL.
    fn location(&self) -> Result<(DatabasePath, Key, Source), ConfigError> {
        for layer in &self.0 {
            let path = Self::find_in(layer, Key::Path);
            let url = Self::find_in(layer, Key::Url);
            let (given, key) = match (path, url) {
                (None, None) => continue,
                (Some(path), Some(url)) => {
                    let by_path = checked(path, DatabasePath::parse)?;
                    let by_url = checked(url, DatabasePath::parse_url)?;
                    if !same_file(by_path.as_path(), by_url.as_path()) {
                        return Err(ConfigError::Contradiction {
                            url: masked(&url.value),
                            path: path.value.clone(),
                            origin: path.source.clone(),
                        });
                    }
                    (path, Key::Path)
                }
                (Some(path), None) => (path, Key::Path),
                (None, Some(url)) => (url, Key::Url),
            };
            let parse = if key == Key::Url { DatabasePath::parse_url } else { DatabasePath::parse };
            return Ok((checked(given, parse)?, key, given.source.clone()));
        }
        let path = DatabasePath::parse(DEFAULT_PATH).map_err(|reason| ConfigError::Invalid {
            name: Key::Path.name().into(),
            value: DEFAULT_PATH.into(),
            origin: Source::Default,
            reason,
        })?;
        Ok((path, Key::Path, Source::Default))
    }

    fn resolve(self, warnings: Vec<String>) -> Result<Config, ConfigError> {
        let (database_path, named_by, path_source) = self.location()?;
        let beside = database_path.directory().join("backups");
        let backup_dir = self.get(Key::BackupDir, beside, directory)?;
        let wal = self.get(Key::WalMode, true, value::boolean)?;
        let auto_backup = self.get(Key::AutoBackup, true, value::boolean)?;
        let max_connections = self.get(Key::MaxConnections, 10, value::connections)?;
        let cache_size = self.get(Key::CacheSize, 10_000, value::cache_size)?;
        let foreign_keys = self.get(Key::ForeignKeys, true, value::boolean)?;
        let up_to_an_hour = |least| move |text: &str| value::milliseconds(text, least..=3_600_000);
        let busy = self.get(Key::BusyTimeout, ms(5_000), up_to_an_hour(0))?;
        let pool = self.get(Key::PoolTimeout, ms(10_000), up_to_an_hour(1))?;
        let sync = self.get(Key::Synchronous, value::Synchronous::Full, value::synchronous)?;

        let path_text = database_path.to_string();
        let mut settings = vec![
            row(Key::Url, (named_by == Key::Url).then(|| path_text.clone()), &path_source),
            row(Key::Path, Some(path_text), &path_source),
            row(Key::BackupDir, Some(backup_dir.0.display().to_string()), &backup_dir.1),
            row(Key::WalMode, Some(wal.0.to_string()), &wal.1),
            row(Key::AutoBackup, Some(auto_backup.0.to_string()), &auto_backup.1),
            row(Key::MaxConnections, Some(max_connections.0.to_string()), &max_connections.1),
            row(Key::CacheSize, Some(cache_size.0.to_string()), &cache_size.1),
            row(Key::ForeignKeys, Some(foreign_keys.0.to_string()), &foreign_keys.1),
            row(Key::BusyTimeout, Some(busy.0.as_millis().to_string()), &busy.1),
            row(Key::PoolTimeout, Some(pool.0.as_millis().to_string()), &pool.1),
            row(Key::Synchronous, Some(sync.0.as_str().to_owned()), &sync.1),
        ];
        if named_by == Key::Path
            && let Some(url) = settings.first_mut()
        {
            url.source = Source::Default;
        }
        Ok(Config {
            database_path,
            backup_dir: backup_dir.0,
            sqlite: SqliteOptions {
                wal: wal.0,
                synchronous: sync.0,
                cache_size: cache_size.0,
                foreign_keys: foreign_keys.0,
                busy_timeout: busy.0,
            },
            auto_backup: auto_backup.0,
            max_connections: max_connections.0,
            pool_timeout: pool.0,
            settings,
            warnings,
        })
    }
}

const fn ms(milliseconds: u64) -> std::time::Duration {
    std::time::Duration::from_millis(milliseconds)
}

fn row(key: Key, value: Option<String>, source: &Source) -> Setting {
    Setting { name: key.name(), value, source: source.clone() }
}

fn checked<T>(given: &Given, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
    parse(&given.value).map_err(|reason| ConfigError::Invalid {
        name: given.name.clone(),
        value: masked(&given.value),
        origin: given.source.clone(),
        reason,
    })
}

fn directory(text: &str) -> Result<PathBuf, String> {
    match text {
        "" => Err("it is empty; unset it for the default".into()),
        _ if text.contains('\0') => Err("a path cannot contain NUL".into()),
        _ if text.trim() != text => Err("it begins or ends with white space".into()),
        _ => Ok(text.into()),
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (std::path::absolute(a), std::path::absolute(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}
