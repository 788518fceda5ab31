//! What a statement does, in more detail than its effect.

use super::words::Words;

/// What a statement does to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A table and what is in its parentheses.
    CreateTable {
        /// The table.
        table: String,
        /// The parts in its parentheses.
        parts: Vec<Words>,
        /// It goes with the connection.
        temporary: bool,
        /// Nothing happens if there is one.
        if_missing: bool,
    },
    /// An index; its key as text.
    CreateIndex {
        /// Its name.
        name: String,
        /// The table.
        table: String,
        /// Whether it is unique.
        unique: bool,
        /// What it is on.
        key: String,
    },
    /// A trigger.
    CreateTrigger {
        /// Its name.
        name: String,
        /// The table.
        table: String,
        /// SQLite has no `TRUNCATE` that one could fire on.
        on_truncate: bool,
    },
    /// `kind` is `TABLE`, `INDEX`, `TRIGGER` or another.
    Drop {
        /// `TABLE`, `INDEX`, `TRIGGER` or another.
        kind: String,
        /// The names.
        names: Vec<String>,
    },
    /// A table gets another name.
    RenameTable {
        /// The name before.
        from: String,
        /// The name after.
        to: String,
    },
    /// The actions of an `ALTER TABLE`.
    Alter {
        /// The table.
        table: String,
        /// The actions.
        actions: Vec<Words>,
    },
    /// Rows are added; `replaces` if others may be changed for it.
    Insert {
        /// The table.
        table: String,
        /// Whether rows that are there may be changed for it.
        replaces: bool,
    },
    /// Rows are changed.
    Update {
        /// The table.
        table: String,
    },
    /// Rows are deleted.
    Delete {
        /// The tables.
        tables: Vec<String>,
    },
}

impl Action {
    /// All that the statement does. One that begins with `WITH`, or makes a table of a query, may do
    /// several things.
    #[must_use]
    pub fn all(words: &Words) -> Vec<Self> {
        if words.starts("CREATE") {
            return Self::create(words);
        }
        if words.starts("DROP") {
            let kind = usize::from(words.at(1, "MATERIALIZED")) + 1;
            let names = words.parts(kind + 1).iter().map(|part| part.name(0)).collect();
            return vec![Self::Drop { kind: words.get(kind).to_ascii_uppercase(), names }];
        }
        if words.starts("TRUNCATE") {
            let tables = words.parts(1).iter().map(|part| part.name(0)).collect();
            return vec![Self::Delete { tables }];
        }
        if words.starts("ALTER TABLE") {
            let at = words.name_at(2);
            let (table, actions) = (words.name(2), words.parts(at + 1));
            return vec![match actions.first().filter(|first| first.starts("RENAME TO")) {
                Some(to) => Self::RenameTable { from: table, to: to.name(2) },
                None => Self::Alter { table, actions },
            }];
        }
        Self::writes(words)
    }

    /// The tables that were there and are touched.
    #[must_use]
    pub fn tables(&self) -> Vec<String> {
        match self {
            Self::Drop { kind, names } if kind == "TABLE" => names.clone(),
            Self::RenameTable { from, to } => vec![from.clone(), to.clone()],
            Self::Alter { table, .. } | Self::Insert { table, .. } | Self::Update { table } => {
                vec![table.clone()]
            }
            Self::Delete { tables } => tables.clone(),
            _ => Vec::new(),
        }
    }

    fn create(words: &Words) -> Vec<Self> {
        let at = kind_at(words);
        let name = words.name(at + 1);
        let on = words.after("ON").unwrap_or(usize::MAX - 1);
        match words.get(at).to_ascii_uppercase().as_str() {
            "TABLE" => {
                let list = words.name_at(at + 1) + 1;
                let parts = if words.at(list, "(") { words.parts(list) } else { Vec::new() };
                let made = Self::CreateTable {
                    table: name,
                    parts,
                    temporary: (1..at).any(|word| words.is_any(word, &["TEMP", "TEMPORARY"])),
                    if_missing: words.at(at + 1, "IF NOT EXISTS"),
                };
                // CREATE TABLE … AS WITH … DELETE …
                let written = if has_query(words) { Self::writes(words) } else { Vec::new() };
                std::iter::once(made).chain(written).collect()
            }
            "INDEX" => {
                let list = words.after("(").map_or(on, |open| open - 1);
                let key: Vec<_> = words.parts(list).iter().map(Words::joined).collect();
                let (table, unique) = (words.name(on), words.at(1, "UNIQUE"));
                // PostgreSQL finds a name itself.
                let unnamed = words.at(at + 1, "ON");
                let name = if unnamed { format!("{table}_{}_idx", key.join("_")) } else { name };
                vec![Self::CreateIndex { name, table, unique, key: key.join(", ") }]
            }
            "TRIGGER" => {
                let on_truncate = words.after("TRUNCATE").is_some_and(|event| event < on);
                vec![Self::CreateTrigger { name, table: words.name(on), on_truncate }]
            }
            _ => Vec::new(),
        }
    }

    /// The rows that are written, by the words that say so wherever they stand.
    fn writes(words: &Words) -> Vec<Self> {
        let mut found = Vec::new();
        let mut names = |keywords: &str, action: &dyn Fn(String) -> Self| {
            let length = keywords.split(' ').count();
            found.extend(words.places(keywords).map(|at| action(words.name(at + length))));
        };
        let adds = |table| Self::Insert { table, replaces: words.has("DO UPDATE") };
        names("INSERT INTO", &adds);
        let replaces = |table| Self::Insert { table, replaces: true };
        names("REPLACE INTO", &replaces);
        for word in ["ABORT", "FAIL", "IGNORE", "ROLLBACK"] {
            names(&format!("INSERT OR {word} INTO"), &adds);
        }
        names("DELETE FROM", &|table| Self::Delete { tables: vec![table] });
        let updates = |table| Self::Update { table };
        names("MERGE INTO", &updates);
        if words.has("MERGE INTO") && words.has("THEN DELETE") {
            names("MERGE INTO", &|table| Self::Delete { tables: vec![table] });
        }
        if words.starts("COPY") && words.outside().has("FROM") {
            found.push(Self::Insert { table: words.name(1), replaces: false });
        }
        // Not FOR UPDATE, ON UPDATE, DO UPDATE SET or THEN UPDATE SET.
        for at in words.places("UPDATE").filter(|at| {
            at.checked_sub(1)
                .is_none_or(|before| !words.is_any(before, &["FOR", "ON", "DO", "KEY", "THEN"]))
        }) {
            let name = if words.at(at + 1, "OR") { at + 3 } else { at + 1 };
            found.push(Self::Update { table: words.name(name) });
        }
        found
    }
}

/// Whether something is made of the rows that a query finds.
pub(super) fn has_query(words: &Words) -> bool {
    words.outside().has("AS")
}

/// The place of the kind of thing that a `CREATE` makes.
pub(super) fn kind_at(words: &Words) -> usize {
    const MODIFIERS: [&str; 12] = [
        "OR",
        "REPLACE",
        "TEMP",
        "TEMPORARY",
        "GLOBAL",
        "LOCAL",
        "UNLOGGED",
        "UNIQUE",
        "VIRTUAL",
        "MATERIALIZED",
        "RECURSIVE",
        "CONSTRAINT",
    ];
    let mut at = 1;
    while words.is_any(at, &MODIFIERS) {
        at += 1;
    }
    at
}
