//! Where the statements of a script end.

use super::lexer::{self, Kind};
use crate::backend::Backend;

/// Cuts a script at the semicolons that end statements, and leaves comments out. Each statement has
/// the number of the line on which it begins.
pub(super) fn split(script: &str, backend: Backend) -> Vec<(usize, String)> {
    let (mut found, mut current, mut body) = (Vec::new(), String::new(), Body::default());
    let (mut line, mut begins) = (1, 1);
    for (kind, piece) in lexer::pieces(script, backend) {
        match kind {
            // So that words stay apart; a mark at the beginning of a file is no part of a statement.
            Kind::LineComment | Kind::BlockComment => current.push(' '),
            Kind::Space if matches!(piece, "\u{feff}" | "\u{b}") => current.push(' '),
            Kind::Space => current.push_str(piece),
            _ if piece == ";" && body.is_over(backend) => {
                found.push((begins, std::mem::take(&mut current)));
                body = Body::default();
            }
            _ => {
                if current.trim_ascii().is_empty() {
                    begins = line;
                }
                body.take(kind, piece);
                current.push_str(piece);
            }
        }
        line += piece.matches('\n').count();
    }
    found.push((begins, current));
    let trimmed = found.into_iter().map(|(line, sql)| (line, sql.trim_ascii().to_owned()));
    trimmed.filter(|(_, sql)| !sql.is_empty()).collect()
}

/// What of a statement tells whether a semicolon ends it.
#[derive(Default)]
struct Body {
    /// The first words, up to the kind of thing that is made.
    head: Vec<String>,
    /// The last two pieces.
    last: [String; 2],
    /// How many parentheses are open.
    open: usize,
    /// How many of `BEGIN ATOMIC` and `CASE` are open, in a function.
    depth: usize,
}

impl Body {
    fn take(&mut self, kind: Kind, piece: &str) {
        let word = match kind {
            Kind::Word | Kind::Sign => piece.to_ascii_uppercase(),
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

    /// As the databases themselves decide: SQLite's trigger ends with `; END;`, and PostgreSQL's
    /// function may have a body between `BEGIN ATOMIC` and `END`, and its rule one in parentheses.
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
