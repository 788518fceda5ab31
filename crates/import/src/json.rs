//! JSON of the former application, and what only should have been JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
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
    /// Anything else, as JSON that goes under `legacy`.
    Other(String, &'static str),
}

pub(super) fn metadata(old: &Cell) -> Metadata {
    let text = match text(old) {
        Ok(None) => return Metadata::Object("{}".into(), Some(DEFAULT)),
        Ok(Some((text, _))) if text.is_empty() => {
            return Metadata::Object("{}".into(), Some(DEFAULT));
        }
        Ok(Some((text, reason))) if text == "{}" => {
            return Metadata::Object(text.into_owned(), reason);
        }
        Ok(Some(found)) => found,
        Err(_) => {
            let other = old.to_json().to_string();
            return Metadata::Other(other, "metadata that is no text kept under legacy");
        }
    };
    match (serde_json::from_str::<Value>(&text.0), text) {
        (Ok(Value::Object(_)), (text, reason)) => Metadata::Object(text.into_owned(), reason),
        (Ok(_), (text, _)) => {
            Metadata::Other(nested(&text), "metadata that is no object kept under legacy")
        }
        (Err(_), (text, _)) => {
            let other = Value::from(text.as_ref()).to_string();
            Metadata::Other(other, "metadata that is not JSON kept under legacy")
        }
    }
}

/// Where metadata holds what has no place of its own.
pub(super) const LEGACY: &str = "legacy";

/// The text of an object with these values under `legacy`. The rest stays as it is written; a `legacy`
/// that it has already goes under the new one, by a name that is free there.
pub(super) fn with_legacy(object: &str, mut legacy: Vec<(String, String)>) -> String {
    let mut own = Entries::of(object).unwrap_or_default();
    let mut name = LEGACY.to_owned();
    while legacy.iter().any(|(taken, _)| *taken == name) {
        name = format!("{LEGACY}_{name}");
    }
    let former = own.take(|name| name == LEGACY);
    legacy.extend(former.into_iter().map(|(_, value)| (name.clone(), nested(value.get()))));
    let legacy = legacy.iter().map(|(name, value)| format!("{}:{value}", Value::from(&**name)));
    let legacy = legacy.collect::<Vec<_>>().join(",");
    let mut entries: Vec<String> =
        own.texts().map(|(name, value)| format!("{name}:{value}")).collect();
    entries.push(format!("\"{LEGACY}\":{{{legacy}}}"));
    format!("{{{}}}", entries.join(","))
}

/// JSON two levels down, or if that is too deep to be read again, a JSON string with its text.
fn nested(json: &str) -> String {
    if is_json(&format!("[[{json}]]")) {
        json.trim().to_owned()
    } else {
        Value::from(json).to_string()
    }
}

/// The entries of an object as they are written, in their order, and as often as they are there.
#[derive(Debug, Default)]
pub(super) struct Entries<'a>(pub(super) Vec<Entry<'a>>);

type Entry<'a> = (&'a RawValue, &'a RawValue);

impl<'a> Entries<'a> {
    pub(super) fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Takes those out whose name is meant.
    pub(super) fn take(&mut self, is_meant: impl Fn(&str) -> bool) -> Vec<Entry<'a>> {
        let entries = std::mem::take(&mut self.0).into_iter();
        let (taken, rest) = entries.partition(|(name, _)| {
            serde_json::from_str::<String>(name.get()).is_ok_and(|name| is_meant(&name))
        });
        self.0 = rest;
        taken
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.get(), value.get()))
    }
}

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// The names in a role's old list of permissions; `None` if it is no list of names.
pub(super) fn permission_names(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

pub(super) fn grants_everything(text: &str) -> bool {
    permission_names(text).is_some_and(|names| names.iter().any(|name| name == "*"))
}
