//! Steps of a run and of a plan: one migration each, in one direction.

use serde::Serialize;

use super::statement::PlannedStatement;
use crate::error::RowChange;
use crate::types::MigrationOwner;

/// Direction in which a migration runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepDirection {
    /// `up.sql` runs.
    Applied,
    /// `down.sql` runs.
    Reverted,
}

impl StepDirection {
    /// Name of the script that runs in this direction.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Applied => "up.sql",
            Self::Reverted => "down.sql",
        }
    }
}

/// Migration that a run has applied or reverted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Name of the migration's directory.
    pub name: String,
    /// Owner of the migration.
    pub owner: MigrationOwner,
    /// Direction in which the migration ran.
    pub direction: StepDirection,
    /// Duration of the script, in milliseconds.
    pub milliseconds: u64,
    /// Duration of the comparison of rows before and after the script, in milliseconds.
    pub comparing_milliseconds: u64,
    /// Tables whose rows the migration added, changed or deleted.
    pub rows: Vec<RowChange>,
}

/// Migration that a run would apply or revert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// Name of the migration's directory.
    pub name: String,
    /// Owner of the migration.
    pub owner: MigrationOwner,
    /// Direction in which the migration would run.
    pub direction: StepDirection,
    /// Statements of the script, in order.
    pub statements: Vec<PlannedStatement>,
}
