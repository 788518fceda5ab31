//! Conversion of a row by the rules of its columns.

use super::cell::Cell;
use super::context::ConversionContext;
use super::conversion::{self, Converted, NUMBER};
use super::rules::{Column, ColumnRule, Table};

/// Reason why a row cannot be copied.
#[derive(Clone, Debug)]
pub(super) struct Rejection {
    /// Column of the former table; empty if the rule is about several or none.
    pub(super) column: &'static str,
    pub(super) reason: String,
}

/// A converted row.
#[derive(Debug, Default)]
pub(super) struct NewRow {
    /// Values in the order of the new table's columns.
    pub(super) cells: Vec<Cell>,
    /// Index and reason of each column whose value was changed.
    pub(super) changes: Vec<(usize, &'static str)>,
    /// Former column and value, for values that have no column and that `metadata` cannot hold.
    pub(super) overflow: Vec<(String, Cell)>,
}

/// Positions of a table's columns in the rows that are read.
#[derive(Debug)]
pub(super) struct ColumnMap {
    pub(super) table: &'static Table,
    /// Position of the value of each column of the new table, if the former table has it.
    positions: Vec<Option<usize>>,
    /// Name and position of the former columns that the new table does not have.
    pub(super) unknown: Vec<(String, usize)>,
    /// Index of the column `metadata` in the new table.
    pub(super) metadata: Option<usize>,
}

/// Names and JSON for the entry `legacy` of the metadata.
type LegacyEntries = Vec<(String, String)>;

const DANGLING: &str = "refers to a row that does not exist: set to NULL, old value preserved";
const MOVED: &str = "values of unknown columns moved to legacy";

impl ColumnMap {
    /// Maps the columns of the former table.
    pub(super) fn new(table: &'static Table, columns: &[String]) -> Self {
        let position = |name| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
        let known = |name: &str| table.columns.iter().any(|c| c.source.eq_ignore_ascii_case(name));
        let unknown = columns.iter().enumerate().filter(|(_, name)| !known(name));
        Self {
            table,
            positions: table.columns.iter().map(|column| position(column.source)).collect(),
            unknown: unknown.map(|(position, name)| (name.clone(), position)).collect(),
            metadata: table.columns.iter().position(|column| column.rule == ColumnRule::Metadata),
        }
    }

    /// Returns the names of the former columns that neither the new table nor a rule knows.
    pub(super) fn unknown_names(&self) -> Vec<String> {
        let unknown = self.unknown.iter().map(|(name, _)| name);
        unknown.filter(|name| !self.table.expects(name)).cloned().collect()
    }

