//! JSON of the former application, and what only should have been JSON.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::cell::Cell;
use super::value::{DEFAULT, EMPTY, Outcome, text};

const NOT_JSON: &str = "text that is not JSON kept as a JSON string";

/// Text that the models can read: SQLite's own check knows no depth.
pub(super) fn is_json(text: &str) -> bool {
    text == "{}" || text == "[]" || serde_json::from_str::<Value>(text).is_ok()
}

pub(super) fn optional_json(old: &Cell) -> Outcome {
    match text(old)? {
        None => Ok((Cell::Null, None)),
        Some((text, _)) if text.is_empty() => Ok((Cell::Null, Some(EMPTY))),
        Some((text, reason)) if is_json(&text) => Ok((Cell::Text(text.into_owned()), reason)),
        Some((text, _)) => Ok((Cell::Text(Value::from(text.as_ref()).to_string()), Some(NOT_JSON))),
    }
}

pub(super) fn json_texts(old: &Cell) -> Outcome {
    match text(old)? {
        None => Ok((Cell::Text("[]".into()), Some(DEFAULT))),
        Some((text, _)) if text.is_empty() => Ok((Cell::Text("[]".into()), Some(DEFAULT))),
        Some((text, reason)) => match serde_json::from_str::<Vec<String>>(&text) {
            Ok(_) => Ok((Cell::Text(text.into_owned()), reason)),
            Err(_) => Err("is not a JSON list of texts".into()),
        },
    }
}

/// What a row's metadata is.
pub(super) enum Metadata {
    /// An object, as its own text.
    Object(String, Option<&'static str>),
    /// Anything else as JSON, which goes under `legacy`.
    Other(String, &'static str),
}

pub(super) fn metadata(old: &Cell) -> Metadata {
    match text(old) {
        Ok(None) => Metadata::Object("{}".into(), Some(DEFAULT)),
        Ok(Some((text, _))) if text.is_empty() => Metadata::Object("{}".into(), Some(DEFAULT)),
        Ok(Some((text, reason))) if text == "{}" => Metadata::Object(text.into_owned(), reason),
        Ok(Some((text, reason))) => match serde_json::from_str::<Value>(&text) {
            Ok(Value::Object(_)) => Metadata::Object(text.into_owned(), reason),
            Ok(_) => {
                Metadata::Other(text.into_owned(), "metadata that is no object kept under legacy")
            }
            Err(_) => {
                let text = Value::from(text.as_ref()).to_string();
                Metadata::Other(text, "metadata that is not JSON kept under legacy")
            }
        },
        Err(_) => {
            let value = old.to_json().to_string();
            Metadata::Other(value, "metadata that is no text kept under legacy")
        }
    }
}

/// The members of an object: name and value, each as the text has it. A number keeps its digits, and a
/// name that stands twice stands twice.
pub(super) struct Members(Vec<(String, String)>);

impl Members {
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of this text; none if it is no object.
    pub(super) fn of(object: &str) -> Self {
        let mut reader = serde_json::Deserializer::from_str(object);
        Self(reader.deserialize_map(Collector).unwrap_or_default())
    }

    pub(super) fn push(&mut self, name: &str, value: String) {
        self.0.push((name.to_owned(), value));
    }

    /// Takes the members of this name out.
    pub(super) fn take(&mut self, name: &str) -> Vec<String> {
        self.0.extract_if(.., |member| member.0 == name).map(|member| member.1).collect()
    }

    /// Adds a value under this name, or if it is taken, under the name with `_` before it.
    pub(super) fn push_apart(&mut self, name: &str, value: String) {
        let mut free = name.to_owned();
        while self.0.iter().any(|(name, _)| *name == free) {
            free.insert(0, '_');
        }
        self.0.push((free, value));
    }
}

impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{}:{value}", Value::from(name.as_str()))?;
        }
        f.write_str("}")
    }
}

struct Collector;

impl<'de> Visitor<'de> for Collector {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            members.push((name, value.get().to_owned()));
        }
        Ok(members)
    }
}

/// The names in a role's old list of permissions; `None` if it is no list of names.
pub(super) fn permission_names(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

pub(super) fn grants_everything(text: &str) -> bool {
    permission_names(text).is_some_and(|names| names.iter().any(|name| name == "*"))
}
