//! No row is lost and none is changed but as a migration declares it.
//!
//! Around each migration, inside the same transaction, every table's rows are counted. If the
//! migration's text may write rows (anything but making tables, indexes and triggers, adding and
//! renaming columns and tables, and dropping whole tables), every table's content is digested as well.
//! Rows that are added to a table with a growing key are no change of those that were there.

mod declaration;
mod digest;

use std::collections::BTreeMap;
use std::fmt;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde::Serialize;

use super::engine::StepDirection;
use super::statement;
use super::tables::{quoted, table_names};
use crate::{DbConnection, Error, MigrationFault, Result, dispatch};

pub(super) use declaration::{Declaration, INTENTS, Intent, declarations};
use digest::Digest;

/// What a migration did to the rows of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowChange {
    /// The table, by its name before, or after if it is new.
    pub table: String,
    /// How many rows it had; `None` if it is new.
    pub before: Option<i64>,
    /// How many rows it has; `None` if it is gone.
    pub after: Option<i64>,
    /// Columns that hold something else in rows that were there before.
    pub changed_columns: Vec<String>,
    /// Columns that are gone with what they held.
    pub lost_columns: Vec<String>,
    /// Why that is meant, as the migration declares it, or because the rollback was asked for.
    pub declared: Option<String>,
    /// How many of the rows that were there are gone.
    pub lost_rows: i64,
}

impl fmt::Display for RowChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.lost_rows > 0 {
            let before = self.before.unwrap_or(0);
            parts.push(format!("{} of {before} rows lost", self.lost_rows));
        }
        if !self.lost_columns.is_empty() {
            parts.push(format!("the content of ({}) lost", self.lost_columns.join(", ")));
        }
        if !self.changed_columns.is_empty() {
            parts.push(format!("({}) changed", self.changed_columns.join(", ")));
        }
        write!(f, "{}: {}", self.table, parts.join(", "))
    }
}

struct Table {
    rows: i64,
    digest: Option<Digest>,
}

/// What the tables held before a migration.
pub(super) struct Snapshot {
    tables: BTreeMap<String, Table>,
    declarations: Vec<Declaration>,
    renames: Vec<(String, String)>,
    direction: StepDirection,
}

impl Snapshot {
    /// Looks at what is there before the script runs.
    pub(super) fn before(
        connection: &mut DbConnection,
        script: &str,
        direction: StepDirection,
    ) -> Result<Self> {
        let statements = statement::statements(script, connection.backend());
        let digested = statements.iter().any(statement::may_write_rows);
        let mut tables = BTreeMap::new();
        for name in conserved_tables(connection)? {
            let digest = digested.then(|| Digest::of(connection, &name, None)).transpose()?;
            let rows = match &digest {
                Some(digest) => digest.rows,
                None => count(connection, &name)?,
            };
            tables.insert(name, Table { rows, digest });
        }
        let (declarations, _) = declarations(script, connection.backend());
        let renames = statement::renames(&statements);
        Ok(Self { tables, declarations, renames, direction })
    }

    /// Looks again. What was not declared is an error that names the migration.
    pub(super) fn compare(
        self,
        connection: &mut DbConnection,
        migration: &str,
    ) -> Result<Vec<RowChange>> {
        let now = conserved_tables(connection)?;
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
            let rows = if known { 0 } else { count(connection, name)? };
            if rows > 0 {
                changes.push(RowChange { after: Some(rows), ..RowChange::none(name, None) });
            }
        }
        let undeclared: Vec<RowChange> =
            changes.iter().filter(|change| change.is_undeclared()).cloned().collect();
        if undeclared.is_empty() {
            return Ok(changes);
        }
        let file = match self.direction {
            StepDirection::Applied => "up.sql",
            StepDirection::Reverted => "down.sql",
        };
        Err(Error::Migration(MigrationFault::RowsNotConserved {
            migration: migration.to_owned(),
            file,
            changes: undeclared,
        }))
    }

    /// What became of a table that was there, if anything did.
    fn change(
        &self,
        connection: &mut DbConnection,
        name: &str,
        before: &Table,
        there: Option<&str>,
    ) -> Result<Option<RowChange>> {
        let mut change = RowChange::none(name, Some(before.rows));
        let Some(there) = there else {
            change.lost_rows = before.rows;
            change.declared = match self.direction {
                StepDirection::Reverted => Some("the rollback drops the table".into()),
                StepDirection::Applied => self.reason(name, Intent::LosesRows, &[]),
            };
            return Ok((before.rows > 0).then_some(change));
        };
        let rows = count(connection, there)?;
        change.after = Some(rows);
        if before.rows == 0 {
            return Ok((rows > 0).then_some(change));
        }
        let Some(digest) = &before.digest else {
            change.lost_rows = (before.rows - rows).max(0);
            change.declared = self.reason(name, Intent::LosesRows, &[]);
            return Ok((rows != before.rows).then_some(change));
        };
        let after = Digest::of(connection, there, digest.last.as_ref())?;
        change.lost_rows = (digest.rows - after.rows).max(0);
        for (column, content) in &digest.columns {
            let new = |name: &&String| !digest.columns.contains_key(*name);
            match after.columns.get(column) {
                Some(now) if now == content => {}
                Some(_) => change.changed_columns.push(column.clone()),
                // Nothing was in it, or it has another name.
                None if content.present == 0 => {}
                None if after.columns.iter().any(|(name, now)| new(&name) && now == content) => {}
                None => change.lost_columns.push(column.clone()),
            }
        }
        let same = change.changed_columns.is_empty() && change.lost_columns.is_empty();
        if same && rows == before.rows {
            return Ok(None);
        }
        change.declared = self.declared(name, &change);
        Ok(Some(change))
    }

    /// Why all of this is meant; `None` if any of it is not.
    fn declared(&self, table: &str, change: &RowChange) -> Option<String> {
        // With rows gone, nothing can be said of the sums of the others.
        if let Some(reason) = self.reason(table, Intent::LosesRows, &[]) {
            return Some(reason);
        }
        if change.lost_rows > 0 {
            return None;
        }
        let mut reasons = Vec::new();
        if !change.lost_columns.is_empty() {
            reasons.push(match self.direction {
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

    /// The reason that is given for this, if one declaration covers all of these columns.
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

impl RowChange {
    fn none(table: &str, before: Option<i64>) -> Self {
        Self {
            table: table.to_owned(),
            before,
            after: None,
            changed_columns: Vec::new(),
            lost_columns: Vec::new(),
            declared: None,
            lost_rows: 0,
        }
    }

    fn is_undeclared(&self) -> bool {
        let harmless =
            self.lost_rows == 0 && self.changed_columns.is_empty() && self.lost_columns.is_empty();
        !harmless && self.declared.is_none()
    }
}

/// Every table but Diesel's ledger, which each migration writes.
fn conserved_tables(connection: &mut DbConnection) -> Result<Vec<String>> {
    let names = table_names(connection)?;
    Ok(names.into_iter().filter(|name| name != "__diesel_schema_migrations").collect())
}

fn count(connection: &mut DbConnection, table: &str) -> Result<i64> {
    let query = format!("(SELECT count(*) FROM {})", quoted(table));
    let count = diesel::dsl::sql::<BigInt>(&query);
    Ok(dispatch!(connection, |c| diesel::select(count).get_result(c))?)
}
