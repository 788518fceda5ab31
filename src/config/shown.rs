//! Paths and other given texts in messages.

use std::fmt::Display;

/// Returns the text of a path, or of a value that someone gave, for a message: control characters are
/// escaped, so that a line end in it does not pass for one of the message.
pub fn shown(text: impl Display) -> String {
    let escaped = |c: char| {
        if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
    };
    text.to_string().chars().map(escaped).collect()
}
