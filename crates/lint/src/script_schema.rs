//! Schema that scripts build up, read from their text alone, in one form for both backends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zenith_db::internal::migrations::{Action, Words};
use zenith_db::migrations::PlannedStatement;

/// Line of a script.
#[derive(Clone, Debug)]
pub(super) struct ScriptLine {
    pub(super) file: PathBuf,
    /// Number of the line, from 1.
    pub(super) line: usize,
}

/// Columns, foreign keys, indexes and triggers, each with the line that created it.
#[derive(Clone, Debug, Default)]
pub(super) struct ScriptSchema {
    /// Columns by name, by table.
    pub(super) tables: BTreeMap<String, BTreeMap<String, ScriptLine>>,
    foreign_keys: Vec<ForeignKey>,
    /// Indexes by name.
    pub(super) indexes: BTreeMap<String, ScriptIndex>,
    /// Triggers by table and name.
    pub(super) triggers: BTreeMap<(String, String), ScriptLine>,
    /// Objects that were dropped, by their description in [`Self::objects`], with the line that dropped
    /// each.
    pub(super) dropped: BTreeMap<String, ScriptLine>,
}

/// Index that a script creates.
#[derive(Clone, Debug)]
pub(super) struct ScriptIndex {
    pub(super) table: String,
    /// Indexed columns in brackets, after `unique` if the index is unique.
    key: String,
    place: ScriptLine,
}

#[derive(Clone, Debug)]
struct ForeignKey {
    name: String,
    table: String,
    columns: String,
    parent: String,
    on_delete: String,
    place: ScriptLine,
}

impl ScriptSchema {
    /// Applies the statements of a script.
    pub(super) fn apply(&mut self, statements: &[PlannedStatement], file: &Path) {
        for statement in statements {
            let place = ScriptLine { file: file.to_owned(), line: statement.line };
            for action in Action::all(&statement.words) {
                // No other action drops anything.
                if !matches!(
                    action,
                    Action::Drop { .. } | Action::RenameTable { .. } | Action::Alter { .. }
                ) {
                    self.step(action, &place);
                    continue;
                }
                let before = self.objects();
                self.step(action, &place);
                let now = self.objects();
                for object in before.into_keys().filter(|object| !now.contains_key(object)) {
                    self.dropped.insert(object, place.clone());
                }
            }
        }
    }

    fn step(&mut self, action: Action, place: &ScriptLine) {
        match action {
            Action::CreateTable { table, parts, temporary: false, if_missing }
                if !(if_missing && self.tables.contains_key(&table)) =>
            {
                let columns = parts.iter().filter_map(column);
                self.tables.insert(table.clone(), columns.map(|c| (c, place.clone())).collect());
                self.foreign_keys
                    .extend(parts.iter().filter_map(|p| foreign_key(&table, p, place)));
            }
            Action::CreateIndex { name, table, unique, key } => {
                let key = format!("{}({key})", if unique { "unique " } else { "" });
                self.indexes.insert(name, ScriptIndex { table, key, place: place.clone() });
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
                self.foreign_keys.retain(|key| key.table != name);
                self.indexes.retain(|_, index| index.table != name);
                self.triggers.retain(|(table, _), _| table != name);
            }
            "INDEX" => drop(self.indexes.remove(name)),
            "TRIGGER" => self.triggers.retain(|(_, trigger), _| trigger != name),
            _ => {}
        }
    }

    fn rename(&mut self, from: &str, to: &str, place: &ScriptLine) {
        let renamed = |table: &mut String| {
            if table == from {
                to.clone_into(table);
            }
        };
        if let Some(columns) = self.tables.remove(from) {
            let moved = columns.into_keys().map(|column| (column, place.clone())).collect();
            self.tables.insert(to.to_owned(), moved);
        }
        for key in &mut self.foreign_keys {
            renamed(&mut key.table);
            renamed(&mut key.parent);
        }
        self.indexes.values_mut().for_each(|index| renamed(&mut index.table));
        let triggers = std::mem::take(&mut self.triggers).into_iter();
        self.triggers = triggers
            .map(|((mut table, name), place)| {
                renamed(&mut table);
                ((table, name), place)
            })
            .collect();
    }

