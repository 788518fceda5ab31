//! One line of a `.env` file, as dotenv programs read it.
//!
//! `dotenvy` reads an unset variable as an empty text and `$DATA_DIR` as `$DATA` with `_DIR` after
//! it, and an unclosed quote of another program's line takes the lines after it along. A test
//! compares all that remains with it.

use std::iter::Peekable;
use std::str::Chars;

/// Value of a variable.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Line that begins with a name.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    /// Text after `=`, without white space around it; `None` if no `=` follows the name.
    pub(super) value: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// Returns the parts of a line, or `None` for a comment, an empty line or one without a name.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let exported = text.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
        let text = exported.map_or(text, str::trim_start);
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
        let (name, rest) = text.split_at(end.unwrap_or(text.len()));
        let value = rest.trim_start().strip_prefix('=').map(str::trim_start);
        (!name.is_empty()).then_some(Self { name, value })
    }
}

/// Returns the value that a text after `=` stands for.
///
/// # Errors
/// The reason, which repeats no part of the text.
pub(super) fn value(text: &str, lookup: &Lookup<'_>) -> Result<String, &'static str> {
    let mut value = String::new();
    let mut rest = text.chars().peekable();
    if rest.peek() == Some(&'#') {
        return Ok(value);
    }
    while let Some(c) = rest.next() {
        match c {
            '\'' => loop {
                match rest.next().ok_or(UNCLOSED)? {
                    '\'' => break,
                    c => value.push(c),
                }
            },
            '"' => loop {
                match rest.next().ok_or(UNCLOSED)? {
                    '"' => break,
                    c => push(&mut value, c, &mut rest, lookup)?,
                }
            },
            ' ' | '\t' => {
                let rest: String = rest.collect();
                let rest = rest.trim_start();
                let ends = rest.is_empty() || rest.starts_with('#');
                return if ends { Ok(value) } else { Err(SPACE) };
            }
            c => push(&mut value, c, &mut rest, lookup)?,
        }
    }
    Ok(value)
}

/// Length from which on no value grows by references.
const LONGEST: usize = 64 * 1024;

const UNCLOSED: &str = "a quote is not closed on its line";
const SPACE: &str = "a value that contains white space needs quotes";
const ESCAPE: &str = "\\ is followed by a character that needs none; put a value that contains \\ \
                      into single quotes";
const DOLLAR: &str = "$ is not followed by a name, as in $NAME or ${NAME}; put a value that \
                      contains $ into single quotes";
// The name may be a part of a password that contains a $.
const UNSET: &str = "the variable after $ is not set; set it, or put a value that contains $ into \
                     single quotes";

/// Appends a character outside single quotes, or what it stands for.
fn push(
    value: &mut String,
    c: char,
    rest: &mut Peekable<Chars<'_>>,
    lookup: &Lookup<'_>,
) -> Result<(), &'static str> {
    match c {
        '\\' => match rest.next() {
            Some('n') => value.push('\n'),
            Some(c @ ('\\' | '\'' | '"' | '$' | ' ')) => value.push(c),
            _ => return Err(ESCAPE),
        },
        '$' => {
            let name = reference(rest).ok_or(DOLLAR)?;
            value.push_str(&lookup(&name).ok_or(UNSET)?);
            // Each line could double the one before it.
            if value.len() > LONGEST {
                return Err("the value is longer than 64 KiB");
            }
        }
        c => value.push(c),
    }
    Ok(())
}

/// Returns the name after a `$`, if one follows.
fn reference(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let in_braces = rest.next_if_eq(&'{').is_some();
    let mut name = String::new();
    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        name.push(c);
    }
    let closed = !in_braces || rest.next_if_eq(&'}').is_some();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (closed && is_name).then_some(name)
}

/// Returns the quote that a value opens with and does not close on its line: the value may go on in
/// the lines after it, such as a key in PEM.
pub(super) fn open_quote(value: &str) -> Option<char> {
    let quote = value.chars().next().filter(|c| ['"', '\'', '`'].contains(c))?;
    let rest = value.get(1..).unwrap_or_default();
    after_quote(rest, quote).is_none().then_some(quote)
}

/// Returns the text after the first `quote` without a `\` before it.
fn after_quote(text: &str, quote: char) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return text.get(at + 1..);
        }
        escaped = c == '\\' && !escaped && quote == '"';
    }
    None
}

/// Whether a line closes a value of several lines: `None` if it does not contain the quote.
pub(super) fn closes(line: &str, quote: char) -> Option<bool> {
    let rest = after_quote(line, quote)?.trim();
    Some(rest.is_empty() || rest.starts_with('#'))
}
