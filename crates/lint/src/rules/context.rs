//! Script under check, with the tables that it has created so far.

use std::collections::BTreeSet;

use zenith_db::Backend;
use zenith_db::internal::migrations::{Action, Declaration};

use crate::script_schema::ScriptSchema;
use crate::sources::SourceScript;

/// Whether a script applies or reverts its migration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

/// Script under check.
pub(super) struct ScriptContext<'a> {
    pub(super) backend: Backend,
    pub(super) script: &'a SourceScript,
    pub(super) direction: Direction,
    pub(super) declared: &'a [Declaration],
    /// Schema before the script runs.
    pub(super) before: &'a ScriptSchema,
    /// Names of the tables that the script has created so far; they hold no rows from before.
    created: BTreeSet<String>,
}

impl<'a> ScriptContext<'a> {
    pub(super) fn new(
        backend: Backend,
        script: &'a SourceScript,
        direction: Direction,
        declared: &'a [Declaration],
        before: &'a ScriptSchema,
    ) -> Self {
        Self { backend, script, direction, declared, before, created: BTreeSet::new() }
    }

    /// Records the tables that the action creates.
    pub(super) fn remember(&mut self, action: &Action) {
        let existed = |table: &str| self.before.tables.contains_key(table);
        match action {
            Action::CreateTable { table, if_missing, .. } if !(*if_missing && existed(table)) => {
                self.created.insert(table.clone());
            }
            // A table that replaces an existing one holds its rows.
            Action::RenameTable { from, to } if self.created.remove(from) && !existed(to) => {
                self.created.insert(to.clone());
            }
            _ => {}
        }
    }

    /// Whether the table may hold rows from before the script.
    pub(super) fn is_old(&self, table: &str) -> bool {
        !self.created.contains(table)
    }

    /// Whether a lock on the table would block an application.
    pub(super) fn locks(&self, table: &str) -> bool {
        self.backend == Backend::Postgres && self.direction == Direction::Up && self.is_old(table)
    }
}
