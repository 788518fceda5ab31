//! Changes of rows by a migration.

use std::fmt;

use serde::Serialize;

use crate::config::counted;

/// Changes of a table's rows by a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowChange {
    /// Name of the table before the migration, or after it if the table is new.
    pub table: String,
    /// Number of rows before the migration; `None` if the table is new.
    pub before: Option<i64>,
    /// Number of rows after the migration; `None` if the table was dropped.
    pub after: Option<i64>,
    /// Columns whose values changed in rows that existed before.
    pub changed_columns: Vec<String>,
    /// Columns that were dropped together with their values.
    pub lost_columns: Vec<String>,
    /// Reason that the migration declares, or that the rollback was requested; `None` if nothing declares
    /// the change.
    pub declared: Option<String>,
    /// Number of rows that existed before and no longer exist.
    pub lost_rows: i64,
}

impl fmt::Display for RowChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.lost_rows > 0 {
            let before = self.before.unwrap_or(0);
            let before = counted(before, "row", "rows");
            parts.push(format!("{} of {before} lost", self.lost_rows));
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

impl RowChange {
    pub(crate) fn none(table: &str, before: Option<i64>) -> Self {
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

    pub(crate) fn is_undeclared(&self) -> bool {
        let harmless =
            self.lost_rows == 0 && self.changed_columns.is_empty() && self.lost_columns.is_empty();
        !harmless && self.declared.is_none()
    }
}
