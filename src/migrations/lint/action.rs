//! What a statement does, in more detail than its effect.

use super::super::statement::PlannedStatement;

/// A statement as its words: names without quotes, keywords as they are written, and the signs
/// `( ) ,`. Strings are `'`.
pub(super) struct Words(Vec<String>);

impl Words {
    pub(super) fn of(statement: &PlannedStatement) -> Self {
        let mut words = Vec::new();
        let mut rest = statement.sql.as_str();
        while let Some(next) = rest.chars().next() {
            let close = match next {
                '\'' | '"' | '`' => Some(next),
                '[' => Some(']'),
                _ => None,
            };
            let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$');
            let (token, after) = if let Some(close) = close {
                let inner = rest.get(1..).unwrap_or_default();
                let (inner, after) = inner.split_once(close).unwrap_or((inner, ""));
                (if next == '\'' { "'" } else { inner }, after)
            } else if word(next) {
                rest.split_at(rest.find(|c| !word(c)).unwrap_or(rest.len()))
            } else {
                rest.split_at(next.len_utf8())
            };
            if !token.trim().is_empty() {
                words.push(token.to_owned());
            }
            rest = after;
        }
        Self(words)
    }

    pub(super) fn get(&self, at: usize) -> &str {
        self.0.get(at).map_or("", String::as_str)
    }

    /// Whether these keywords stand at this place.
    fn at(&self, at: usize, keywords: &str) -> bool {
        keywords.split(' ').enumerate().all(|(i, k)| self.get(at + i).eq_ignore_ascii_case(k))
    }

    pub(super) fn starts(&self, keywords: &str) -> bool {
        self.at(0, keywords)
    }

    /// The place after these keywords, where they stand first.
    pub(super) fn after(&self, keywords: &str) -> Option<usize> {
        let length = keywords.split(' ').count();
        (0..self.0.len()).find(|at| self.at(*at, keywords)).map(|at| at + length)
    }

    pub(super) fn has(&self, keywords: &str) -> bool {
        self.after(keywords).is_some()
    }

    /// The name that stands here, after words such as `IF NOT EXISTS`.
    pub(super) fn name(&self, mut at: usize) -> String {
        const SKIPPED: [&str; 6] = ["IF", "NOT", "EXISTS", "ONLY", "CONCURRENTLY", "TABLE"];
        while SKIPPED.iter().any(|word| self.get(at).eq_ignore_ascii_case(word)) {
            at += 1;
        }
        let name = self.get(at);
        name.strip_prefix("public.").or(name.strip_prefix("main.")).unwrap_or(name).to_owned()
    }

    /// The parts between commas outside parentheses, from a place on; of a list in parentheses that
    /// begins there, its parts.
    pub(super) fn parts(&self, from: usize) -> Vec<Self> {
        let inside = self.get(from) == "(";
        let (mut parts, mut part, mut depth) = (Vec::new(), Vec::new(), 0_usize);
        for word in self.0.iter().skip(from + usize::from(inside)) {
            match word.as_str() {
                "(" => depth += 1,
                ")" if depth == 0 => break,
                ")" => depth -= 1,
                "," if depth == 0 => {
                    parts.push(Self(std::mem::take(&mut part)));
                    continue;
                }
                _ => {}
            }
            part.push(word.clone());
        }
        parts.push(Self(part));
        parts
    }

    /// The words as one text, for comparison.
    pub(super) fn joined(&self) -> String {
        self.0.join(" ").to_lowercase()
    }
}

