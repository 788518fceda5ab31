//! One row of the former application into one of ours, by the rules of its columns.

use std::collections::{BTreeMap, HashSet};

use zenith_db::types::UtcTime;

use super::cell::Cell;
use super::json;
use super::rules::{Column, Rule, Table};
use super::value::{self, Converted};

/// Why a row cannot become one of ours.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) column: &'static str,
    pub(super) reason: String,
}

/// A row as it will be written.
#[derive(Debug, Default)]
pub(super) struct NewRow {
    /// In the order of the table's columns.
    pub(super) cells: Vec<Cell>,
    /// Which columns were changed, by their place, and why.
    pub(super) changes: Vec<(usize, &'static str)>,
    /// Values that have no column any more, where there is no `metadata` for them.
    pub(super) aside: Vec<(String, Cell)>,
}

/// Where the columns of a table stand in the rows that are read.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) table: &'static Table,
    /// For each column of the new table the place of its value, if the old table has it.
    places: Vec<Option<usize>>,
    /// The columns of the old table that the new one does not have.
    pub(super) unknown: Vec<(String, usize)>,
    pub(super) metadata: Option<usize>,
}

/// Names and JSON that go into the metadata under `legacy`.
type Legacy = Vec<(String, String)>;

/// What is known about other rows while a row is looked at.
#[derive(Debug)]
pub(super) struct Knowledge {
    /// The moment of the adoption.
    pub(super) now: UtcTime,
    /// The keys that were written, for each table of which they are remembered. One that is not here
    /// has not been read yet.
    pub(super) kept: BTreeMap<&'static str, HashSet<i64>>,
    /// The keys of the rows that were not written.
    pub(super) quarantined: BTreeMap<&'static str, HashSet<i64>>,
    /// The messages that answer one that is not there. Known when all have been read.
    pub(super) orphans: HashSet<i64>,
}

const GONE: &str = "refers to a row that does not exist: taken away and kept aside";
const KEPT_ASIDE: &str = "values without a column of their own kept under legacy";

impl Layout {
    /// `columns` are those that the old table has.
    pub(super) fn new(table: &'static Table, columns: &[String]) -> Self {
        let place = |name| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
        let taken = |name: &str| table.columns.iter().any(|c| c.source.eq_ignore_ascii_case(name));
        let unknown = columns.iter().enumerate().filter(|(_, name)| !taken(name));
        Self {
            table,
            places: table.columns.iter().map(|column| place(column.source)).collect(),
            unknown: unknown.map(|(place, name)| (name.clone(), place)).collect(),
            metadata: table.columns.iter().position(|column| column.rule == Rule::Metadata),
        }
    }

    /// The names that the new table does not know at all.
    pub(super) fn unknown_names(&self) -> Vec<String> {
        let unknown = self.unknown.iter().map(|(name, _)| name);
        unknown.filter(|name| !self.table.withholds(name)).cloned().collect()
    }

