//! A migration's script with its statements, parsed once for a run or a plan.

use super::embedded::EmbeddedMigration;
use super::statement::{PlannedStatement, statements};
use super::steps::{PlannedStep, StepDirection};
use crate::backend::Backend;
use crate::error::{Error, MigrationFault, Result};

/// Script of a migration for one backend and one direction, with its statements.
#[derive(Debug)]
pub(super) struct ParsedScript {
    pub(super) migration: &'static EmbeddedMigration,
    pub(super) direction: StepDirection,
    pub(super) text: &'static str,
    pub(super) statements: Vec<PlannedStatement>,
}

impl ParsedScript {
    /// Parses the script that runs in this direction.
    pub(super) fn new(
        migration: &'static EmbeddedMigration,
        direction: StepDirection,
        backend: Backend,
    ) -> Self {
        let text = match direction {
            StepDirection::Applied => migration.up(backend),
            StepDirection::Reverted => migration.down(backend),
        };
        Self { migration, direction, text, statements: statements(text, backend) }
    }

    /// Refuses a script that ends the transaction of the run: what precedes such a statement could
    /// not be rolled back.
    pub(super) fn ensure_in_one_transaction(&self) -> Result<()> {
        let found = self.statements.iter().find(|s| s.words.controls_transactions());
        found.map_or(Ok(()), |statement| {
            Err(Error::Migration(MigrationFault::EndsTransaction {
                name: self.migration.name().to_owned(),
                script: self.direction.file(),
                line: statement.line,
                sql: statement.sql.clone(),
            }))
        })
    }

    /// Returns the step that a plan shows for this script.
    pub(super) fn into_planned(self) -> PlannedStep {
        let Self { migration, direction, statements, .. } = self;
        PlannedStep { name: migration.name().to_owned(), direction, statements }
    }
}
