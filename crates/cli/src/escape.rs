//! Escaping of control characters: a name in a hostile database, or of a file, must not give orders to
//! the terminal.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::{Result, Write};

use anstyle::Style;

use super::program::named;

/// Whether a character acts on a terminal instead of being shown: control characters except line feed
/// and tabulator, and the controls of the writing direction and of lines.
const fn acts(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        _ => character.is_ascii_control() || matches!(character, '\u{80}'..='\u{9f}'),
    }
}

/// Returns the text with what acts on a terminal as `\u{…}`.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if acts(c) { c.escape_unicode().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Returns JSON with what acts on a terminal as `\uXXXX`. In JSON it occurs only in strings.
pub(super) fn escaped_json(json: &str) -> Cow<'_, str> {
    if !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let shown = |c: char| if acts(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Cow::Owned(json.chars().map(shown).collect())
}

thread_local! {
    static IS_STYLE: Cell<bool> = const { Cell::new(false) };
}

/// Style of text. Its escape sequences are the only ones that [`Escaped`] passes on. They must be written
/// directly, and not into a `String` first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) Style);

impl fmt::Display for Paint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        IS_STYLE.set(true);
        let written = fmt::Display::fmt(&self.0, f);
        IS_STYLE.set(false);
        written
    }
}

/// Writer that escapes everything but the sequences of a [`Paint`].
#[derive(Debug)]
pub(super) struct Escaped<W>(pub(super) W);

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if IS_STYLE.get() {
            return self.0.write(bytes);
        }
        // `write!` passes on whole strings; bytes in pieces would be shown as U+FFFD.
        self.0.write_all(escaped(&named(&String::from_utf8_lossy(bytes))).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

/// Writer of the log, whose subscriber escapes messages itself when it colours them: passes on colours,
/// escapes the rest.
#[derive(Debug)]
pub(super) struct EscapedLog<W>(pub(super) W);

impl<W: Write> Write for EscapedLog<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let text = named(&text);
        // An entry comes whole, and is one line: a line feed in a name would begin another.
        let (entry, end) = text.strip_suffix('\n').map_or((&*text, ""), |entry| (entry, "\n"));
        let entry = entry.replace('\n', "\\n");
        let mut rest = &*entry;
        while let Some(start) = rest.find("\u{1b}[") {
            let (before, sequence) = rest.split_at(start);
            let parameters = sequence.get(2..).unwrap_or_default();
            let digits = parameters.find(|c: char| !c.is_ascii_digit() && c != ';');
            let Some(end) = digits.filter(|end| parameters.as_bytes().get(*end) == Some(&b'm'))
            else {
                break;
            };
            let (colour, after) = sequence.split_at(end + 3);
            self.0.write_all(escaped(before).as_bytes())?;
            self.0.write_all(colour.as_bytes())?;
            rest = after;
        }
        self.0.write_all(escaped(rest).as_bytes())?;
        self.0.write_all(end.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_written_as_its_number() {
        let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}b\u{7f}\r\u{7}";
        assert_eq!(escaped(hostile), r"a\u{1b}[2J\u{9b}31m\u{202e}b\u{7f}\u{d}\u{7}");
        assert_eq!(escaped("zwölf\tnames\n"), "zwölf\tnames\n");
        assert_eq!(escaped_json("\"\u{9b}\u{2066}\""), r#""\u009b\u2066""#);
    }

    #[test]
    fn only_styles_pass_a_writer() {
        let bold = Paint(Style::new().bold());
        let mut written = Vec::new();
        let name = "\u{1b}[1mname";
        write!(Escaped(&mut written), "{bold}{name}{bold:#}").expect("a vector");
        assert_eq!(String::from_utf8_lossy(&written), "\u{1b}[1m\\u{1b}[1mname\u{1b}[0m");
        written.clear();
        write!(EscapedLog(&mut written), "\u{1b}[31mx\u{1b}[0m \u{1b}]0;y").expect("a vector");
        assert_eq!(String::from_utf8_lossy(&written), "\u{1b}[31mx\u{1b}[0m \\u{1b}]0;y");
        written.clear();
        writeln!(EscapedLog(&mut written), "a\nb").expect("a vector");
        assert_eq!(String::from_utf8_lossy(&written), "a\\nb\n");
    }
}
