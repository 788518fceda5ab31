//! The layers of settings as text, each value with its source.

use super::address::masked;
use super::error::ConfigError;
use super::location::{self, Location};
use super::setting::{Key, Source};

/// Value that a layer gives. It may be a secret, so there is no `Debug`.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) source: Source,
    /// Line of the file, if the source is one.
    pub(super) line: Option<usize>,
}

/// Layers of settings, highest first.
pub(super) struct Layers(Vec<Vec<Given>>);

impl Layers {
    pub(super) const fn new(layers: Vec<Vec<Given>>) -> Self {
        Self(layers)
    }

    fn find_in(layer: &[Given], key: Key) -> Option<&Given> {
        layer.iter().rev().find(|given| given.name == key.name())
    }

    pub(super) fn find(&self, key: Key) -> Option<&Given> {
        self.0.iter().find_map(|layer| Self::find_in(layer, key))
    }

    /// Returns the value in force with its source, or the default.
    pub(super) fn get<T>(
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

    /// Returns the source of a setting's value.
    pub(super) fn source(&self, key: Key) -> Source {
        self.find(key).map_or(Source::Default, |given| given.source.clone())
    }

    /// Returns the database: the highest layer that names one decides, whether by path or by URL.
    pub(super) fn location(&self) -> Result<(Location, Key, Source), ConfigError> {
        for layer in &self.0 {
            let path = Self::find_in(layer, Key::Path);
            let url = Self::find_in(layer, Key::Url);
            let (given, key) = match (path, url) {
                (None, None) => continue,
                (Some(path), Some(url)) => {
                    let by_path = checked(path, Location::parse_path)?;
                    if !by_path.is_same_as(&checked(url, Location::parse_url)?) {
                        return Err(ConfigError::Contradiction {
                            url: masked(&url.value),
                            path: masked(&path.value),
                            origin: path.source.clone(),
                        });
                    }
                    (path, Key::Path)
                }
                (Some(path), None) => (path, Key::Path),
                (None, Some(url)) => (url, Key::Url),
            };
            let parse = if key == Key::Url { Location::parse_url } else { Location::parse_path };
            return Ok((checked(given, parse)?, key, given.source.clone()));
        }
        let path = Location::parse_path(location::DEFAULT_PATH).map_err(|reason| {
            ConfigError::Invalid {
                name: Key::Path.name().into(),
                value: location::DEFAULT_PATH.into(),
                origin: Source::Default,
                line: None,
                reason,
            }
        })?;
        Ok((path, Key::Path, Source::Default))
    }
}

fn checked<T>(given: &Given, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
    parse(&given.value).map_err(|reason| ConfigError::Invalid {
        name: given.name.clone(),
        value: masked(&given.value),
        origin: given.source.clone(),
        line: given.line,
        reason,
    })
}
