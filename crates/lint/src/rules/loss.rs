//! Rows and columns that are lost or changed without a declaration.

use zenith_db::internal::migrations::{Action, Intent, Words};
use zenith_db::migrations::{Effect, PlannedStatement};

use super::context::{Direction, ScriptContext};
use crate::finding::Finding;
use crate::lint_rule::LintRule;

pub(super) fn check(
    context: &ScriptContext<'_>,
    statement: &PlannedStatement,
    action: &Action,
) -> Vec<Finding> {
    let line = statement.line;
    let all_rows = |names: &[String], problem: fn(&String) -> String| {
        names.iter().filter_map(|table| lost_rows(context, line, table, problem(table))).collect()
    };
    match action {
        Action::Drop { kind, names }
            if kind == "TABLE"
                && context.direction == Direction::Up
                && statement.effect != Effect::Rebuilds =>
        {
            all_rows(names, |table| format!("the rows of {table} are lost"))
        }
        Action::Delete { tables } => {
            all_rows(tables, |table| format!("rows of {table} are deleted"))
        }
        Action::Update { table } | Action::Insert { table, replaces: true }
            if context.is_old(table) && !declares(context, Intent::ChangesRows, table, None) =>
        {
            let problem = format!("rows of {table} are changed");
            let declaration = format!("changes-rows: {table} (COLUMNS)");
            vec![undeclared(context, line, LintRule::UndeclaredChange, problem, &declaration)]
        }
        Action::Alter { table, actions } if context.is_old(table) => {
            let drops = actions.iter().filter(|a| a.starts("DROP") && !a.starts("DROP CONSTRAINT"));
            let column = |a: &Words| a.name(if a.starts("DROP COLUMN") { 2 } else { 1 });
            drops.filter_map(|a| lost_column(context, line, table, &column(a))).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns a finding if the table has rows to lose and the script does not declare their loss.
pub(super) fn lost_rows(
    context: &ScriptContext<'_>,
    line: usize,
    table: &str,
    problem: String,
) -> Option<Finding> {
    let declared = declares(context, Intent::LosesRows, table, None);
    let declaration = format!("loses-rows: {table}");
    let finding = || undeclared(context, line, LintRule::UndeclaredLoss, problem, &declaration);
    (context.is_old(table) && !declared).then(finding)
}

/// Returns a finding if the script does not declare the loss of the column. A `down.sql` may drop
/// columns undeclared: whoever rolls back asks for that.
pub(super) fn lost_column(
    context: &ScriptContext<'_>,
    line: usize,
    table: &str,
    column: &str,
) -> Option<Finding> {
    let declared = context.direction == Direction::Down
        || declares(context, Intent::LosesColumns, table, Some(column));
    let declaration = format!("loses-columns: {table} ({column})");
    let problem = format!("the values of column {table}.{column} are lost");
    let finding = || undeclared(context, line, LintRule::UndeclaredLoss, problem, &declaration);
    (!declared).then(finding)
}

fn declares(
    context: &ScriptContext<'_>,
    intent: Intent,
    table: &str,
    column: Option<&str>,
) -> bool {
    context.declared.iter().any(|declaration| {
        declaration.table == table
            && (declaration.intent == Intent::LosesRows
                || declaration.intent == intent
                    && column.is_none_or(|c| declaration.columns.iter().any(|name| name == c)))
    })
}

fn undeclared(
    context: &ScriptContext<'_>,
    line: usize,
    rule: LintRule,
    problem: String,
    declaration: &str,
) -> Finding {
    let advice = format!("if this is intended, declare it: -- {declaration} REASON");
    context.script.finding(line, rule, problem, advice)
}