    /// Returns a description of each object, with the line that created it.
    pub(super) fn objects(&self) -> BTreeMap<String, ScriptLine> {
        let columns = self.tables.iter().flat_map(|(table, columns)| {
            columns
                .iter()
                .map(move |(column, place)| (format!("the column {table}.{column}"), place.clone()))
        });
        let foreign_keys = self.foreign_keys.iter().map(|key| {
            let ForeignKey { table, columns, parent, on_delete, place, .. } = key;
            let object =
                format!("the foreign key {table} ({columns}) to {parent} ON DELETE {on_delete}");
            (object, place.clone())
        });
        let indexes = self.indexes.iter().map(|(name, ScriptIndex { table, key, place })| {
            (format!("the index {name} on {table} {key}"), place.clone())
        });
        let triggers = self.triggers.iter().map(|((table, name), place)| {
            (format!("the trigger {name} on {table}"), place.clone())
        });
        columns.chain(foreign_keys).chain(indexes).chain(triggers).collect()
    }

    /// Applies one action of an `ALTER TABLE`.
    fn alter(&mut self, table: &str, action: &Words, place: &ScriptLine) {
        let columns = self.tables.entry(table.to_owned()).or_default();
        // The word COLUMN is optional.
        let at = if action.is_any(1, &["COLUMN"]) { 2 } else { 1 };
        if action.starts("ADD") {
            if let Some(column) = added_column(action) {
                columns.insert(column, place.clone());
            }
            let added = action.from(action.name_at(at));
            self.foreign_keys.extend(foreign_key(table, &added, place));
        } else if action.starts("DROP CONSTRAINT") {
            let name = action.name(2);
            self.foreign_keys.retain(|key| key.table != table || key.name != name);
        } else if action.starts("DROP") {
            let column = action.name(at);
            columns.remove(&column);
            self.foreign_keys.retain(|key| key.table != table || key.columns != column);
        } else if action.starts("RENAME") && !action.starts("RENAME CONSTRAINT") {
            let (old, new) = (action.get(at), action.get(at + 2));
            if columns.remove(old).is_some() {
                columns.insert(new.to_owned(), place.clone());
            }
            for key in self.foreign_keys.iter_mut().filter(|key| key.table == table) {
                if key.columns == old {
                    new.clone_into(&mut key.columns);
                }
            }
        }
    }
}

/// Words that begin a constraint in the definition of a table.
const CONSTRAINTS: [&str; 7] =
    ["CONSTRAINT", "PRIMARY", "FOREIGN", "UNIQUE", "CHECK", "EXCLUDE", "LIKE"];

/// Returns the column that a part of a table's definition defines, unless the part is a constraint.
pub(super) fn column(part: &Words) -> Option<String> {
    (!part.is_any(0, &CONSTRAINTS)).then(|| part.get(0).to_owned()).filter(|name| !name.is_empty())
}

/// Returns the foreign key in a part of a table's definition, if any.
fn foreign_key(table: &str, part: &Words, place: &ScriptLine) -> Option<ForeignKey> {
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
    Some(ForeignKey {
        name: named.map_or(format!("{table}_{columns}_fkey"), |at| part.get(at + 1).to_owned()),
        table: table.to_owned(),
        columns,
        parent: part.name(references + 1),
        on_delete: action.trim().to_uppercase(),
        place: place.clone(),
    })
}

/// Returns the column that an action of an `ALTER TABLE` adds, if any.
pub(super) fn added_column(action: &Words) -> Option<String> {
    let at = if action.starts("ADD COLUMN") { 2 } else { 1 };
    (action.starts("ADD") && !action.is_any(1, &CONSTRAINTS)).then(|| action.name(at))
}
