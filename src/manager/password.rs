//! Checking and generating passwords.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::error::{Error, Result};

/// Minimum number of characters of a password.
pub const SHORTEST_PASSWORD: usize = 12;

/// Maximum length of a password, in bytes. Nobody types more, and hashing more would cost time for
/// nothing.
const LONGEST_PASSWORD: usize = 1024;

/// Checks the length and the characters of a new password.
///
/// # Errors
/// [`Error::Password`] with the rule that the password violates. It never contains the password.
pub fn check_password(password: &SecretString) -> Result<()> {
    let text = password.expose_secret();
    let reject = |reason: String| Err(Error::Password(reason));
    if text.chars().count() < SHORTEST_PASSWORD {
        return reject(format!("it must have at least {SHORTEST_PASSWORD} characters"));
    }
    if text.len() > LONGEST_PASSWORD {
        return reject(format!("it must have at most {LONGEST_PASSWORD} bytes"));
    }
    if text.chars().any(char::is_control) {
        return reject(
            "it must not contain control characters, such as a line break or NUL".into(),
        );
    }
    Ok(())
}

/// Returns a random password: four groups of eight hexadecimal digits, with 122 random bits.
#[must_use]
pub fn generate_password() -> SecretString {
    let digits = Uuid::new_v4().simple().to_string();
    let groups: Vec<&str> =
        (0..4).filter_map(|group| digits.get(group * 8..group * 8 + 8)).collect();
    groups.join("-").into()
}
