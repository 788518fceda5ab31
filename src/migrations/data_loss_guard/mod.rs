//! No row is lost and none is changed but as a migration declares it.
//!
//! Around each migration, inside the same transaction, every table's rows are counted. If the
//! migration's text may write rows (anything but making tables, indexes and triggers, adding and
//! renaming columns and tables, and dropping whole tables), every table's content is digested as well.
//! Rows that are added to a table with a growing key are no change of those that were there.

mod declaration;
mod digest;

use std::collections::BTreeMap;

use super::statement;
use super::steps::StepDirection;
use crate::backend::DbConnection;
use crate::catalog::{row_count, table_names};
use crate::error::{Error, MigrationFault, Result, RowChange};

pub use declaration::{Declaration, INTENTS, Intent, declarations};
use digest::Digest;

struct TableSnapshot {
    rows: i64,
    digest: Option<Digest>,
}

/// What the tables held before a migration.
pub(super) struct TableSnapshots {
    tables: BTreeMap<String, TableSnapshot>,
    declarations: Vec<Declaration>,
    renames: Vec<(String, String)>,
    direction: StepDirection,
}

impl TableSnapshots {
    /// Looks at what is there before the script runs.
    pub(super) fn before(
        connection: &mut DbConnection,
        script: &str,
        direction: StepDirection,
    ) -> Result<Self> {
        let statements = statement::statements(script, connection.backend());
        let digested = statements.iter().any(statement::may_write_rows);
        let mut tables = BTreeMap::new();
        for name in guarded_tables(connection)? {
            let digest = digested.then(|| Digest::of(connection, &name, None)).transpose()?;
            let rows = match &digest {
                Some(digest) => digest.rows,
                None => row_count(connection, &name)?,
            };
            tables.insert(name, TableSnapshot { rows, digest });
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
            let rows = if known { 0 } else { row_count(connection, name)? };
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
        before: &TableSnapshot,
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
        let rows = row_count(connection, there)?;
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

/// Every table but Diesel's ledger, which each migration writes.
fn guarded_tables(connection: &mut DbConnection) -> Result<Vec<String>> {
    let names = table_names(connection)?;
    Ok(names.into_iter().filter(|name| name != "__diesel_schema_migrations").collect())
}
