//! Refuses a migration that loses or changes rows without declaring it.
//!
//! The rows of every table are counted before and after each migration, inside its transaction. If the
//! script may write rows (anything except creating tables, indexes and triggers, adding and renaming
//! columns and tables, and dropping whole tables), the content of every table is digested as well.
//! Rows added to a table with an ascending key do not count as a change of the existing rows.
//!
//! Virtual tables and what their modules derive are not compared: they follow the tables that they index.
//! A table that the program cannot read may not be dropped without a declaration.

mod declaration;
mod digest;

use std::collections::BTreeMap;

use super::parsed_script::ParsedScript;
use super::statement::{may_write_rows, renames};
use super::steps::StepDirection;
use crate::backend::DbConnection;
use crate::catalog::{UnreadableTable, columns, row_count, storing_tables, try_row_count};
use crate::error::{Error, MigrationFault, Result, RowChange};

pub use declaration::{Declaration, INTENTS, Intent, declarations};
use digest::TableDigest;

/// Rows of a table before a migration.
enum TableSnapshot {
    /// Number of rows, if the script writes none.
    Count(i64),
    /// Number and digest of the rows.
    Digest(TableDigest),
    /// Columns of a table that the program cannot read.
    Unreadable(Vec<String>),
}

impl TableSnapshot {
    fn take(connection: &mut DbConnection, table: &str, digested: bool) -> Result<Self> {
        let taken = if digested {
            TableDigest::of(connection, table, None).map(Self::Digest)
        } else {
            row_count(connection, table).map(Self::Count)
        };
        taken.or_else(|error| {
            UnreadableTable::of(connection, table, error)?;
            Ok(Self::Unreadable(columns(connection.sqlite()?, table)?))
        })
    }

    /// Returns the number of rows; `None` if the table cannot be read.
    fn rows(&self) -> Option<i64> {
        match self {
            Self::Count(rows) => Some(*rows),
            Self::Digest(digest) => Some(digest.rows),
            Self::Unreadable(_) => None,
        }
    }
}

/// Rows of every table before a migration.
pub(super) struct TableSnapshots<'a> {
    script: &'a ParsedScript,
    tables: BTreeMap<String, TableSnapshot>,
    declarations: Vec<Declaration>,
    /// Tables that the script renames, as (old name, new name).
    renames: Vec<(String, String)>,
}

impl<'a> TableSnapshots<'a> {
    /// Counts the rows of every table, and digests them if the script may write rows.
    pub(super) fn take(connection: &mut DbConnection, script: &'a ParsedScript) -> Result<Self> {
        let digested = script.statements.iter().any(may_write_rows);
        let mut tables = BTreeMap::new();
        for name in guarded_tables(connection)? {
            let snapshot = TableSnapshot::take(connection, &name, digested)?;
            tables.insert(name, snapshot);
        }
        let (declarations, _) = declarations(script.text, connection.backend());
        Ok(Self { script, tables, declarations, renames: renames(&script.statements) })
    }

    /// Compares every table with its snapshot, after the script. Returns the tables that differ.
    ///
    /// # Errors
    /// [`MigrationFault::RowsNotConserved`] if the script does not declare a difference.
    pub(super) fn compare(self, connection: &mut DbConnection) -> Result<Vec<RowChange>> {
        let now = guarded_tables(connection)?;
        let mut changes = Vec::new();
        for (name, before) in &self.tables {
            let renamed = self.renames.iter().find(|(from, to)| from == name && now.contains(to));
            let there = match renamed {
                Some((_, to)) if !now.contains(name) => Some(to),
                _ => now.iter().find(|table| *table == name),
            };
            let change = self.change(connection, name, before, there.map(String::as_str))?;
            changes.extend(change);
        }
        for name in &now {
            let known =
                self.tables.contains_key(name) || self.renames.iter().any(|(_, to)| to == name);
            if known {
                continue;
            }
            if let Ok(rows @ 1..) = try_row_count(connection, name)? {
                changes.push(RowChange { after: Some(rows), ..RowChange::none(name, None) });
            }
        }
        let undeclared: Vec<RowChange> =
            changes.iter().filter(|change| change.is_undeclared()).cloned().collect();
        if undeclared.is_empty() {
            return Ok(changes);
        }
        Err(Error::Migration(MigrationFault::RowsNotConserved {
            migration: self.script.migration.name().to_owned(),
            file: self.script.direction.file(),
            changes: undeclared,
        }))
    }

