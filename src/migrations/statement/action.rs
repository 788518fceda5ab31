//! Actions of a statement, in more detail than its effect.

use super::words::Words;

/// Action of a statement on a table or another object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `CREATE TABLE`.
    CreateTable {
        /// Name of the table.
        table: String,
        /// Definitions of columns and constraints, one by one.
        parts: Vec<Words>,
        /// Whether the table is temporary.
        temporary: bool,
        /// Whether the statement has `IF NOT EXISTS`.
        if_missing: bool,
    },
    /// `CREATE INDEX`.
    CreateIndex {
        /// Name of the index.
        name: String,
        /// Table that is indexed.
        table: String,
        /// Whether the index is unique.
        unique: bool,
        /// Indexed columns or expressions, as text.
        key: String,
    },
    /// `CREATE TRIGGER`.
    CreateTrigger {
        /// Name of the trigger.
        name: String,
        /// Table of the trigger.
        table: String,
        /// Whether the trigger fires on `TRUNCATE`, which SQLite does not have.
        on_truncate: bool,
    },
    /// `DROP`.
    Drop {
        /// Kind of the objects: `TABLE`, `INDEX`, `TRIGGER` or another.
        kind: String,
        /// Names of the objects.
        names: Vec<String>,
    },
    /// `ALTER TABLE … RENAME TO`.
    RenameTable {
        /// Old name.
        from: String,
        /// New name.
        to: String,
    },
    /// `ALTER TABLE`, except to rename the table.
    Alter {
        /// Name of the table.
        table: String,
        /// Actions of the statement, one by one.
        actions: Vec<Words>,
    },
    /// `INSERT`, `REPLACE` or `COPY`.
    Insert {
        /// Table that gets the rows.
        table: String,
        /// Whether existing rows may be changed or replaced.
        replaces: bool,
    },
    /// `UPDATE` or `MERGE`.
    Update {
        /// Table whose rows are changed.
        table: String,
    },
    /// `DELETE` or `TRUNCATE`.
    Delete {
        /// Tables whose rows are deleted.
        tables: Vec<String>,
    },
}

impl Action {
    /// Returns all actions of a statement. One that begins with `WITH`, or creates a table from a query,
    /// may have several.
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

    /// Returns the existing tables that the action affects.
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
                // PostgreSQL generates a name.
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

    /// Returns the actions that write rows, by their keywords anywhere in the statement.
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

/// Whether a `CREATE` takes its rows from a query.
pub(super) fn has_query(words: &Words) -> bool {
    words.outside().has("AS")
}

/// Returns the position of the kind of object that a `CREATE` creates.
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
