//! Words of a shell, for the commands in messages.

/// Quotes a value as one word of a shell; control characters as `bash`, `zsh` and `ksh` write them, so that the word
/// stays on its line.
#[must_use]
pub fn in_shell(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-:@%+=,".contains(c);
    if value.contains(char::is_control) {
        let quoted = |c: char| match c {
            '\n' => "\\n".to_owned(),
            '\\' | '\'' => format!("\\{c}"),
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        return format!("$'{}'", value.chars().map(quoted).collect::<String>());
    }
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}