    /// Returns the former value of a column of the new table, given by its index.
    pub(super) fn source<'a>(&self, column: usize, raw: &'a [Cell]) -> &'a Cell {
        let position = self.positions.get(column).copied().flatten();
        position.and_then(|position| raw.get(position)).unwrap_or(&Cell::Null)
    }

    fn sibling<'a>(&self, name: &str, raw: &'a [Cell]) -> &'a Cell {
        let column = self.table.columns.iter().position(|column| column.name == name);
        column.map_or(&Cell::Null, |column| self.source(column, raw))
    }

    /// Converts a row, or returns the first rule that it breaks.
    pub(super) fn convert(
        &self,
        rowid: i64,
        raw: &[Cell],
        context: &ConversionContext,
    ) -> Result<NewRow, Rejection> {
        let mut row = NewRow::default();
        row.cells.reserve(self.table.columns.len());
        let mut legacy = LegacyEntries::new();
        for (index, column) in self.table.columns.iter().enumerate() {
            let rejection = |reason| Rejection { column: column.source, reason };
            let old = self.source(index, raw);
            let (cell, reason) = match column.rule {
                ColumnRule::Parent(parent) => {
                    let cell = conversion::parent(old, parent, context).map_err(rejection)?;
                    let reason = (cell != *old).then_some(NUMBER);
                    (cell, reason)
                }
                ColumnRule::Reference(parent) => {
                    let (cell, exists) = conversion::reference(old, parent, context);
                    if !exists {
                        self.preserve_reference(column, old, &mut row, &mut legacy);
                    }
                    let reason = if exists { NUMBER } else { DANGLING };
                    let changed = cell != *old;
                    (cell, changed.then_some(reason))
                }
                ColumnRule::ParentMessage if context.without_parent.contains(&rowid) => {
                    self.preserve_reference(column, old, &mut row, &mut legacy);
                    (Cell::Null, Some(DANGLING))
                }
                // Written last, when all that moves into it is known.
                ColumnRule::Metadata => (Cell::Null, None),
                rule => self.value(rule, column, old, raw, context).map_err(rejection)?,
            };
            if let Some(reason) = reason {
                row.changes.push((index, reason));
            }
            row.cells.push(cell);
        }
        self.preserve_unknown(raw, &mut row, &mut legacy);
        self.write_metadata(raw, legacy, &mut row);
        Ok(row)
    }

    fn value(
        &self,
        rule: ColumnRule,
        column: &Column,
        old: &Cell,
        raw: &[Cell],
        context: &ConversionContext,
    ) -> Result<Converted, String> {
        match rule {
            ColumnRule::PasswordAlgorithm => {
                conversion::algorithm(old, self.sibling("password_hash", raw))
            }
            ColumnRule::SettingValue => conversion::setting(
                old,
                self.sibling("value_type", raw),
                self.sibling("is_secret", raw),
            ),
            ColumnRule::ActiveUnlessRevoked => {
                conversion::active(old, self.sibling("revoked_at", raw))
            }
            ColumnRule::Time if old.is_null() && column.name == "updated_at" => {
                conversion::time_of_creation(self.sibling("created_at", raw), context.now)
            }
            rule => conversion::convert(rule, old, context.now),
        }
    }

    /// Preserves the old value of a reference that was set to NULL.
    fn preserve_reference(
        &self,
        column: &Column,
        old: &Cell,
        row: &mut NewRow,
        legacy: &mut LegacyEntries,
    ) {
        match self.metadata {
            Some(_) => legacy.push((column.name.to_owned(), old.to_json().to_string())),
            None => row.overflow.push((column.name.to_owned(), old.clone())),
        }
    }

    /// Preserves the values of the columns that the new table does not have.
    fn preserve_unknown(&self, raw: &[Cell], row: &mut NewRow, legacy: &mut LegacyEntries) {
        for (name, position) in &self.unknown {
            let cell = raw.get(*position).unwrap_or(&Cell::Null);
            let withheld = self.table.withholds(name);
            let expected = self.table.expects(name);
            let empty = cell.is_null() || (expected && cell.as_text() == Some(""));
            match self.metadata {
                _ if empty => {}
                Some(_) if !withheld => legacy.push((name.clone(), cell.to_json().to_string())),
                _ => row.overflow.push((name.clone(), cell.clone())),
            }
        }
        for (_, cell) in &mut row.overflow {
            // A text that is not UTF-8 cannot be bound as one, only as a BLOB.
            if let Cell::BadText(bytes) = cell {
                *cell = Cell::Blob(std::mem::take(bytes));
            }
        }
    }

    fn write_metadata(&self, raw: &[Cell], mut legacy: LegacyEntries, row: &mut NewRow) {
        let Some(index) = self.metadata else { return };
        let (mut text, mut reason) = match conversion::metadata(self.source(index, raw)) {
            conversion::Metadata::Object(text, reason) => (text, reason),
            conversion::Metadata::Other(other, reason) => {
                legacy.push(("metadata".into(), other));
                ("{}".into(), Some(reason))
            }
        };
        if !legacy.is_empty() {
            text = conversion::with_legacy(&text, legacy);
            reason = reason.or(Some(MOVED));
        }
        if let Some(cell) = row.cells.get_mut(index) {
            *cell = Cell::Text(text);
        }
        if let Some(reason) = reason {
            row.changes.push((index, reason));
        }
    }
}
