//! JSON columns of the former application, some of which hold text that is not JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::outcome::{DEFAULT, EMPTY, Outcome, text};
use crate::cell::Cell;

const NOT_JSON: &str = "text that is not JSON written as a JSON string";

/// Whether the models can parse the text. They limit the depth; `json_valid` does not.
pub(crate) fn is_json(text: &str) -> bool {
    text == "{}" || text == "[]" || serde_json::from_str::<Value>(text).is_ok()
}

/// Converts JSON that may be NULL.
pub(super) fn optional_json(old: &Cell) -> Outcome {
    match text(old)? {
        None => Ok((Cell::Null, None)),
        Some((text, _)) if text.is_empty() => Ok((Cell::Null, Some(EMPTY))),
        Some((text, reason)) if is_json(&text) => Ok((Cell::Text(text.into_owned()), reason)),
        Some((text, _)) => Ok((Cell::Text(Value::from(text.as_ref()).to_string()), Some(NOT_JSON))),
    }
}

/// Converts a list of texts; a missing one is empty.
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

/// Metadata of a row.
pub(crate) enum Metadata {
    /// Text of an object, with the reason if it is not the old text.
    Object(String, Option<&'static str>),
    /// JSON for `legacy`, made from anything that is not an object, with the reason.
    Other(String, &'static str),
}

/// Classifies the metadata of a row.
pub(crate) fn metadata(old: &Cell) -> Metadata {
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
            return Metadata::Other(other, "metadata that is not text moved to legacy");
        }
    };
    match (serde_json::from_str::<Value>(&text.0), text) {
        (Ok(Value::Object(_)), (text, reason)) => Metadata::Object(text.into_owned(), reason),
        (Ok(_), (text, _)) => {
            Metadata::Other(nested(&text), "metadata that is not an object moved to legacy")
        }
        (Err(_), (text, _)) => {
            let other = Value::from(text.as_ref()).to_string();
            Metadata::Other(other, "metadata that is not JSON moved to legacy")
        }
    }
}

/// Name of the entry in metadata that holds the values without a column.
pub(crate) const LEGACY: &str = "legacy";

/// Adds values to an object, in its entry `legacy`. All other entries keep their text. An entry
/// `legacy` that the object already has moves into the new one, under a free name.
pub(crate) fn with_legacy(object: &str, mut legacy: Vec<(String, String)>) -> String {
    let mut own = Entries::of(object).unwrap_or_default();
    let mut name = LEGACY.to_owned();
    while legacy.iter().any(|(taken, _)| *taken == name) {
        name = format!("{LEGACY}_{name}");
    }
    let existing = own.take(|name| name == LEGACY);
    legacy.extend(existing.into_iter().map(|(_, value)| (name.clone(), nested(value.get()))));
    let legacy = legacy.iter().map(|(name, value)| format!("{}:{value}", Value::from(&**name)));
    let legacy = legacy.collect::<Vec<_>>().join(",");
    let mut entries: Vec<String> =
        own.texts().map(|(name, value)| format!("{name}:{value}")).collect();
    entries.push(format!("\"{LEGACY}\":{{{legacy}}}"));
    format!("{{{}}}", entries.join(","))
}

/// Returns JSON that can be nested two levels deeper: the text itself, or a JSON string with it if the
/// result would exceed the depth that can be parsed.
fn nested(json: &str) -> String {
    if is_json(&format!("[[{json}]]")) {
        json.trim().to_owned()
    } else {
        Value::from(json).to_string()
    }
}

/// Entries of an object as they are written: in their order, duplicate names included.
#[derive(Debug, Default)]
pub(crate) struct Entries<'a>(pub(crate) Vec<Entry<'a>>);

type Entry<'a> = (&'a RawValue, &'a RawValue);

impl<'a> Entries<'a> {
    /// Parses an object; `None` if the text is not one.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Removes and returns the entries whose names match.
    pub(crate) fn take(&mut self, matches: impl Fn(&str) -> bool) -> Vec<Entry<'a>> {
        let entries = std::mem::take(&mut self.0).into_iter();
        let (taken, rest) = entries.partition(|(name, _)| {
            serde_json::from_str::<String>(name.get()).is_ok_and(|name| matches(&name))
        });
        self.0 = rest;
        taken
    }

    /// Name and value of each entry, as they are written.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
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

/// Returns the names in a role's list of permissions; `None` if it is not a list of names.
pub(crate) fn permission_names(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

/// Whether a list of permissions has `*`.
pub(super) fn grants_everything(text: &str) -> bool {
    permission_names(text).is_some_and(|names| names.iter().any(|name| name == "*"))
}
