//! Rows and columns that go or change without being declared.

use zenith_db::internal::migrations::Intent;
use zenith_db::internal::migrations::{Action, Words};
use zenith_db::migrations::{Effect, PlannedStatement};

use super::rules::Context;
use super::{Direction, Finding, LintRule};

impl Context<'_> {
    fn declares(&self, intent: Intent, table: &str, column: Option<&str>) -> bool {
        self.declared.iter().any(|declaration| {
            declaration.table == table
                && (declaration.intent == Intent::LosesRows
                    || declaration.intent == intent
                        && column.is_none_or(|c| declaration.columns.iter().any(|name| name == c)))
        })
    }

    fn undeclared(
        &self,
        line: usize,
        rule: LintRule,
        problem: String,
        declaration: &str,
    ) -> Finding {
        let advice = format!("if that is meant, declare it: -- {declaration} REASON");
        self.script.finding(line, rule, problem, advice)
    }

    /// A table's rows go.
    pub(super) fn rows_go(&self, line: usize, table: &str, problem: String) -> Option<Finding> {
        let declared = self.declares(Intent::LosesRows, table, None);
        let declaration = format!("loses-rows: {table}");
        let finding = || self.undeclared(line, LintRule::UndeclaredLoss, problem, &declaration);
        (self.is_old(table) && !declared).then(finding)
    }

    /// A column goes. What a `down.sql` drops, the rollback was asked for.
    pub(super) fn column_goes(&self, line: usize, table: &str, column: &str) -> Option<Finding> {
        let declared = self.direction == Direction::Down
            || self.declares(Intent::LosesColumns, table, Some(column));
        let declaration = format!("loses-columns: {table} ({column})");
        let problem = format!("what column {table}.{column} holds is lost");
        let finding = || self.undeclared(line, LintRule::UndeclaredLoss, problem, &declaration);
        (!declared).then(finding)
    }

    pub(super) fn loss(&self, statement: &PlannedStatement, action: &Action) -> Vec<Finding> {
        let line = statement.line;
        match action {
            Action::Drop { kind, names }
                if kind == "TABLE"
                    && self.direction == Direction::Up
                    && statement.effect != Effect::Rebuilds =>
            {
                let lost = |table: &String| format!("the rows of {table} are lost");
                names.iter().filter_map(|table| self.rows_go(line, table, lost(table))).collect()
            }
            Action::Delete { tables } => {
                let lost = |table: &String| format!("rows of {table} are deleted");
                tables.iter().filter_map(|table| self.rows_go(line, table, lost(table))).collect()
            }
            Action::Update { table } | Action::Insert { table, replaces: true }
                if self.is_old(table) && !self.declares(Intent::ChangesRows, table, None) =>
            {
                let problem = format!("rows of {table} are changed");
                let declaration = format!("changes-rows: {table} (COLUMNS)");
                vec![self.undeclared(line, LintRule::UndeclaredChange, problem, &declaration)]
            }
            Action::Alter { table, actions } if self.is_old(table) => {
                let drops =
                    actions.iter().filter(|a| a.starts("DROP") && !a.starts("DROP CONSTRAINT"));
                let column = |a: &Words| a.name(if a.starts("DROP COLUMN") { 2 } else { 1 });
                drops.filter_map(|a| self.column_goes(line, table, &column(a))).collect()
            }
            _ => Vec::new(),
        }
    }
}
