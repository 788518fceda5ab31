//! What the scripts so far have made, from their text: the same for both databases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::statement::PlannedStatement;
use super::action::{Action, Words};

/// Where something was made.
pub(super) type Place = (PathBuf, usize);

/// Tables with their columns, indexes and triggers.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalogue {
    pub(super) tables: BTreeMap<String, BTreeMap<String, Place>>,
    /// By name: the table, `unique` or nothing with the key, and the place.
    pub(super) indexes: BTreeMap<String, (String, String, Place)>,
    /// By table and name.
    pub(super) triggers: BTreeSet<(String, String)>,
    /// What is gone, by its line of [`Self::lines`], and where it went.
    pub(super) gone: BTreeMap<String, Place>,
}

impl Catalogue {
    pub(super) fn apply(&mut self, statements: &[PlannedStatement], file: &Path) {
        for statement in statements {
            let before = self.lines();
            let place = (file.to_owned(), statement.line);
            self.step(&Words::of(statement), &place);
            let now = self.lines();
            for line in before.into_keys().filter(|line| !now.contains_key(line)) {
                self.gone.insert(line, place.clone());
            }
        }
    }

    fn step(&mut self, words: &Words, place: &Place) {
        match Action::of(words) {
            Action::CreateTable { table, columns } => {
                let columns = columns.into_iter().map(|column| (column, place.clone())).collect();
                self.tables.insert(table, columns);
            }
            Action::CreateIndex { name, table, unique, key } => {
                let key = format!("{}({key})", if unique { "unique " } else { "" });
                self.indexes.insert(name, (table, key, place.clone()));
            }
            Action::CreateTrigger { name, table } => {
                self.triggers.insert((table, name));
            }
            Action::Drop { kind, names } => {
                for name in names {
                    match kind.as_str() {
                        "TABLE" => {
                            self.tables.remove(&name);
                            self.indexes.retain(|_, (table, ..)| *table != name);
                            self.triggers.retain(|(table, _)| *table != name);
                        }
                        "INDEX" => drop(self.indexes.remove(&name)),
                        "TRIGGER" => self.triggers.retain(|(_, trigger)| *trigger != name),
                        _ => {}
                    }
                }
            }
            Action::RenameTable { from, to } => {
                if let Some(columns) = self.tables.remove(&from) {
                    let moved = columns.into_keys().map(|column| (column, place.clone())).collect();
                    self.tables.insert(to.clone(), moved);
                }
                for (table, ..) in self.indexes.values_mut().filter(|(table, ..)| *table == from) {
                    table.clone_from(&to);
                }
                let triggers = std::mem::take(&mut self.triggers);
                let moved = |(table, name)| (if table == from { to.clone() } else { table }, name);
                self.triggers = triggers.into_iter().map(moved).collect();
            }
            Action::Alter { table, actions } => {
                let columns = self.tables.entry(table).or_default();
                for action in &actions {
                    alter(columns, action, place);
                }
            }
            Action::Insert { .. }
            | Action::Update { .. }
            | Action::Delete { .. }
            | Action::Other => {}
        }
    }

    /// Each thing in words, with the place where it was made.
    pub(super) fn lines(&self) -> BTreeMap<String, Place> {
        let columns = self.tables.iter().flat_map(|(table, columns)| {
            columns
                .iter()
                .map(move |(column, place)| (format!("the column {table}.{column}"), place.clone()))
        });
        let indexes = self.indexes.iter().map(|(name, (table, key, place))| {
            (format!("the index {name} on {table} {key}"), place.clone())
        });
        columns.chain(indexes).collect()
    }
}

fn alter(columns: &mut BTreeMap<String, Place>, action: &Words, place: &Place) {
    // The word COLUMN may be left out.
    let at = if action.get(1).eq_ignore_ascii_case("COLUMN") { 2 } else { 1 };
    if let Some(column) = added_column(action) {
        columns.insert(column, place.clone());
    } else if action.starts("DROP") && !action.starts("DROP CONSTRAINT") {
        columns.remove(&action.name(at));
    } else if action.starts("RENAME")
        && !action.starts("RENAME CONSTRAINT")
        && columns.remove(action.get(at)).is_some()
    {
        columns.insert(action.get(at + 2).to_owned(), place.clone());
    }
}

/// The column that an action of `ALTER TABLE` adds.
pub(super) fn added_column(action: &Words) -> Option<String> {
    const OTHERS: [&str; 6] = ["CONSTRAINT", "CHECK", "FOREIGN", "PRIMARY", "UNIQUE", "EXCLUDE"];
    let at = if action.starts("ADD COLUMN") { 2 } else { 1 };
    let other = OTHERS.iter().any(|word| action.get(1).eq_ignore_ascii_case(word));
    (action.starts("ADD") && !other).then(|| action.name(at))
}
