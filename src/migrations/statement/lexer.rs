//! Lexer for the scripts of migrations. SQLite and PostgreSQL differ in it: a comment for one may be a
//! statement for the other.

use crate::backend::Backend;

/// Kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
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

/// Returns the tokens of a script, in order and without gaps.
pub(super) fn tokens(script: &str, backend: Backend) -> impl Iterator<Item = (TokenKind, &str)> {
    let mut rest = script;
    std::iter::from_fn(move || {
        let (kind, length) = first(rest, backend)?;
        let (token, after) = rest.split_at_checked(length)?;
        rest = after;
        Some((kind, token))
    })
}

/// Returns the kind and the length of the first token.
fn first(text: &str, backend: Backend) -> Option<(TokenKind, usize)> {
    let postgres = backend == Backend::Postgres;
    let next = text.chars().next()?;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii();
    let until = |end: fn(char) -> bool| text.find(end).unwrap_or(text.len());
    Some(match next {
        '-' if text.starts_with("--") && postgres => {
            (TokenKind::LineComment, until(|c| matches!(c, '\n' | '\r')))
        }
        '-' if text.starts_with("--") => (TokenKind::LineComment, until(|c| c == '\n')),
        // For SQLite, these two at the end of a script are no comment.
        '/' if text.starts_with("/*") && (postgres || text.len() > 2) => {
            (TokenKind::BlockComment, comment(text, postgres))
        }
        '\'' => (TokenKind::Text, quoted(text, '\'', false)),
        'e' | 'E' if postgres && text.get(1..).is_some_and(|rest| rest.starts_with('\'')) => {
            (TokenKind::Text, 1 + quoted(text.get(1..)?, '\'', true))
        }
        '"' => (TokenKind::Name, quoted(text, '"', false)),
        '`' if !postgres => (TokenKind::Name, quoted(text, '`', false)),
        '[' if !postgres => (TokenKind::Name, text.find(']').map_or(text.len(), |end| end + 1)),
        '$' if postgres => {
            dollar_quoted(text).map_or((TokenKind::Sign, 1), |end| (TokenKind::Text, end))
        }
        // A byte order mark may begin a file.
        '\u{feff}' => (TokenKind::Space, next.len_utf8()),
        _ if next.is_ascii_whitespace() || next == '\u{b}' => (TokenKind::Space, 1),
        _ if word(next) => (TokenKind::Word, text.find(|c| !word(c)).unwrap_or(text.len())),
        _ => (TokenKind::Sign, next.len_utf8()),
    })
}

/// Returns the length of a block comment, with the comments in it where comments nest.
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

/// Returns the length of a quoted token. A doubled quote is part of it, and so is any character after a
/// backslash, if backslashes are escapes.
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

/// Returns the length of `$tag$ … $tag$`, if the text begins with such a string.
fn dollar_quoted(text: &str) -> Option<usize> {
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
    let tag = text.get(1..)?;
    let end = tag.find(|c| !named(c)).filter(|_| !tag.starts_with(|c: char| c.is_ascii_digit()))?;
    let (mark, rest) = text.split_at_checked(end + 2)?;
    let closed = || Some(rest.find(mark).map_or(text.len(), |end| end + 2 * mark.len()));
    mark.ends_with('$').then(closed)?
}
