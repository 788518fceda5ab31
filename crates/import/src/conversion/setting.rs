//! Values of settings and preferences.

use super::json::is_json;
use super::number::flag;
use super::outcome::{Outcome, text};
use crate::cell::Cell;

/// Writes a value in the form of its type. A secret stays as it is: the table accepts it only
/// encrypted.
pub(crate) fn setting(old: &Cell, value_type: &Cell, is_secret: &Cell) -> Outcome {
    const REASON: &str = "written in the form of its type";
    let Some((found, read)) = text(old)? else { return Ok((Cell::Null, None)) };
    let secret = flag(is_secret, false).is_ok_and(|(cell, _)| cell == Cell::Integer(1));
    let value_type = value_type.as_text().map(|text| text.trim().to_ascii_lowercase());
    let trimmed = found.trim();
    let written = match value_type.as_deref() {
        _ if secret => None,
        Some("integer") => trimmed.parse::<i64>().ok().map(|number| number.to_string()),
        Some("boolean") => match flag(&Cell::Text(trimmed.to_owned()), false) {
            _ if trimmed.is_empty() => None,
            Ok((cell, _)) => Some((cell == Cell::Integer(1)).to_string()),
            Err(_) => None,
        },
        Some("float") => trimmed.parse::<f64>().ok().filter(|n| n.is_finite()).map(|number| {
            if is_json(trimmed) { trimmed.to_owned() } else { format!("{number:?}") }
        }),
        _ => None,
    };
    match written {
        Some(new) if new != found => Ok((Cell::Text(new), Some(REASON))),
        // A value that does not match its type is for the table's own check to refuse.
        _ => Ok((Cell::Text(found.into_owned()), read)),
    }
}