    /// The value of an old column.
    pub(super) fn source<'a>(&self, column: usize, raw: &'a [Cell]) -> &'a Cell {
        let place = self.places.get(column).copied().flatten();
        place.and_then(|place| raw.get(place)).unwrap_or(&Cell::Null)
    }

    fn sibling<'a>(&self, name: &str, raw: &'a [Cell]) -> &'a Cell {
        let column = self.table.columns.iter().position(|column| column.name == name);
        column.map_or(&Cell::Null, |column| self.source(column, raw))
    }

    /// The row as it will be, or what stands in its way.
    pub(super) fn convert(
        &self,
        rowid: i64,
        raw: &[Cell],
        knowledge: &Knowledge,
    ) -> Result<NewRow, Broken> {
        let mut row = NewRow::default();
        row.cells.reserve(self.table.columns.len());
        let mut legacy = Legacy::new();
        for (place, column) in self.table.columns.iter().enumerate() {
            let broken = |reason| Broken { column: column.source, reason };
            let old = self.source(place, raw);
            let (cell, reason) = match column.rule {
                Rule::Parent(parent) => {
                    let cell = value::parent(old, parent, knowledge).map_err(broken)?;
                    let reason = (cell != *old).then_some(value::NUMBER);
                    (cell, reason)
                }
                Rule::Reference(parent) => {
                    let (cell, known) = value::reference(old, parent, knowledge);
                    self.keep_if_gone(known, column, old, &mut row, &mut legacy);
                    let reason = if known { value::NUMBER } else { GONE };
                    let changed = cell != *old;
                    (cell, changed.then_some(reason))
                }
                Rule::ParentMessage if knowledge.orphans.contains(&rowid) => {
                    self.keep_if_gone(false, column, old, &mut row, &mut legacy);
                    (Cell::Null, Some(GONE))
                }
                // Last, when it is known what it must take.
                Rule::Metadata => (Cell::Null, None),
                rule => self.value(rule, column, old, raw, knowledge).map_err(broken)?,
            };
            if let Some(reason) = reason {
                row.changes.push((place, reason));
            }
            row.cells.push(cell);
        }
        self.put_aside(raw, &mut row, &mut legacy);
        self.write_metadata(raw, legacy, &mut row);
        Ok(row)
    }

    fn value(
        &self,
        rule: Rule,
        column: &Column,
        old: &Cell,
        raw: &[Cell],
        knowledge: &Knowledge,
    ) -> Result<Converted, String> {
        match rule {
            Rule::PasswordAlgorithm => value::algorithm(old, self.sibling("password_hash", raw)),
            Rule::SettingValue => {
                value::setting(old, self.sibling("value_type", raw), self.sibling("is_secret", raw))
            }
            Rule::ActiveUnlessRevoked => value::active(old, self.sibling("revoked_at", raw)),
            // A row whose change is not known was last changed when it was made.
            Rule::Time if old.is_null() && column.name == "updated_at" => {
                value::time(self.sibling("created_at", raw), knowledge.now)
                    .map(|(cell, _)| (cell, Some("was missing: the time of creation")))
            }
            rule => value::convert(rule, old, knowledge),
        }
    }

    fn keep_if_gone(
        &self,
        known: bool,
        column: &Column,
        old: &Cell,
        row: &mut NewRow,
        legacy: &mut Legacy,
    ) {
        if known {
            return;
        }
        match self.metadata {
            Some(_) => legacy.push((column.name.to_owned(), old.to_json().to_string())),
            None => row.aside.push((column.name.to_owned(), old.clone())),
        }
    }

    /// What the new table has no column for.
    fn put_aside(&self, raw: &[Cell], row: &mut NewRow, legacy: &mut Legacy) {
        for (name, place) in &self.unknown {
            let cell = raw.get(*place).unwrap_or(&Cell::Null);
            let withheld = self.table.withholds(name);
            let empty = cell.is_null() || (withheld && cell.as_text() == Some(""));
            match self.metadata {
                _ if empty => {}
                Some(_) if !withheld => legacy.push((name.clone(), cell.to_json().to_string())),
                _ => row.aside.push((name.clone(), cell.clone())),
            }
        }
        for (_, cell) in &mut row.aside {
            // In a column of any type it can only be kept as bytes.
            if let Cell::BadText(bytes) = cell {
                *cell = Cell::Blob(std::mem::take(bytes));
            }
        }
    }

    fn write_metadata(&self, raw: &[Cell], mut legacy: Legacy, row: &mut NewRow) {
        let Some(place) = self.metadata else { return };
        let (mut text, mut reason) = match json::metadata(self.source(place, raw)) {
            json::Metadata::Object(text, reason) => (text, reason),
            json::Metadata::Other(other, reason) => {
                legacy.push(("metadata".into(), other));
                ("{}".into(), Some(reason))
            }
        };
        if !legacy.is_empty() {
            text = json::with_legacy(&text, legacy);
            reason = reason.or(Some(KEPT_ASIDE));
        }
        if let Some(slot) = row.cells.get_mut(place) {
            *slot = Cell::Text(text);
        }
        if let Some(reason) = reason {
            row.changes.push((place, reason));
        }
    }
}
