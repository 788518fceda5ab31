//! Loading a [`Config`] from flags, the environment and `.env`.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::config::Config;
use super::error::ConfigError;
use super::layers::{Given, Layers};
use super::resolve;
use super::setting::{Key, Source};

/// `.env` file to read.
#[derive(Clone, Debug)]
pub enum EnvFile {
    /// File that is read if it exists.
    IfPresent(PathBuf),
    /// File that must exist.
    Required(PathBuf),
}

/// Builder of a [`Config`] from layers of settings. Each layer is optional; without any, every
/// setting has its default.
#[derive(Clone, Debug, Default)]
pub struct Loader {
    flags: Vec<Given>,
    environment: Vec<(OsString, OsString)>,
    env_file: Option<EnvFile>,
}

impl Loader {
    /// Returns a loader without layers.
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

    /// Adds this `.env` file as the layer below the environment.
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
        let mut layers = vec![self.flags, environment_layer(self.environment)?];
        if let Some(file) = self.env_file {
            layers.push(file_layer(&file)?);
        }
        let warnings = layers.iter().flatten().filter_map(unknown_name).collect();
        resolve::resolve(&Layers::new(layers), warnings)
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

impl Config {
    /// Returns the configuration from the environment and from `.env` in the working directory, if
    /// it exists.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting, its value, its source and what is allowed.
    pub fn from_env() -> Result<Self, ConfigError> {
        Loader::new().process_environment().env_file(EnvFile::IfPresent(".env".into())).load()
    }

    /// Returns the default configuration for a database at `path`, without the environment: for
    /// tests and tools.
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
