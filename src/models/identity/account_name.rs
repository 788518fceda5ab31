//! Usernames and email addresses in the one form in which they are stored and looked up.

use unicode_normalization::UnicodeNormalization;

use crate::error::{Result, Rule, Violation};

/// Returns the canonical form of a username or email address, in which it is stored and looked up:
/// composed (Unicode NFC), trimmed, in lower case.
#[must_use]
pub fn canonical(text: &str) -> String {
    let composed: String = text.nfc().collect();
    composed.trim().to_lowercase().nfc().collect()
}

/// Returns the first control or invisible character. With one, two names look the same and are not.
#[must_use]
pub fn invisible_in(text: &str) -> Option<char> {
    text.chars().find(|found| {
        found.is_control() || INVISIBLE.iter().any(|(first, last)| (first..=last).contains(&found))
    })
}

/// Characters without a shape of their own: Unicode's `Default_Ignorable_Code_Point`, the separators of
/// lines and paragraphs, and the marks of interlinear annotations.
const INVISIBLE: &[(char, char)] = &[
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{2028}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFFB}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];

/// Checks the canonical form beyond ASCII, where SQLite's `lower` and `trim` cannot.
pub(super) fn check_canonical(text: &str, constraint: &str) -> Result<()> {
    if text != canonical(text) {
        return Err(Violation::new(Rule::Canonical, constraint).into());
    }
    // A NUL breaks the rule of the length.
    if invisible_in(text).is_some_and(|found| found != '\0') {
        return Err(Violation::new(Rule::Invisible, constraint).into());
    }
    Ok(())
}
