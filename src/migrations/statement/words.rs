//! Words of a statement.

use super::lexer::{self, TokenKind};
use crate::backend::Backend;

/// Word or sign of a statement. A string is `'`, whatever its value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    /// Whether the word has no quotes, so that it may be a keyword or a sign.
    bare: bool,
    /// A string as it is written, with its quotes.
    literal: Option<String>,
}

/// Words of a statement, without comments. Names have no quotes, and no schema if it is the default
/// one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<Word>);

impl Words {
    /// Splits a statement into its words.
    #[must_use]
    pub fn of(sql: &str, backend: Backend) -> Self {
        let mut words: Vec<Word> = Vec::new();
        for (kind, token) in lexer::tokens(sql, backend) {
            let text = match kind {
                TokenKind::Space | TokenKind::LineComment | TokenKind::BlockComment => continue,
                // PostgreSQL folds a name without quotes to lower case.
                TokenKind::Word if backend == Backend::Postgres => token.to_lowercase(),
                TokenKind::Word | TokenKind::Sign => token.to_owned(),
                TokenKind::Text => "'".to_owned(),
                TokenKind::Name => unquoted(token),
            };
            let bare = matches!(kind, TokenKind::Word | TokenKind::Sign);
            let literal = (kind == TokenKind::Text).then(|| token.to_owned());
            words.push(Word { text, bare, literal });
        }
        Self(without_schema(words, backend))
    }

    /// Returns the word at a position; empty beyond the last word.
    #[must_use]
    pub fn get(&self, at: usize) -> &str {
        self.0.get(at).map_or("", |word| &word.text)
    }

    /// Returns the words, each with whether it has no quotes.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn texts(&self) -> Vec<(&str, bool)> {
        self.0.iter().map(|word| (word.text.as_str(), word.bare)).collect()
    }

    /// Returns the number of words.
    #[cfg(feature = "postgres")]
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the string at a position as it is written, with its quotes; `None` if another word is there.
    #[cfg(feature = "postgres")]
    pub(super) fn literal(&self, at: usize) -> Option<&str> {
        self.0.get(at)?.literal.as_deref()
    }

    /// Returns the sign at a position; `None` if another word is there.
    #[cfg(feature = "postgres")]
    pub(super) fn sign(&self, at: usize) -> Option<char> {
        let word = self.0.get(at).filter(|word| word.bare)?;
        word.text.chars().next().filter(char::is_ascii_punctuation).filter(|sign| *sign != '_')
    }

    fn is(&self, at: usize, keyword: &str) -> bool {
        self.0.get(at).is_some_and(|word| word.bare && word.text.eq_ignore_ascii_case(keyword))
    }

    /// Whether the word at a position is one of these keywords.
    #[must_use]
    pub fn is_any(&self, at: usize, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(at, keyword))
    }

    /// Whether these keywords follow each other from a position on.
    #[must_use]
    pub fn at(&self, at: usize, keywords: &str) -> bool {
        keywords.split(' ').enumerate().all(|(i, keyword)| self.is(at + i, keyword))
    }

    /// Whether the statement begins with these keywords.
    #[must_use]
    pub fn starts(&self, keywords: &str) -> bool {
        self.at(0, keywords)
    }

    /// Returns the position after the first occurrence of these keywords.
    #[must_use]
    pub fn after(&self, keywords: &str) -> Option<usize> {
        self.places(keywords).next().map(|at| at + keywords.split(' ').count())
    }

    /// Returns the position of each occurrence of these keywords.
    pub(super) fn places<'a>(&'a self, keywords: &'a str) -> impl Iterator<Item = usize> + 'a {
        (0..self.0.len()).filter(move |at| self.at(*at, keywords))
    }

    /// Whether these keywords follow each other anywhere in the statement.
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

    /// Returns the position of the name that begins at a position, after words such as
    /// `IF NOT EXISTS`.
    #[must_use]
    pub fn name_at(&self, at: usize) -> usize {
        for skipped in ["IF NOT EXISTS", "IF EXISTS", "ONLY", "CONCURRENTLY", "TABLE"] {
            if self.at(at, skipped) {
                return self.name_at(at + skipped.split(' ').count());
            }
        }
        at
    }

    /// Returns the name that begins at a position, after words such as `IF NOT EXISTS`.
    #[must_use]
    pub fn name(&self, at: usize) -> String {
        self.get(self.name_at(at)).to_owned()
    }

    /// Whether a word of the statement is this name.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        (0..self.0.len()).any(|at| self.get(at) == name)
    }

    /// Whether the statement reads rows from this table.
    #[must_use]
    pub fn reads(&self, table: &str) -> bool {
        ["FROM", "JOIN"].iter().any(|word| self.places(word).any(|at| self.name(at + 1) == table))
    }

    /// Splits at commas outside parentheses and brackets, from a position on. If a list in parentheses begins there,
    /// returns its elements.
    #[must_use]
    pub fn parts(&self, from: usize) -> Vec<Self> {
        let inside = usize::from(self.is(from, "("));
        let (mut parts, mut part, mut depth) = (Vec::new(), Vec::new(), 0_usize);
        for at in from + inside..self.0.len() {
            match () {
                () if self.is_any(at, &["(", "["]) => depth += 1,
                () if self.is(at, ")") && depth == 0 => break,
                () if self.is_any(at, &[")", "]"]) => depth = depth.saturating_sub(1),
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

    /// Returns the words from a position on.
    #[must_use]
    pub fn from(&self, at: usize) -> Self {
        Self(self.0.iter().skip(at).cloned().collect())
    }

    /// Returns the words outside parentheses.
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

    /// Joins the words in lower case, for comparison.
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

/// Joins `schema.name` to one word, and removes the default schema.
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
