//! The rules that one script keeps or breaks by itself.

use super::super::conservation::{Declaration, Intent, declarations};
use super::super::statement::{Effect, PlannedStatement, statements};
use super::action::{Action, Words};
use super::catalogue::{Catalogue, added_column};
use super::{Direction, Finding, LintRule, SourceScript, comments, rebuild};
use crate::connection::Backend;

/// Checks a script that runs when this is there.
pub(super) fn check(
    backend: Backend,
    script: &SourceScript,
    direction: Direction,
    before: &Catalogue,
) -> Vec<Finding> {
    let statements = statements(&script.text);
    let mut found = comments::malformed(script);
    if statements.is_empty() {
        let (rule, name, advice) = match direction {
            Direction::Up => (LintRule::EmptyUp, "up.sql", "write what the migration is for"),
            Direction::Down => (LintRule::EmptyDown, "down.sql", "write what undoes up.sql"),
        };
        found.push(script.finding(1, rule, format!("{name} has no statement"), advice));
    }
    let made = |table: &str| {
        statements.iter().any(|statement| {
            matches!(Action::of(&Words::of(statement)),
                Action::CreateTable { table: made, .. } if made == table)
        })
    };
    let (declared, _) = declarations(&script.text);
    let context = Context { backend, script, direction, declared: &declared, made: &made };
    let mut touched = Vec::new();
    for statement in &statements {
        let words = Words::of(statement);
        found.extend(context.forbidden(statement, &words));
        let action = Action::of(&words);
        found.extend(context.loss(statement, &action));
        touched.extend(tables(&action));
        match action {
            Action::Alter { table, actions } => {
                for action in &actions {
                    found.extend(context.alter(statement.line, &table, action));
                }
            }
            Action::CreateIndex { name, table, .. } if context.locks(&table) => {
                found.push(script.finding(
                    statement.line,
                    LintRule::IndexLocks,
                    format!("while index {name} is built, nobody can write to {table}"),
                    "build it before with CREATE INDEX CONCURRENTLY by hand, write CREATE INDEX IF \
                     NOT EXISTS here, and allow the rule with that reason",
                ));
            }
            _ => {}
        }
    }
    found.extend(comments::idle(script, &declared, &touched));
    if backend == Backend::Sqlite {
        found.extend(rebuild::check(script, &statements, before));
    }
    found
}

/// The tables that an action touches.
fn tables(action: &Action) -> Vec<String> {
    match action {
        Action::Drop { kind, names } if kind == "TABLE" => names.clone(),
        Action::RenameTable { from, to } => vec![from.clone(), to.clone()],
        Action::Alter { table, .. }
        | Action::Insert { table, .. }
        | Action::Update { table }
        | Action::Delete { table } => vec![table.clone()],
        _ => Vec::new(),
    }
}

struct Context<'a> {
    backend: Backend,
    script: &'a SourceScript,
    direction: Direction,
    declared: &'a [Declaration],
    /// Whether the script itself makes the table, which therefore holds nothing of anybody's.
    made: &'a dyn Fn(&str) -> bool,
}

