//! Result of the conversion of one value, and the value as text, from which most rules start.

use std::borrow::Cow;

use crate::cell::Cell;

/// New value, with the reason why it differs from the old one; `None` if it does not.
pub(crate) type Converted = (Cell, Option<&'static str>);

/// Conversion of one value; an error says which rule the old value breaks.
pub(crate) type Outcome = Result<Converted, String>;

pub(super) const DEFAULT: &str = "was missing: the default";
pub(super) const EMPTY: &str = "empty text written as NULL";
pub(crate) const NUMBER: &str =
    "number stored as text, or with a fraction of zero, written as a number";

/// Text, with the reason why the value had to be converted to text first.
pub(crate) type ReadText<'a> = (Cow<'a, str>, Option<&'static str>);

/// Returns the value as text; `None` for NULL.
pub(crate) fn text(old: &Cell) -> Result<Option<ReadText<'_>>, String> {
    Ok(Some(match old {
        Cell::Null => return Ok(None),
        Cell::Text(text) => (Cow::Borrowed(text.as_str()), None),
        Cell::Integer(number) => (number.to_string().into(), Some("number written as text")),
        Cell::Real(number) => (number.to_string().into(), Some("number written as text")),
        Cell::BadText(_) => return Err("is text that is not valid UTF-8".into()),
        Cell::Blob(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => (text.into(), Some("BLOB of UTF-8 written as text")),
            Err(_) => return Err("is a BLOB that is not UTF-8".into()),
        },
    }))
}

pub(super) fn text_cell(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

pub(super) fn missing() -> String {
    "is missing".into()
}

/// Returns a value for a message: at most 40 characters, on one line.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
