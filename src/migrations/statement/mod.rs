//! Statements of a migration and their effects, from the text of its script.

mod action;
#[cfg(feature = "postgres")]
mod definition;
#[cfg(feature = "postgres")]
mod expression;
mod lexer;
mod split;
mod words;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::backend::Backend;
pub use action::Action;
#[cfg(feature = "postgres")]
pub(crate) use definition::{definitions, identities};
#[cfg(feature = "postgres")]
pub(crate) use expression::Expression;
use lexer::TokenKind;
use split::split;
pub use words::Words;

/// Effect of a statement on the database, roughly from harmless to destructive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Creates an object, such as a table, an index, a trigger or a view.
    Creates,
    /// Adds or changes rows.
    WritesRows,
    /// Changes a table or a column in place.
    Alters,
    /// Is one of the statements that rebuild a table with its rows.
    Rebuilds,
    /// Deletes rows.
    DeletesRows,
    /// Drops an object or a column, with its data.
    Drops,
    /// Has another effect, or one that is not recognised.
    Other,
}

impl Effect {
    /// Returns the effect in a word or two.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creates => "creates",
            Self::WritesRows => "writes rows",
            Self::Alters => "alters",
            Self::Rebuilds => "rebuilds",
            Self::DeletesRows => "deletes rows",
            Self::Drops => "drops",
            Self::Other => "other",
        }
    }
}

/// Statement of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStatement {
    /// Effect of the statement.
    pub effect: Effect,
    /// Object that the statement affects, such as `table users` or `index idx_users_email`.
    pub subject: String,
    /// Text of the statement, without comments.
    pub sql: String,
    /// Line of the script on which the statement begins, from 1.
    pub line: usize,
    /// Words of the statement.
    #[serde(skip)]
    pub words: Words,
}

/// Returns the part of a statement that begins with its first opening bracket; empty if it has none.
#[must_use]
pub fn from_bracket(sql: &str, backend: Backend) -> &str {
    let before = lexer::tokens(sql, backend).take_while(|token| *token != (TokenKind::Sign, "("));
    let length = before.map(|(_, token)| token.len()).sum();
    sql.get(length..).unwrap_or_default()
}

/// Parses a script into its statements, in order.
#[must_use]
pub fn statements(script: &str, backend: Backend) -> Vec<PlannedStatement> {
    let planned = |(line, sql): (usize, String)| {
        let words = Words::of(&sql, backend);
        let (effect, subject) = classify(&words);
        PlannedStatement { effect, subject, sql, line, words }
    };
    let mut found: Vec<_> = split(script, backend).into_iter().map(planned).collect();
    mark_rebuilds(&mut found);
    found
}

/// Returns the comments that begin a line, each with the line's number from 1.
#[must_use]
pub fn line_comments(script: &str, backend: Backend) -> Vec<(usize, &str)> {
    let (mut found, mut line, mut begins) = (Vec::new(), 1, true);
    for (kind, token) in lexer::tokens(script, backend) {
        if kind == TokenKind::LineComment && begins {
            found.push((line, token));
        }
        line += token.matches('\n').count();
        begins = token.ends_with('\n');
    }
    found
}

/// Returns the tables that the statements rename, as (old name, new name).
pub(super) fn renames(statements: &[PlannedStatement]) -> Vec<(String, String)> {
    let actions = statements.iter().flat_map(|statement| Action::all(&statement.words));
    actions
        .filter_map(|action| match action {
            Action::RenameTable { from, to } => Some((from, to)),
            _ => None,
        })
        .collect()
}

/// Whether a statement may change or delete an existing row, apart from the rows of a table that it
/// drops whole.
#[must_use]
pub fn may_write_rows(statement: &PlannedStatement) -> bool {
    let words = &statement.words;
    match statement.effect {
        Effect::Creates => false,
        // With CASCADE, the columns of other tables may be dropped too.
        Effect::Drops => words.starts("ALTER") || words.has("CASCADE"),
        Effect::Alters => match Action::all(words).as_slice() {
            [Action::Alter { actions, .. }] => {
                !actions.iter().all(|action| action.starts("ADD") || action.starts("RENAME"))
            }
            [Action::RenameTable { .. }] => false,
            _ => !words.starts("CREATE"),
        },
        Effect::WritesRows | Effect::Rebuilds | Effect::DeletesRows | Effect::Other => true,
    }
}