    /// Returns the difference between a table and its snapshot, if any. `there` is the name that the
    /// table has after the script; `None` if it was dropped.
    fn change(
        &self,
        connection: &mut DbConnection,
        name: &str,
        before: &TableSnapshot,
        there: Option<&str>,
    ) -> Result<Option<RowChange>> {
        let mut change = RowChange::none(name, before.rows());
        let Some(there) = there else {
            change.lost_rows = before.rows().unwrap_or(0);
            if let TableSnapshot::Unreadable(columns) = before {
                change.lost_columns.clone_from(columns);
            }
            change.declared = match self.script.direction {
                StepDirection::Reverted => Some("the rollback drops the table".into()),
                StepDirection::Applied => self.reason(name, Intent::LosesRows, &[]),
            };
            return Ok((before.rows() != Some(0)).then_some(change));
        };
        let Some(rows_before) = before.rows() else { return Ok(None) };
        let rows = row_count(connection, there)?;
        change.after = Some(rows);
        if rows_before == 0 {
            return Ok((rows > 0).then_some(change));
        }
        let TableSnapshot::Digest(digest) = before else {
            change.lost_rows = (rows_before - rows).max(0);
            change.declared = self.reason(name, Intent::LosesRows, &[]);
            return Ok((rows != rows_before).then_some(change));
        };
        let after = TableDigest::of(connection, there, digest.last_key.as_ref())?;
        change.lost_rows = (digest.rows - after.rows).max(0);
        for (column, content) in &digest.columns {
            let new = |name: &&String| !digest.columns.contains_key(*name);
            match after.columns.get(column) {
                Some(now) if now == content => {}
                Some(_) => change.changed_columns.push(column.clone()),
                // The column was empty, or has been renamed.
                None if content.present == 0 => {}
                None if after.columns.iter().any(|(name, now)| new(&name) && now == content) => {}
                None => change.lost_columns.push(column.clone()),
            }
        }
        let same = change.changed_columns.is_empty() && change.lost_columns.is_empty();
        if same && rows == rows_before {
            return Ok(None);
        }
        change.declared = self.declared(name, &change);
        Ok(Some(change))
    }

    /// Returns the declared reasons for the whole change; `None` if any part of it is undeclared.
    fn declared(&self, table: &str, change: &RowChange) -> Option<String> {
        // Once rows are deleted, the sums say nothing about the remaining ones.
        if let Some(reason) = self.reason(table, Intent::LosesRows, &[]) {
            return Some(reason);
        }
        if change.lost_rows > 0 {
            return None;
        }
        let mut reasons = Vec::new();
        if !change.lost_columns.is_empty() {
            reasons.push(match self.script.direction {
                StepDirection::Reverted => "the rollback drops the column".to_owned(),
                StepDirection::Applied => {
                    self.reason(table, Intent::LosesColumns, &change.lost_columns)?
                }
            });
        }
        if !change.changed_columns.is_empty() {
            reasons.push(self.reason(table, Intent::ChangesRows, &change.changed_columns)?);
        }
        Some(reasons.join("; "))
    }

    /// Returns the reason of the declaration that covers all of these columns, if one does.
    fn reason(&self, table: &str, intent: Intent, columns: &[String]) -> Option<String> {
        let covers = |declaration: &&Declaration| {
            declaration.intent == intent
                && declaration.table == table
                && (declaration.columns.is_empty()
                    || columns.iter().all(|column| declaration.columns.contains(column)))
        };
        self.declarations.iter().find(covers).map(|declaration| declaration.reason.clone())
    }
}

/// Returns every table that stores rows, except Diesel's ledger, to which each migration writes.
fn guarded_tables(connection: &mut DbConnection) -> Result<Vec<String>> {
    let names = storing_tables(connection)?;
    Ok(names.into_iter().filter(|name| name != "__diesel_schema_migrations").collect())
}
