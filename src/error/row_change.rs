//! What a migration did to rows.

use std::fmt;

use serde::Serialize;

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
