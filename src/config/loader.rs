//! Loading a [`Config`] from flags, the environment and `.env`.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use super::config::Config;
use super::env_file::{self, EnvFile};
use super::error::ConfigError;
use super::layers::{Given, Layers};
use super::resolve;
use super::setting::{Key, Source, is_ours};

/// Builder of a [`Config`] from layers of settings: flags take precedence over the environment, and the
/// environment over a `.env` file. Each layer is optional; without any, every setting has its default.
///
/// `Debug` shows neither the values of flags nor the environment, which may hold secrets.
#[derive(Clone, Default)]
pub struct Loader {
    flags: Vec<Given>,
    environment: Vec<(OsString, OsString)>,
    env_file: Option<EnvFile>,
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags: Vec<&str> = self.flags.iter().map(|given| given.name.as_str()).collect();
        f.debug_struct("Loader")
            .field("flags", &flags)
            .field("env_file", &self.env_file)
            .finish_non_exhaustive()
    }
}

impl Loader {
    /// Returns a loader without layers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one value, which takes precedence over the environment and `.env`. `flag` names its source
    /// in errors and in [`Config::settings`].
    #[must_use]
    pub fn flag(mut self, key: Key, flag: &'static str, value: impl Into<String>) -> Self {
        let (name, value) = (key.name().to_owned(), value.into());
        self.flags.push(Given { name, value, source: Source::Flag(flag), line: None });
        self
    }

    /// Adds the environment of the process as a layer.
    #[must_use]
    pub fn process_environment(self) -> Self {
        self.environment(std::env::vars_os())
    }

    /// Adds these variables to the layer of the environment.
    #[must_use]
    pub fn environment(mut self, vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        self.environment.extend(vars);
        self
    }

    /// Adds a `.env` file as the layer below the environment. `$NAME` in one of its values stands for
    /// a variable in the layer of the environment, or else in an earlier line.
    #[must_use]
    pub fn env_file(mut self, file: EnvFile) -> Self {
        self.env_file = Some(file);
        self
    }

    /// Checks every setting and returns the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that cannot be used.
    pub fn load(self) -> Result<Config, ConfigError> {
        let mut layers = vec![self.flags, environment_layer(&self.environment)?];
        let mut warnings = Vec::new();
        if let Some(file) = self.env_file {
            let lookup = |name: &str| {
                let named = self.environment.iter().rev().find(|(given, _)| given == name);
                named.and_then(|(_, value)| value.to_str()).map(str::to_owned)
            };
            layers.push(env_file::layer(&file, &lookup, &mut warnings)?);
        }
        warnings.extend(layers.iter().flatten().filter_map(unknown_name));
        resolve::resolve(&Layers::new(layers), warnings)
    }
}

fn environment_layer(vars: &[(OsString, OsString)]) -> Result<Vec<Given>, ConfigError> {
    let source = Source::Environment;
    let ours = vars.iter().filter(|(name, _)| name.to_str().is_some_and(is_ours));
    ours.map(|(name, value)| {
        let name = name.to_string_lossy().into_owned();
        match value.to_str() {
            Some(value) => {
                Ok(Given { name, value: value.into(), source: source.clone(), line: None })
            }
            None => Err(ConfigError::NotUnicode { name, origin: source.clone() }),
        }
    })
    .collect()
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

impl Config {
    /// Returns the configuration from the environment and from the file `.env` in the working
    /// directory, if that exists.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        Loader::new().process_environment().env_file(EnvFile::IfPresent(".env".into())).load()
    }

    /// Returns the default configuration for an SQLite database at `path`. Reads neither the
    /// environment nor `.env`.
    ///
    /// # Errors
    /// [`ConfigError`] if the path cannot be that of a database.
    pub fn for_path(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref().to_str().ok_or_else(|| ConfigError::NotUnicode {
            name: Key::Path.name().into(),
            origin: Source::Flag("path"),
        })?;
        Loader::new().flag(Key::Path, "path", path).load()
    }
}
