//! Words of a shell, for the commands in messages.

/// Quotes a value as one word of a shell.
#[must_use]
pub fn in_shell(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-:@%+=,".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}
