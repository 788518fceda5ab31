//! Statements that lock a table for long, or fail if it has rows.

use zenith_db::Backend;
use zenith_db::internal::migrations::{Action, Words};

use super::context::ScriptContext;
use crate::finding::Finding;
use crate::lint_rule::LintRule;
use crate::script_schema::added_column;

pub(super) fn check(context: &ScriptContext<'_>, line: usize, action: &Action) -> Vec<Finding> {
    match action {
        Action::Alter { table, actions } => {
            actions.iter().filter_map(|action| alter(context, line, table, action)).collect()
        }
        Action::CreateIndex { name, table, .. } if context.locks(table) => {
            vec![context.script.finding(
                line,
                LintRule::IndexLocks,
                format!("building index {name} blocks writes to {table}"),
                "build it beforehand with CREATE INDEX CONCURRENTLY by hand, write CREATE INDEX IF \
                 NOT EXISTS here, and allow the rule with that reason",
            )]
        }
        _ => Vec::new(),
    }
}

/// Checks one action of an `ALTER TABLE`.
fn alter(context: &ScriptContext<'_>, line: usize, table: &str, action: &Words) -> Option<Finding> {
    let finding =
        |rule, problem, advice: &str| Some(context.script.finding(line, rule, problem, advice));
    // Keywords that give existing rows a value.
    let valued = ["DEFAULT", "GENERATED", "AS", "SMALLSERIAL", "SERIAL", "BIGSERIAL"];
    if let Some(column) = added_column(action)
        && action.has("NOT NULL")
        && (action.has("DEFAULT NULL") || !valued.iter().any(|word| action.has(word)))
        && (context.backend == Backend::Sqlite || context.is_old(table))
    {
        return finding(
            LintRule::NotNullWithoutDefault,
            format!("existing rows of {table} have no value for {column}"),
            "give the column a DEFAULT, or add it without NOT NULL",
        );
    }
    if !context.locks(table) {
        return None;
    }
    // Position after ALTER COLUMN name; the word COLUMN is optional.
    let at = if action.starts("ALTER COLUMN") { 3 } else { 2 };
    let alters = |keywords| action.starts("ALTER") && action.at(at, keywords);
    if alters("TYPE") || alters("SET DATA TYPE") {
        return finding(
            LintRule::TypeRewrites,
            format!("changing a type rewrites {table}, and blocks reads and writes meanwhile"),
            "add a column of the new type, fill it, and drop the old one in a later release",
        );
    }
    if alters("SET NOT NULL") {
        return finding(
            LintRule::NotNullLocks,
            format!("SET NOT NULL scans all of {table}, and blocks reads and writes meanwhile"),
            "add CHECK (column IS NOT NULL) NOT VALID, validate it in a later release, and only \
             then SET NOT NULL, which no longer scans the table; allow the rule with that reason",
        );
    }
    let has_index = ["UNIQUE", "PRIMARY KEY", "EXCLUDE"].iter().any(|word| action.has(word));
    if !action.starts("ADD") || added_column(action).is_some() && !has_index {
        return None;
    }
    if !has_index && (action.has("CHECK") || action.has("REFERENCES")) {
        return if action.has("NOT VALID") {
            None
        } else {
            finding(
                LintRule::ConstraintLocks,
                format!("the constraint is checked on all rows of {table} while it is locked"),
                "add it as NOT VALID, and run VALIDATE CONSTRAINT in a later release",
            )
        };
    }
    if !has_index || action.has("USING INDEX") {
        return None;
    }
    finding(
        LintRule::IndexLocks,
        format!("building the constraint's index blocks reads and writes of {table}"),
        "build the index beforehand with CREATE UNIQUE INDEX CONCURRENTLY by hand, and add the \
         constraint USING INDEX",
    )
}
