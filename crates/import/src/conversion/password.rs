//! Password hashes.

use super::outcome::{Outcome, text, text_cell};
use crate::cell::Cell;

/// Returns the hash as a PHC string, without the algorithm that the former application wrote before it.
pub(super) fn phc(hash: &str) -> &str {
    let hash = hash.trim();
    match hash.split_once(':') {
        Some(("argon2id" | "bcrypt", rest)) if rest.starts_with('$') => rest,
        _ => hash,
    }
}

/// Returns the algorithm that the hash itself names: the former column has `bcrypt` by default.
pub(crate) fn algorithm(old: &Cell, hash: &Cell) -> Outcome {
    let hash = text(hash)?.map(|(text, _)| text).unwrap_or_default();
    let named = match phc(&hash).split('$').nth(1) {
        Some("argon2id") => "argon2id",
        Some("2a" | "2b" | "2x" | "2y") => "bcrypt",
        _ => return Err("the password's hash is neither Argon2id nor bcrypt".into()),
    };
    let reason = (old.as_text() != Some(named)).then_some("the algorithm that the hash names");
    Ok((text_cell(named), reason))
}