impl Context<'_> {
    /// Whether a lock on the table would keep people waiting.
    fn locks(&self, table: &str) -> bool {
        self.backend == Backend::Postgres && self.direction == Direction::Up && !(self.made)(table)
    }

    fn forbidden(&self, statement: &PlannedStatement, words: &Words) -> Option<Finding> {
        const FORBIDDEN: [&str; 12] = [
            "BEGIN",
            "START",
            "COMMIT",
            "END",
            "ROLLBACK",
            "ABORT",
            "SAVEPOINT",
            "RELEASE",
            "PRAGMA",
            "VACUUM",
            "ATTACH",
            "DETACH",
        ];
        let first = words.get(0).to_ascii_uppercase();
        let concurrently = words.starts("CREATE") && words.has("INDEX CONCURRENTLY");
        let what = if concurrently { "CREATE INDEX CONCURRENTLY" } else { first.as_str() };
        (concurrently || FORBIDDEN.contains(&what)).then(|| {
            self.script.finding(
                statement.line,
                LintRule::ForbiddenStatement,
                format!("{what} cannot be in the transaction that the program opens"),
                "remove it: all of a migration is one transaction already",
            )
        })
    }

    fn declares(&self, intent: Intent, table: &str, column: Option<&str>) -> bool {
        self.declared.iter().any(|declaration| {
            declaration.table == table
                && (declaration.intent == Intent::LosesRows
                    || declaration.intent == intent
                        && column.is_none_or(|c| declaration.columns.iter().any(|name| name == c)))
        })
    }

    /// Rows or columns that go or change without being declared.
    fn loss(&self, statement: &PlannedStatement, action: &Action) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut report = |rule, problem: String, declaration: String| {
            let advice = format!("if that is meant, declare it: -- {declaration} REASON");
            found.push(self.script.finding(statement.line, rule, problem, advice));
        };
        let is_old = |table: &str| !(self.made)(table);
        match action {
            Action::Drop { kind, names }
                if kind == "TABLE"
                    && self.direction == Direction::Up
                    && statement.effect != Effect::Rebuilds =>
            {
                for table in names.iter().filter(|table| is_old(table)) {
                    if !self.declares(Intent::LosesRows, table, None) {
                        report(
                            LintRule::UndeclaredLoss,
                            format!("the rows of {table} are lost"),
                            format!("loses-rows: {table}"),
                        );
                    }
                }
            }
            Action::Delete { table }
                if is_old(table) && !self.declares(Intent::LosesRows, table, None) =>
            {
                report(
                    LintRule::UndeclaredLoss,
                    format!("rows of {table} are deleted"),
                    format!("loses-rows: {table}"),
                );
            }
            Action::Update { table } | Action::Insert { table, replaces: true }
                if is_old(table) && !self.declares(Intent::ChangesRows, table, None) =>
            {
                report(
                    LintRule::UndeclaredChange,
                    format!("rows of {table} are changed"),
                    format!("changes-rows: {table} (COLUMNS)"),
                );
            }
            Action::Alter { table, actions }
                if self.direction == Direction::Up && is_old(table) =>
            {
                for action in actions {
                    let drops = action.starts("DROP") && !action.starts("DROP CONSTRAINT");
                    let at = if action.starts("DROP COLUMN") { 2 } else { 1 };
                    let column = action.name(at);
                    if drops && !self.declares(Intent::LosesColumns, table, Some(&column)) {
                        report(
                            LintRule::UndeclaredLoss,
                            format!("what column {table}.{column} holds is lost"),
                            format!("loses-columns: {table} ({column})"),
                        );
                    }
                }
            }
            _ => {}
        }
        found
    }

    /// One action of an `ALTER TABLE`.
    fn alter(&self, line: usize, table: &str, action: &Words) -> Option<Finding> {
        let finding =
            |rule, problem, advice: &str| Some(self.script.finding(line, rule, problem, advice));
        if let Some(column) = added_column(action)
            && action.has("NOT NULL")
            && !["DEFAULT", "GENERATED", "AS"].iter().any(|word| action.has(word))
            && (self.backend == Backend::Sqlite || !(self.made)(table))
        {
            return finding(
                LintRule::NotNullWithoutDefault,
                format!("the rows of {table} have no value for {column}"),
                "give it a DEFAULT, or add it without NOT NULL",
            );
        }
        if !self.locks(table) {
            return None;
        }
        if action.starts("ALTER") && (action.has("TYPE")) {
            return finding(
                LintRule::TypeRewrites,
                format!("another type rewrites {table}, which nobody can use meanwhile"),
                "add a column of the new type, fill it, and drop the old one in a later release",
            );
        }
        if action.starts("ALTER") && action.has("SET NOT NULL") {
            return finding(
                LintRule::NotNullLocks,
                format!("SET NOT NULL reads all of {table}, which nobody can use meanwhile"),
                "add CHECK (column IS NOT NULL) NOT VALID, validate it in a later release, and only \
                 then SET NOT NULL, which reads nothing with it; allow the rule with that reason",
            );
        }
        if !action.starts("ADD") || added_column(action).is_some() {
            return None;
        }
        if action.has("CHECK") || action.has("REFERENCES") {
            return if action.has("NOT VALID") {
                None
            } else {
                finding(
                    LintRule::ConstraintLocks,
                    format!("the constraint is checked on all rows of {table} under its lock"),
                    "add it NOT VALID, and VALIDATE CONSTRAINT in a later release",
                )
            };
        }
        if action.has("USING INDEX") {
            return None;
        }
        finding(
            LintRule::IndexLocks,
            format!("while the constraint's index is built, nobody can use {table}"),
            "build the index before with CREATE UNIQUE INDEX CONCURRENTLY by hand, and add the \
             constraint USING INDEX",
        )
    }
}
