//! The rules that one script keeps or breaks by itself.

use std::collections::BTreeSet;

use zenith_db::Backend;
use zenith_db::internal::migrations::{Action, Words, statements};
use zenith_db::internal::migrations::{Declaration, declarations};
use zenith_db::migrations::PlannedStatement;

use super::catalogue::{Catalogue, added_column};
use super::{Direction, Finding, LintRule, SourceScript, comments, rebuild};

/// Checks a script that runs when this is there.
pub(super) fn check(
    backend: Backend,
    script: &SourceScript,
    direction: Direction,
    before: &Catalogue,
) -> Vec<Finding> {
    let statements = statements(&script.text, backend);
    let mut found = comments::malformed(script, backend);
    if statements.is_empty() {
        let (rule, name, advice) = match direction {
            Direction::Up => (LintRule::EmptyUp, "up.sql", "write what the migration is for"),
            Direction::Down => (LintRule::EmptyDown, "down.sql", "write what undoes up.sql"),
        };
        found.push(script.finding(1, rule, format!("{name} has no statement"), advice));
    }
    let (declared, _) = declarations(&script.text, backend);
    let made = BTreeSet::new();
    let mut context = Context { backend, script, direction, declared: &declared, before, made };
    let mut touched = Vec::new();
    for statement in &statements {
        found.extend(context.unfit(statement));
        for action in Action::all(&statement.words) {
            found.extend(context.loss(statement, &action));
            found.extend(context.locking(statement.line, &action));
            touched.extend(action.tables());
            context.remember(&action);
        }
    }
    found.extend(comments::idle(script, &declared, &touched));
    if backend == Backend::Sqlite {
        found.extend(rebuild::check(&context, &statements));
    }
    found
}

/// What of a statement has no place in the program's transaction.
pub(crate) fn forbidden(words: &Words) -> Option<String> {
    let verb = words.get(0).to_ascii_uppercase();
    let concurrently = ["CREATE", "DROP", "REINDEX"].contains(&verb.as_str());
    if concurrently && words.has("CONCURRENTLY") {
        return Some(format!("{verb} … CONCURRENTLY"));
    }
    let outside = words.is_any(0, &["PRAGMA", "VACUUM", "ATTACH", "DETACH"]);
    (outside || words.controls_transactions()).then_some(verb)
}

pub(super) struct Context<'a> {
    pub(super) backend: Backend,
    pub(super) script: &'a SourceScript,
    pub(super) direction: Direction,
    pub(super) declared: &'a [Declaration],
    /// What is there when the script begins.
    pub(super) before: &'a Catalogue,
    /// The tables that the script has made so far, which hold nothing of anybody's.
    made: BTreeSet<String>,
}

impl Context<'_> {
    fn remember(&mut self, action: &Action) {
        let is_there = |table: &str| self.before.tables.contains_key(table);
        match action {
            Action::CreateTable { table, if_missing, .. } if !(*if_missing && is_there(table)) => {
                self.made.insert(table.clone());
            }
            // What takes the place of another table has its rows.
            Action::RenameTable { from, to } if self.made.remove(from) && !is_there(to) => {
                self.made.insert(to.clone());
            }
            _ => {}
        }
    }

    /// Whether the table may hold rows that were there before the script.
    pub(super) fn is_old(&self, table: &str) -> bool {
        !self.made.contains(table)
    }

    /// Whether a lock on the table would keep people waiting.
    fn locks(&self, table: &str) -> bool {
        self.backend == Backend::Postgres && self.direction == Direction::Up && self.is_old(table)
    }

    /// A statement that does not belong in a migration.
    fn unfit(&self, statement: &PlannedStatement) -> Option<Finding> {
        let words = &statement.words;
        let (rule, problem, advice) = if let Some(what) = forbidden(words) {
            let problem = format!("{what} cannot be in the transaction that the program opens");
            let advice = "remove it: all of a migration is one transaction already";
            (LintRule::ForbiddenStatement, problem, advice)
        } else if words.is_any(0, &["DO", "CALL", "EXECUTE"]) {
            let what = words.get(0).to_uppercase();
            let problem =
                format!("what {what} does cannot be seen here, and no other rule checks it");
            let advice = "write its statements themselves, or allow the rule with the reason";
            (LintRule::OpaqueStatement, problem, advice)
        } else {
            return None;
        };
        Some(self.script.finding(statement.line, rule, problem, advice))
    }

    /// What keeps people waiting, or fails if there are rows.
    fn locking(&self, line: usize, action: &Action) -> Vec<Finding> {
        match action {
            Action::Alter { table, actions } => {
                actions.iter().filter_map(|action| self.alter(line, table, action)).collect()
            }
            Action::CreateIndex { name, table, .. } if self.locks(table) => {
                vec![self.script.finding(
                    line,
                    LintRule::IndexLocks,
                    format!("while index {name} is built, nobody can write to {table}"),
                    "build it before with CREATE INDEX CONCURRENTLY by hand, write CREATE INDEX IF \
                     NOT EXISTS here, and allow the rule with that reason",
                )]
            }
            _ => Vec::new(),
        }
    }

    /// One action of an `ALTER TABLE`.
    fn alter(&self, line: usize, table: &str, action: &Words) -> Option<Finding> {
        let finding =
            |rule, problem, advice: &str| Some(self.script.finding(line, rule, problem, advice));
        // What gives the rows that are there a value.
        let valued = ["DEFAULT", "GENERATED", "AS", "SMALLSERIAL", "SERIAL", "BIGSERIAL"];
        if let Some(column) = added_column(action)
            && action.has("NOT NULL")
            && (action.has("DEFAULT NULL") || !valued.iter().any(|word| action.has(word)))
            && (self.backend == Backend::Sqlite || self.is_old(table))
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
        // What follows ALTER COLUMN name; the word COLUMN may be left out.
        let at = if action.starts("ALTER COLUMN") { 3 } else { 2 };
        let alters = |keywords| action.starts("ALTER") && action.at(at, keywords);
        if alters("TYPE") || alters("SET DATA TYPE") {
            return finding(
                LintRule::TypeRewrites,
                format!("another type rewrites {table}, which nobody can use meanwhile"),
                "add a column of the new type, fill it, and drop the old one in a later release",
            );
        }
        if alters("SET NOT NULL") {
            return finding(
                LintRule::NotNullLocks,
                format!("SET NOT NULL reads all of {table}, which nobody can use meanwhile"),
                "add CHECK (column IS NOT NULL) NOT VALID, validate it in a later release, and only \
                 then SET NOT NULL, which reads nothing with it; allow the rule with that reason",
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
                    format!("the constraint is checked on all rows of {table} under its lock"),
                    "add it NOT VALID, and VALIDATE CONSTRAINT in a later release",
                )
            };
        }
        if !has_index || action.has("USING INDEX") {
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