/// Marks the statements that rebuild a table: a new table is filled from the old one and gets its name
/// once the old one is dropped.
fn mark_rebuilds(statements: &mut [PlannedStatement]) {
    for at in 0..statements.len() {
        let (earlier, later) = statements.split_at_mut(at);
        let renamed = later.first().map_or_else(Vec::new, |it| renames(std::slice::from_ref(it)));
        let Some((from, to)) = renamed.into_iter().next() else { continue };
        let (old, new) = (format!("table {to}"), format!("table {from}"));
        let dropped = |s: &PlannedStatement| s.effect == Effect::Drops && s.subject == old;
        let copied = |s: &PlannedStatement| s.subject == new && s.words.reads(&to);
        let Some(drop) = earlier.iter().position(dropped) else { continue };
        if !earlier.iter().take(drop).any(copied) {
            continue;
        }
        for statement in statements.iter_mut() {
            if dropped(statement) || statement.subject == new {
                statement.effect = Effect::Rebuilds;
                statement.subject.clone_from(&old);
            }
        }
    }
}

/// Returns the effect and the subject of a statement, [`Effect::Other`] if it is not recognised.
fn classify(words: &Words) -> (Effect, String) {
    /// Kinds of objects that have no rows when they are created.
    const EMPTY: [&str; 11] = [
        "table",
        "index",
        "trigger",
        "view",
        "function",
        "procedure",
        "type",
        "domain",
        "sequence",
        "schema",
        "rule",
    ];
    let actions = Action::all(words);
    let deletes = |action: &Action| matches!(action, Action::Delete { .. });
    // REPLACE deletes an existing row that conflicts with the new one.
    let replaces = words.has("OR REPLACE") || words.has("REPLACE INTO");
    let written = if actions.iter().any(deletes) || replaces && !words.starts("CREATE") {
        Effect::DeletesRows
    } else {
        Effect::WritesRows
    };
    let verb = words.get(0).to_ascii_lowercase();
    let kind = |at| words.get(at).to_ascii_lowercase();
    match (verb.as_str(), actions.first()) {
        ("create", _) => {
            let at = action::kind_at(words);
            let kind = kind(at);
            let effect = match kind.as_str() {
                "table" if action::has_query(words) => written,
                "view" if words.at(at - 1, "MATERIALIZED") => written,
                kind if !EMPTY.contains(&kind) => Effect::Other,
                _ if words.at(1, "OR REPLACE") => Effect::Alters,
                _ => Effect::Creates,
            };
            (effect, format!("{kind} {}", words.name(at + 1)))
        }
        ("alter", _) => {
            let at = words.name_at(2);
            let (kind, name) = (kind(1), words.name(2));
            // A constraint has no rows.
            let drops = |part: &Words| part.starts("DROP") && !part.starts("DROP CONSTRAINT");
            if !words.parts(at + 1).iter().any(drops) {
                return (Effect::Alters, format!("{kind} {name}"));
            }
            let part = if kind == "table" { "column" } else { "part" };
            (Effect::Drops, format!("a {part} of {kind} {name}"))
        }
        ("drop", Some(Action::Drop { kind, names })) => {
            (Effect::Drops, format!("{} {}", kind.to_ascii_lowercase(), names.join(", ")))
        }
        (_, None) => (Effect::Other, verb),
        _ => {
            let mut tables: Vec<String> = actions.iter().flat_map(Action::tables).collect();
            let mut seen = BTreeSet::new();
            tables.retain(|table| seen.insert(table.clone()));
            (written, format!("table {}", tables.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests;
