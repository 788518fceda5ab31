//! What the scripts so far have made, from their text: the same for both databases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zenith_db::internal::migrations::{Action, Words};
use zenith_db::migrations::PlannedStatement;

/// Where something was made.
pub(super) type Place = (PathBuf, usize);

/// Tables with their columns, references, indexes and triggers.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalogue {
    pub(super) tables: BTreeMap<String, BTreeMap<String, Place>>,
    references: Vec<Reference>,
    /// By name: the table, `unique` or nothing with the key, and the place.
    pub(super) indexes: BTreeMap<String, (String, String, Place)>,
    /// By table and name.
    pub(super) triggers: BTreeMap<(String, String), Place>,
    /// What is gone, by its line of [`Self::lines`], and where it went.
    pub(super) gone: BTreeMap<String, Place>,
}

/// A foreign key.
#[derive(Clone, Debug)]
struct Reference {
    name: String,
    table: String,
    columns: String,
    parent: String,
    on_delete: String,
    place: Place,
}

impl Catalogue {
    pub(super) fn apply(&mut self, statements: &[PlannedStatement], file: &Path) {
        for statement in statements {
            let place = (file.to_owned(), statement.line);
            for action in Action::all(&statement.words) {
                // Nothing else takes anything away.
                if !matches!(
                    action,
                    Action::Drop { .. } | Action::RenameTable { .. } | Action::Alter { .. }
                ) {
                    self.step(action, &place);
                    continue;
                }
                let before = self.lines();
                self.step(action, &place);
                let now = self.lines();
                for line in before.into_keys().filter(|line| !now.contains_key(line)) {
                    self.gone.insert(line, place.clone());
                }
            }
        }
    }

    fn step(&mut self, action: Action, place: &Place) {
        match action {
            Action::CreateTable { table, parts, temporary: false, if_missing }
                if !(if_missing && self.tables.contains_key(&table)) =>
            {
                let columns = parts.iter().filter_map(column);
                self.tables.insert(table.clone(), columns.map(|c| (c, place.clone())).collect());
                self.references.extend(parts.iter().filter_map(|p| reference(&table, p, place)));
            }
            Action::CreateIndex { name, table, unique, key } => {
                let key = format!("{}({key})", if unique { "unique " } else { "" });
                self.indexes.insert(name, (table, key, place.clone()));
            }
            Action::CreateTrigger { name, table, on_truncate: false } => {
                self.triggers.insert((table, name), place.clone());
            }
            Action::Drop { kind, names } => names.iter().for_each(|name| self.drop(&kind, name)),
            Action::RenameTable { from, to } => self.rename(&from, &to, place),
            Action::Alter { table, actions } => {
                for action in &actions {
                    self.alter(&table, action, place);
                }
            }
            _ => {}
        }
    }

    fn drop(&mut self, kind: &str, name: &str) {
        match kind {
            "TABLE" => {
                self.tables.remove(name);
                self.references.retain(|reference| reference.table != name);
                self.indexes.retain(|_, (table, ..)| table != name);
                self.triggers.retain(|(table, _), _| table != name);
            }
            "INDEX" => drop(self.indexes.remove(name)),
            "TRIGGER" => self.triggers.retain(|(_, trigger), _| trigger != name),
            _ => {}
        }
    }

    fn rename(&mut self, from: &str, to: &str, place: &Place) {
        let renamed = |table: &mut String| {
            if table == from {
                to.clone_into(table);
            }
        };
        if let Some(columns) = self.tables.remove(from) {
            let moved = columns.into_keys().map(|column| (column, place.clone())).collect();
            self.tables.insert(to.to_owned(), moved);
        }
        for reference in &mut self.references {
            renamed(&mut reference.table);
            renamed(&mut reference.parent);
        }
        self.indexes.values_mut().for_each(|(table, ..)| renamed(table));
        let triggers = std::mem::take(&mut self.triggers).into_iter();
        self.triggers = triggers
            .map(|((mut table, name), place)| {
                renamed(&mut table);
                ((table, name), place)
            })
            .collect();
    }

