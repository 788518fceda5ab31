//! Where the words, strings and comments of a script begin and end: as SQLite and PostgreSQL see it,
//! each in its own way, because a comment to one may be a statement to the other.

use crate::backend::Backend;

/// What a piece of a script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Space,
    /// From `--` up to the end of the line.
    LineComment,
    BlockComment,
    /// A keyword, a name or a number.
    Word,
    /// A name in quotes.
    Name,
    /// A string.
    Text,
    /// Any other character.
    Sign,
}

/// The pieces of a script, in order and without a gap.
pub(super) fn pieces(script: &str, backend: Backend) -> impl Iterator<Item = (Kind, &str)> {
    let mut rest = script;
    std::iter::from_fn(move || {
        let (kind, length) = first(rest, backend)?;
        let (piece, after) = rest.split_at_checked(length)?;
        rest = after;
        Some((kind, piece))
    })
}

/// What stands at the beginning of the text, and how long it is.
fn first(text: &str, backend: Backend) -> Option<(Kind, usize)> {
    let postgres = backend == Backend::Postgres;
    let next = text.chars().next()?;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii();
    let until = |end: fn(char) -> bool| text.find(end).unwrap_or(text.len());
    Some(match next {
        '-' if text.starts_with("--") && postgres => {
            (Kind::LineComment, until(|c| matches!(c, '\n' | '\r')))
        }
        '-' if text.starts_with("--") => (Kind::LineComment, until(|c| c == '\n')),
        // To SQLite, these two at the end of a script begin nothing.
        '/' if text.starts_with("/*") && (postgres || text.len() > 2) => {
            (Kind::BlockComment, comment(text, postgres))
        }
        '\'' => (Kind::Text, quoted(text, '\'', false)),
        'e' | 'E' if postgres && text.get(1..).is_some_and(|rest| rest.starts_with('\'')) => {
            (Kind::Text, 1 + quoted(text.get(1..)?, '\'', true))
        }
        '"' => (Kind::Name, quoted(text, '"', false)),
        '`' if !postgres => (Kind::Name, quoted(text, '`', false)),
        '[' if !postgres => (Kind::Name, text.find(']').map_or(text.len(), |end| end + 1)),
        '$' if postgres => dollar_quoted(text).map_or((Kind::Sign, 1), |end| (Kind::Text, end)),
        // A mark at the beginning of a file says that it is UTF-8.
        '\u{feff}' => (Kind::Space, next.len_utf8()),
        _ if next.is_ascii_whitespace() || next == '\u{b}' => (Kind::Space, 1),
        _ if word(next) => (Kind::Word, text.find(|c| !word(c)).unwrap_or(text.len())),
        _ => (Kind::Sign, next.len_utf8()),
    })
}

/// The length of a comment; one within it is part of it where comments nest.
fn comment(text: &str, nested: bool) -> usize {
    let (mut at, mut depth) = (2, 1_usize);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty() && depth > 0) {
        let (step, now) = match rest {
            _ if rest.starts_with("*/") => (2, depth - 1),
            _ if nested && rest.starts_with("/*") => (2, depth + 1),
            _ => (rest.chars().next().map_or(1, char::len_utf8), depth),
        };
        (at, depth) = (at + step, now);
    }
    at
}

/// The length of what is in quotes. A doubled quote is part of it, and so is whatever a backslash
/// precedes, where it is an escape.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut inside = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = inside.next() {
        if escapes && c == '\\' || c == quote && inside.peek().is_some_and(|next| next.1 == quote) {
            inside.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// The length of `$tag$ … $tag$`, if that is what the dollar begins.
fn dollar_quoted(text: &str) -> Option<usize> {
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
    let tag = text.get(1..)?;
    let end = tag.find(|c| !named(c)).filter(|_| !tag.starts_with(|c: char| c.is_ascii_digit()))?;
    let (mark, rest) = text.split_at_checked(end + 2)?;
    let closed = || Some(rest.find(mark).map_or(text.len(), |end| end + 2 * mark.len()));
    mark.ends_with('$').then(closed)?
}