/// What a statement does to a table.
pub(super) enum Action {
    /// A table with these columns.
    CreateTable {
        table: String,
        columns: Vec<String>,
    },
    /// An index; its key as text.
    CreateIndex {
        name: String,
        table: String,
        unique: bool,
        key: String,
    },
    CreateTrigger {
        name: String,
        table: String,
    },
    /// `kind` is `TABLE`, `INDEX`, `TRIGGER` or another.
    Drop {
        kind: String,
        names: Vec<String>,
    },
    RenameTable {
        from: String,
        to: String,
    },
    /// The actions of an `ALTER TABLE`.
    Alter {
        table: String,
        actions: Vec<Words>,
    },
    /// Rows are added; `replaces` if others may be changed for it.
    Insert {
        table: String,
        replaces: bool,
    },
    Update {
        table: String,
    },
    Delete {
        table: String,
    },
    Other,
}

impl Action {
    pub(super) fn of(words: &Words) -> Self {
        let create = |kind: &str| {
            (0..5)
                .find(|at| words.at(*at, kind))
                .filter(|_| words.starts("CREATE"))
                .map(|at| at + 1)
        };
        if words.starts("CREATE VIEW") || words.has("FUNCTION") && words.starts("CREATE") {
            return Self::Other;
        }
        if let Some(at) = create("TRIGGER") {
            let table = words.after("ON").map(|on| words.name(on)).unwrap_or_default();
            return Self::CreateTrigger { name: words.name(at), table };
        }
        if let Some(at) = create("INDEX") {
            let on = words.after("ON").unwrap_or_default();
            let list = words.after("(").map_or(on, |open| open - 1);
            let key: Vec<_> = words.parts(list).iter().map(Words::joined).collect();
            let unique = words.starts("CREATE UNIQUE");
            let (name, table) = (words.name(at), words.name(on));
            return Self::CreateIndex { name, table, unique, key: key.join(", ") };
        }
        if let Some(at) = create("TABLE") {
            let list = words.after("(").map_or(usize::MAX - 1, |open| open - 1);
            let columns = words.parts(list).iter().filter_map(column).collect();
            return Self::CreateTable { table: words.name(at), columns };
        }
        if words.starts("DROP") {
            let names = words.parts(2).iter().map(|part| part.name(0)).collect();
            return Self::Drop { kind: words.get(1).to_ascii_uppercase(), names };
        }
        if words.starts("TRUNCATE") {
            return Self::Delete { table: words.name(1) };
        }
        if words.starts("ALTER TABLE") {
            let table = words.name(2);
            let at =
                (2..8).find(|at| words.name(*at) == words.get(*at) && !words.get(*at).is_empty());
            let actions = words.parts(at.unwrap_or(2) + 1);
            if let Some(to) = actions.first().filter(|first| first.starts("RENAME TO")) {
                return Self::RenameTable { from: table, to: to.name(2) };
            }
            return Self::Alter { table, actions };
        }
        // WITH … may stand before each of these.
        let begins = |verb: &str| words.starts(verb) || words.starts("WITH") && words.has(verb);
        let table = |keywords: &str| words.after(keywords).map(|at| words.name(at));
        if (begins("INSERT") || begins("REPLACE")) && words.has("INTO") {
            let replaces =
                words.starts("REPLACE") || words.has("INSERT OR REPLACE") || words.has("DO UPDATE");
            return Self::Insert { table: table("INTO").unwrap_or_default(), replaces };
        }
        if let Some(table) = table("DELETE FROM").filter(|_| begins("DELETE")) {
            return Self::Delete { table };
        }
        if let Some(at) = words.after("UPDATE").filter(|_| begins("UPDATE")) {
            let at = if words.at(at, "OR") { at + 2 } else { at };
            return Self::Update { table: words.name(at) };
        }
        Self::Other
    }
}

/// The column that a part of a table's definition defines, if it is no constraint.
fn column(part: &Words) -> Option<String> {
    const CONSTRAINTS: [&str; 7] =
        ["CONSTRAINT", "PRIMARY", "FOREIGN", "UNIQUE", "CHECK", "EXCLUDE", "LIKE"];
    let name = part.get(0);
    let constraint = CONSTRAINTS.iter().any(|word| name.eq_ignore_ascii_case(word));
    (!constraint && !name.is_empty()).then(|| name.to_owned())
}