    /// Each thing in words, with the place where it was made.
    pub(super) fn lines(&self) -> BTreeMap<String, Place> {
        let columns = self.tables.iter().flat_map(|(table, columns)| {
            columns
                .iter()
                .map(move |(column, place)| (format!("the column {table}.{column}"), place.clone()))
        });
        let references = self.references.iter().map(|reference| {
            let Reference { table, columns, parent, on_delete, place, .. } = reference;
            let line =
                format!("the reference {table} ({columns}) to {parent} ON DELETE {on_delete}");
            (line, place.clone())
        });
        let indexes = self.indexes.iter().map(|(name, (table, key, place))| {
            (format!("the index {name} on {table} {key}"), place.clone())
        });
        let triggers = self.triggers.iter().map(|((table, name), place)| {
            (format!("the trigger {name} on {table}"), place.clone())
        });
        columns.chain(references).chain(indexes).chain(triggers).collect()
    }

    /// One action of an `ALTER TABLE`.
    fn alter(&mut self, table: &str, action: &Words, place: &Place) {
        let columns = self.tables.entry(table.to_owned()).or_default();
        // The word COLUMN may be left out.
        let at = if action.is_any(1, &["COLUMN"]) { 2 } else { 1 };
        if action.starts("ADD") {
            if let Some(column) = added_column(action) {
                columns.insert(column, place.clone());
            }
            let added = action.from(action.name_at(at));
            self.references.extend(reference(table, &added, place));
        } else if action.starts("DROP CONSTRAINT") {
            let name = action.name(2);
            self.references.retain(|r| r.table != table || r.name != name);
        } else if action.starts("DROP") {
            let column = action.name(at);
            columns.remove(&column);
            self.references.retain(|r| r.table != table || r.columns != column);
        } else if action.starts("RENAME") && !action.starts("RENAME CONSTRAINT") {
            let (old, new) = (action.get(at), action.get(at + 2));
            if columns.remove(old).is_some() {
                columns.insert(new.to_owned(), place.clone());
            }
            for reference in self.references.iter_mut().filter(|r| r.table == table) {
                if reference.columns == old {
                    new.clone_into(&mut reference.columns);
                }
            }
        }
    }
}

const CONSTRAINTS: [&str; 7] =
    ["CONSTRAINT", "PRIMARY", "FOREIGN", "UNIQUE", "CHECK", "EXCLUDE", "LIKE"];

/// The column that a part of a table's definition defines, if it is no constraint.
pub(super) fn column(part: &Words) -> Option<String> {
    (!part.is_any(0, &CONSTRAINTS)).then(|| part.get(0).to_owned()).filter(|name| !name.is_empty())
}

/// The foreign key that is in a part of a table's definition.
fn reference(table: &str, part: &Words, place: &Place) -> Option<Reference> {
    let (references, key) = (part.after("REFERENCES")? - 1, part.after("FOREIGN KEY"));
    let columns = match key {
        None => part.get(0).to_owned(),
        Some(list) => part.parts(list).iter().map(Words::joined).collect::<Vec<_>>().join(", "),
    };
    let named = key.map_or(references, |list| list - 2).checked_sub(2);
    let named = named.filter(|at| part.is_any(*at, &["CONSTRAINT"]));
    let action = part.after("ON DELETE").map_or("NO ACTION".to_owned(), |at| {
        let two = part.is_any(at, &["SET", "NO"]);
        [part.get(at), if two { part.get(at + 1) } else { "" }].join(" ")
    });
    Some(Reference {
        name: named.map_or(format!("{table}_{columns}_fkey"), |at| part.get(at + 1).to_owned()),
        table: table.to_owned(),
        columns,
        parent: part.name(references + 1),
        on_delete: action.trim().to_uppercase(),
        place: place.clone(),
    })
}

/// The column that an action of `ALTER TABLE` adds.
pub(super) fn added_column(action: &Words) -> Option<String> {
    let at = if action.starts("ADD COLUMN") { 2 } else { 1 };
    (action.starts("ADD") && !action.is_any(1, &CONSTRAINTS)).then(|| action.name(at))
}
