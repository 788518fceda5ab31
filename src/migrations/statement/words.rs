//! A statement as its words.

use super::lexer::{self, Kind};
use crate::backend::Backend;

/// A word, or a sign such as `(`, or a string, which is `'`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    /// Whether it may be a keyword or a sign, because no quotes are around it.
    bare: bool,
}

/// The words of a statement. A name has no quotes, and no schema if it is in the usual one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<Word>);

impl Words {
    /// The words of a statement.
    #[must_use]
    pub fn of(sql: &str, backend: Backend) -> Self {
        let mut words: Vec<Word> = Vec::new();
        for (kind, piece) in lexer::pieces(sql, backend) {
            let text = match kind {
                Kind::Space | Kind::LineComment | Kind::BlockComment => continue,
                // SQLite finds a name in whichever case.
                Kind::Word if backend == Backend::Postgres => piece.to_lowercase(),
                Kind::Word | Kind::Sign => piece.to_owned(),
                Kind::Text => "'".to_owned(),
                Kind::Name => unquoted(piece),
            };
            words.push(Word { text, bare: matches!(kind, Kind::Word | Kind::Sign) });
        }
        Self(without_schema(words, backend))
    }

    /// The word at a place; empty beyond the last.
    #[must_use]
    pub fn get(&self, at: usize) -> &str {
        self.0.get(at).map_or("", |word| &word.text)
    }

    fn is(&self, at: usize, keyword: &str) -> bool {
        self.0.get(at).is_some_and(|word| word.bare && word.text.eq_ignore_ascii_case(keyword))
    }

    /// Whether one of these keywords stands at this place.
    #[must_use]
    pub fn is_any(&self, at: usize, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(at, keyword))
    }

    /// Whether these keywords stand at this place, one after the other.
    #[must_use]
    pub fn at(&self, at: usize, keywords: &str) -> bool {
        keywords.split(' ').enumerate().all(|(i, keyword)| self.is(at + i, keyword))
    }

    /// Whether the statement begins with these keywords.
    #[must_use]
    pub fn starts(&self, keywords: &str) -> bool {
        self.at(0, keywords)
    }

    /// The place after these keywords, where they stand first.
    #[must_use]
    pub fn after(&self, keywords: &str) -> Option<usize> {
        self.places(keywords).next().map(|at| at + keywords.split(' ').count())
    }

    /// Each place at which these keywords stand.
    pub(super) fn places<'a>(&'a self, keywords: &'a str) -> impl Iterator<Item = usize> + 'a {
        (0..self.0.len()).filter(move |at| self.at(*at, keywords))
    }

    /// Whether these keywords stand anywhere, one after the other.
    #[must_use]
    pub fn has(&self, keywords: &str) -> bool {
        self.after(keywords).is_some()
    }

    /// Whether the statement begins or ends a transaction, or a part of one.
    #[must_use]
    pub fn controls_transactions(&self) -> bool {
        const VERBS: [&str; 8] =
            ["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"];
        self.is_any(0, &VERBS) || self.starts("PREPARE TRANSACTION")
    }

    /// The place of the name that stands here, after words such as `IF NOT EXISTS`.
    #[must_use]
    pub fn name_at(&self, at: usize) -> usize {
        for skipped in ["IF NOT EXISTS", "IF EXISTS", "ONLY", "CONCURRENTLY", "TABLE"] {
            if self.at(at, skipped) {
                return self.name_at(at + skipped.split(' ').count());
            }
        }
        at
    }

    /// The name that stands here, after words such as `IF NOT EXISTS`.
    #[must_use]
    pub fn name(&self, at: usize) -> String {
        self.get(self.name_at(at)).to_owned()
    }

    /// Whether this name stands anywhere.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        (0..self.0.len()).any(|at| self.get(at) == name)
    }

    /// Whether rows are read from this table.
    #[must_use]
    pub fn reads(&self, table: &str) -> bool {
        ["FROM", "JOIN"].iter().any(|word| self.places(word).any(|at| self.name(at + 1) == table))
    }

    /// The parts between commas outside parentheses, from a place on; of a list in parentheses that
    /// begins there, its parts.
    #[must_use]
    pub fn parts(&self, from: usize) -> Vec<Self> {
        let inside = usize::from(self.is(from, "("));
        let (mut parts, mut part, mut depth) = (Vec::new(), Vec::new(), 0_usize);
        for at in from + inside..self.0.len() {
            match () {
                () if self.is(at, "(") => depth += 1,
                () if self.is(at, ")") && depth == 0 => break,
                () if self.is(at, ")") => depth -= 1,
                () if self.is(at, ",") && depth == 0 => {
                    parts.push(Self(std::mem::take(&mut part)));
                    continue;
                }
                () => {}
            }
            part.extend(self.0.get(at).cloned());
        }
        parts.push(Self(part));
        parts
    }

    /// The words from a place on.
    #[must_use]
    pub fn from(&self, at: usize) -> Self {
        Self(self.0.iter().skip(at).cloned().collect())
    }

    /// These words without what is in parentheses.
    #[must_use]
    pub fn outside(&self) -> Self {
        let mut depth = 0_usize;
        let mut kept = Vec::new();
        for (at, word) in self.0.iter().enumerate() {
            depth += usize::from(self.is(at, "("));
            if depth == 0 {
                kept.push(word.clone());
            }
            depth = depth.saturating_sub(usize::from(self.is(at, ")")));
        }
        Self(kept)
    }

    /// The words as one text, for comparison.
    #[must_use]
    pub fn joined(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|word| word.text.as_str()).collect();
        words.join(" ").to_lowercase()
    }
}

fn unquoted(name: &str) -> String {
    let mut inner = name.chars();
    let quote = inner.next();
    let inner = inner.as_str();
    match quote {
        Some('[') => inner.trim_end_matches(']').to_owned(),
        Some(quote) => {
            let doubled = String::from_iter([quote, quote]);
            inner.strip_suffix(quote).unwrap_or(inner).replace(&doubled, &quote.to_string())
        }
        None => String::new(),
    }
}

/// `schema.name` as one word, and without the schema in which everything is.
fn without_schema(words: Vec<Word>, backend: Backend) -> Vec<Word> {
    let usual = match backend {
        Backend::Sqlite => "main",
        Backend::Postgres => "public",
    };
    let mut found: Vec<Word> = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let named = |word: &&mut Word| !word.bare || word.text.contains(char::is_alphanumeric);
        let schema = found.last_mut().filter(|_| word.bare && word.text == ".").filter(named);
        match schema.map(|schema| (schema, words.next())) {
            Some((schema, Some(name))) if schema.text.eq_ignore_ascii_case(usual) => *schema = name,
            Some((schema, Some(name))) => {
                schema.text = format!("{}.{}", schema.text, name.text);
                schema.bare = false;
            }
            _ => found.push(word),
        }
    }
    found
}
