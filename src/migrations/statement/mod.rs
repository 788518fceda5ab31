//! What the statements of a migration do, from their text: for plans, which run nothing.

mod action;
mod lexer;
mod split;
mod words;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::backend::Backend;
pub use action::Action;
use lexer::Kind;
use split::split;
pub use words::Words;

/// What a statement does to the database, from harmless to grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Something new: a table, an index, a trigger, a view.
    Creates,
    /// Rows are added or changed.
    WritesRows,
    /// A table or a column is changed in place.
    Alters,
    /// One of the steps in which a table is made again with its rows.
    Rebuilds,
    /// Rows are deleted.
    DeletesRows,
    /// Something goes, with the rows that it holds.
    Drops,
    /// Anything else.
    Other,
}

impl Effect {
    /// The effect in a word or two.
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

/// One statement of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStatement {
    /// What it does.
    pub effect: Effect,
    /// What it does that to, such as `table users` or `index idx_users_email`.
    pub subject: String,
    /// Its text, without comments.
    pub sql: String,
    /// The line of its script on which it begins, from 1.
    pub line: usize,
    /// Its words.
    #[serde(skip)]
    pub words: Words,
}

/// What of a statement follows its first words and names, from the first bracket on.
#[must_use]
pub fn from_bracket(sql: &str, backend: Backend) -> &str {
    let before = lexer::pieces(sql, backend).take_while(|piece| *piece != (Kind::Sign, "("));
    let length = before.map(|(_, piece)| piece.len()).sum();
    sql.get(length..).unwrap_or_default()
}

/// The statements of a script, in order.
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

/// The comments that begin a line, with the line's number from 1.
#[must_use]
pub fn line_comments(script: &str, backend: Backend) -> Vec<(usize, &str)> {
    let (mut found, mut line, mut begins) = (Vec::new(), 1, true);
    for (kind, piece) in lexer::pieces(script, backend) {
        if kind == Kind::LineComment && begins {
            found.push((line, piece));
        }
        line += piece.matches('\n').count();
        begins = piece.ends_with('\n');
    }
    found
}

/// The tables that get another name, as (old, new).
pub(super) fn renames(statements: &[PlannedStatement]) -> Vec<(String, String)> {
    let actions = statements.iter().flat_map(|statement| Action::all(&statement.words));
    actions
        .filter_map(|action| match action {
            Action::RenameTable { from, to } => Some((from, to)),
            _ => None,
        })
        .collect()
}

/// Whether a statement may change or delete a row that is there, but for the rows of a table that it
/// drops whole.
#[must_use]
pub fn may_write_rows(statement: &PlannedStatement) -> bool {
    let words = &statement.words;
    match statement.effect {
        Effect::Creates => false,
        // What goes with something else may be a column.
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

/// A table is rebuilt if another that has been filled from it takes its name once it is dropped. All
/// the steps are then steps of that.
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

/// The effect and the subject. What is not understood is [`Effect::Other`].
fn classify(words: &Words) -> (Effect, String) {
    /// What is empty when it is made.
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
    // Of rows that cannot both be there, REPLACE deletes the one that is.
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
            // A constraint holds no rows.
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
