//! A migration's script with its statements, parsed once for a run or a plan.

use super::embedded::Script;
use super::known::KnownMigration;
use super::statement::{Effect, PlannedStatement, statements};
use super::steps::{PlannedStep, StepDirection};
use crate::backend::Backend;
use crate::error::{Error, MigrationFault, Result};

/// Script of a migration for one backend and one direction, with its statements.
#[derive(Debug)]
pub(super) struct ParsedScript {
    pub(super) migration: KnownMigration,
    pub(super) direction: StepDirection,
    /// Both scripts of the migration.
    pub(super) script: Script,
    /// Text of the one that runs.
    pub(super) text: &'static str,
    pub(super) statements: Vec<PlannedStatement>,
}

impl ParsedScript {
    /// Parses the script that runs in this direction.
    pub(super) fn new(
        migration: KnownMigration,
        direction: StepDirection,
        backend: Backend,
    ) -> Result<Self> {
        let script = migration.script_for(backend)?;
        let text = match direction {
            StepDirection::Applied => script.up,
            StepDirection::Reverted => script.down,
        };
        Ok(Self { migration, direction, script, text, statements: statements(text, backend) })
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

    /// Whether the script is one of the library that may drop a table or a column.
    pub(super) fn drops(&self) -> bool {
        let drops = |statement: &PlannedStatement| {
            matches!(statement.effect, Effect::Drops | Effect::Rebuilds | Effect::Other)
        };
        !self.migration.is_own() && self.statements.iter().any(drops)
    }

    /// Returns the step that a plan shows for this script.
    pub(super) fn into_planned(self) -> PlannedStep {
        let Self { migration, direction, statements, .. } = self;
        let (name, owner) = (migration.name().to_owned(), migration.owner());
        PlannedStep { name, owner, direction, statements }
    }
}
