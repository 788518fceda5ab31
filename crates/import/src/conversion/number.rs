//! Numbers and flags.

use std::fmt::Display;

use super::outcome::{Converted, DEFAULT, EMPTY, NUMBER, Outcome, shown, text};
use crate::cell::Cell;

const FLAG: &str = "flag written as 0 or 1";

/// Converts a whole number. NULL gives `None`; empty text gives the default, or NULL without one.
pub(super) fn integer(old: &Cell, default: Option<i64>) -> Result<Option<Converted>, String> {
    let whole = |number: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "compared with the number it is from")]
        let integer = number as i64;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53, or refused")]
        #[expect(clippy::float_cmp, reason = "only the very same number is meant")]
        let same = number.abs() < 9.0e15 && integer as f64 == number;
        same.then_some((Cell::Integer(integer), Some(NUMBER)))
    };
    let refused = |found: &dyn Display| Err(format!("{found} is not a whole number"));
    match old {
        Cell::Null => Ok(None),
        Cell::Integer(number) => Ok(Some((Cell::Integer(*number), None))),
        Cell::Real(number) => whole(*number).map_or_else(|| refused(number), |done| Ok(Some(done))),
        other => {
            let Some((text, _)) = text(other)? else { return Ok(None) };
            let trimmed = text.trim();
            if trimmed.is_empty() {
                let value = default.map_or(Cell::Null, Cell::Integer);
                return Ok(Some((value, Some(EMPTY))));
            }
            if let Ok(number) = trimmed.parse() {
                return Ok(Some((Cell::Integer(number), Some(NUMBER))));
            }
            let real = trimmed.parse().ok().and_then(whole);
            real.map_or_else(|| refused(&shown(trimmed)), |done| Ok(Some(done)))
        }
    }
}

/// Converts a flag.
pub(super) fn flag(old: &Cell, default: bool) -> Outcome {
    let word = match old {
        Cell::Null => return Ok((Cell::Integer(default.into()), Some(DEFAULT))),
        Cell::Integer(number @ (0 | 1)) => return Ok((Cell::Integer(*number), None)),
        other => text(other)?.map(|(text, _)| text.trim().to_ascii_lowercase()).unwrap_or_default(),
    };
    match word.as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok((Cell::Integer(1), Some(FLAG))),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok((Cell::Integer(0), Some(FLAG))),
        "" => Ok((Cell::Integer(default.into()), Some(DEFAULT))),
        other => Err(format!("{} is neither true nor false", shown(other))),
    }
}

/// Converts the flag of an API key. A revoked key is not active, whatever its flag says.
pub(crate) fn active(old: &Cell, revoked_at: &Cell) -> Outcome {
    let (cell, reason) = flag(old, true)?;
    let revoked = !revoked_at.is_null() && revoked_at.as_text() != Some("");
    if revoked && cell == Cell::Integer(1) {
        return Ok((Cell::Integer(0), Some("revoked, and so not active")));
    }
    Ok((cell, reason))
}
