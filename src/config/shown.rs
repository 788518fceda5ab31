//! Paths and other given texts in messages.

use std::fmt::Display;

use super::address::names_secret;

/// Returns the text of a path, or of a value that someone gave, for a message: control characters are
/// escaped, so that a line end in it does not pass for one of the message, and what is a password or a secret key is
/// `***`: it may have been given in the place of a path.
pub fn shown(text: impl Display) -> String {
    let escaped = |c: char| {
        if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
    };
    without_secrets(&text.to_string()).chars().map(escaped).collect()
}

/// Masks the rest of a URL that has a password, a text with `password=`, and secret keys of age.
fn without_secrets(text: &str) -> String {
    let end_of_scheme = |(at, _): &(usize, &str)| {
        let rest = text.get(at + 1..).unwrap_or_default();
        has_scheme(text.get(..*at).unwrap_or_default())
            && has_password(rest.trim_start_matches('/'))
    };
    // An absolute path has one slash where a URL has two.
    let kept = match text.match_indices(":/").find(end_of_scheme) {
        Some((at, _)) => {
            let slashes =
                if text.get(at..).is_some_and(|rest| rest.starts_with("://")) { 3 } else { 2 };
            format!("{}***", text.get(..at + slashes).unwrap_or_default())
        }
        None if names_secret(&text.to_lowercase()) => "***".to_owned(),
        None => text.to_owned(),
    };
    without_keys(&kept)
}

/// Whether the text ends as the scheme of a URL does. One letter is a Windows drive.
fn has_scheme(before: &str) -> bool {
    let is_of_scheme = |c: &char| c.is_ascii_alphanumeric() || "+.-".contains(*c);
    before.chars().rev().take_while(is_of_scheme).count() > 1
}

/// Whether what follows the scheme of a URL has a password that is not masked.
fn has_password(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let first = rest.split_once('@').map(|(user, _)| user);
    let last = authority.rsplit_once('@').map(|(user, _)| user);
    let passwords = [first, last].into_iter().flatten().filter_map(|user| user.split_once(':'));
    passwords.into_iter().any(|(_, password)| password != "***")
        || names_secret(&rest.to_lowercase())
}

/// How a secret key of age begins.
const KEY: &str = "AGE-SECRET-KEY-";

/// Returns where a secret key of age begins in the text, in any case of letters.
fn secret_key_in(text: &str) -> Option<usize> {
    // The upper case of ASCII has the same length.
    text.to_ascii_uppercase().find(KEY)
}

/// Whether a text holds a secret key of age.
#[must_use]
pub fn has_secret_key(text: &str) -> bool {
    secret_key_in(text).is_some()
}

/// Replaces each secret key of age.
fn without_keys(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = secret_key_in(rest) {
        let (before, key) = rest.split_at(at);
        kept.push_str(before);
        kept.push_str("***");
        rest = key.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-');
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_secret_keys_are_masked_and_nothing_else() {
        for (given, expected) in [
            ("postgres://u:S3cr3t@h/d", "postgres://***"),
            ("postgres://u:S3/cr3t@h/d", "postgres://***"),
            ("postgres://a@b:S3cr3t@h/d", "postgres://***"),
            ("/srv/postgres:/u:S3cr3t@h/d.json", "/srv/postgres:/***"),
            ("./xy://u:S3cr3t@h", "./xy://***"),
            ("postgres://h/d?password=S3cr3t", "postgres://***"),
            ("host=h Password = S3cr3t", "***"),
            ("a/AGE-SECRET-KEY-1ABC.json", "a/***.json"),
            ("age-secret-key-pq-1abc age-secret-key-1", "*** ***"),
        ] {
            assert_eq!(shown(given), expected);
        }
        for plain in [
            "postgres://u@h:5432/d",
            "postgres://u:***@h:5432/d",
            "/srv/a:b/c@d.db",
            "C:/a:b@c",
            "ä/backups/zenith-20260101T000000.000000Z.db",
        ] {
            assert_eq!(shown(plain), plain);
        }
        assert_eq!(shown("a\nb\u{1b}"), "a\\nb\\u{1b}");
    }
}
