//! JSON of the former application, and what only should have been JSON.

use serde_json::Value;

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
    /// Anything else, which goes under `legacy`.
    Other(Value, &'static str),
}

pub(super) fn metadata(old: &Cell) -> Metadata {
    match text(old) {
        Ok(None) => Metadata::Object("{}".into(), Some(DEFAULT)),
        Ok(Some((text, _))) if text.is_empty() => Metadata::Object("{}".into(), Some(DEFAULT)),
        Ok(Some((text, reason))) if text == "{}" => Metadata::Object(text.into_owned(), reason),
        Ok(Some((text, reason))) => match serde_json::from_str::<Value>(&text) {
            Ok(Value::Object(_)) => Metadata::Object(text.into_owned(), reason),
            Ok(other) => Metadata::Other(other, "metadata that is no object kept under legacy"),
            Err(_) => Metadata::Other(text.into(), "metadata that is not JSON kept under legacy"),
        },
        Err(_) => Metadata::Other(old.to_json(), "metadata that is no text kept under legacy"),
    }
}

/// The names in a role's old list of permissions; `None` if it is no list of names.
pub(super) fn permission_names(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

pub(super) fn grants_everything(text: &str) -> bool {
    permission_names(text).is_some_and(|names| names.iter().any(|name| name == "*"))
}
