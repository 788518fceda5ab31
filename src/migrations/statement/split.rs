//! Splitting a script into statements.

use super::lexer::{self, TokenKind};
use crate::backend::Backend;

/// Splits a script at the semicolons that end statements, without its comments. Each statement has the
/// number of the line on which it begins.
pub(super) fn split(script: &str, backend: Backend) -> Vec<(usize, String)> {
    let (mut found, mut current, mut body) = (Vec::new(), String::new(), Body::default());
    let (mut line, mut begins) = (1, 1);
    for (kind, token) in lexer::tokens(script, backend) {
        match kind {
            // A space keeps the words apart. A byte order mark is not part of a statement.
            TokenKind::LineComment | TokenKind::BlockComment => current.push(' '),
            TokenKind::Space if matches!(token, "\u{feff}" | "\u{b}") => current.push(' '),
            TokenKind::Space => current.push_str(token),
            _ if token == ";" && body.is_over(backend) => {
                found.push((begins, std::mem::take(&mut current)));
                body = Body::default();
            }
            _ => {
                if current.trim_ascii().is_empty() {
                    begins = line;
                }
                body.take(kind, token);
                current.push_str(token);
            }
        }
        line += token.matches('\n').count();
    }
    found.push((begins, current));
    let trimmed = found.into_iter().map(|(line, sql)| (line, sql.trim_ascii().to_owned()));
    trimmed.filter(|(_, sql)| !sql.is_empty()).collect()
}

/// State of the current statement that decides whether a semicolon ends it.
#[derive(Default)]
struct Body {
    /// First words, up to the kind of object that is created.
    head: Vec<String>,
    /// Last two tokens.
    last: [String; 2],
    /// Number of open parentheses.
    open: usize,
    /// Number of open `BEGIN ATOMIC` and `CASE` in a function.
    depth: usize,
}

impl Body {
    fn take(&mut self, kind: TokenKind, token: &str) {
        let word = match kind {
            TokenKind::Word | TokenKind::Sign => token.to_ascii_uppercase(),
            _ => String::new(),
        };
        match word.as_str() {
            "(" => self.open += 1,
            ")" => self.open = self.open.saturating_sub(1),
            "ATOMIC" if self.last[1] == "BEGIN" => self.depth = 1,
            "CASE" if self.depth > 0 => self.depth += 1,
            "END" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let modifier = ["OR", "REPLACE", "TEMP", "TEMPORARY"].contains(&word.as_str());
        if self.head.len() < 2 && !modifier {
            self.head.push(word.clone());
        }
        let [_, last] = std::mem::take(&mut self.last);
        self.last = [last, word];
    }

    /// Whether a semicolon ends the statement, by the rules of the backend: an SQLite trigger ends with
    /// `; END;`. A PostgreSQL function may have a body between `BEGIN ATOMIC` and `END`, and a rule may
    /// have one in parentheses.
    fn is_over(&self, backend: Backend) -> bool {
        let makes = |kind: &str| self.head == ["CREATE", kind];
        match backend {
            Backend::Sqlite => !makes("TRIGGER") || self.last == [";", "END"],
            Backend::Postgres => {
                let function = makes("FUNCTION") || makes("PROCEDURE");
                self.open == 0 && !(function && self.depth > 0)
            }
        }
    }
}
