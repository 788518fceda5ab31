//! What the statements of PostgreSQL say of constraints and of columns that number themselves.

use std::collections::BTreeSet;

use super::PlannedStatement;
use super::action::Action;
use super::words::Words;

/// Check that a statement adds to a table.
#[derive(Debug)]
pub(crate) struct WrittenCheck {
    /// Name of the table.
    pub(crate) table: String,
    /// Name of the constraint.
    pub(crate) name: String,
    /// What the condition is about.
    pub(crate) essence: BTreeSet<String>,
}

/// Returns the named checks that a statement adds.
pub(crate) fn written_checks(statement: &PlannedStatement) -> Vec<WrittenCheck> {
    let mut found = Vec::new();
    for action in Action::all(&statement.words) {
        let (Action::CreateTable { table, parts, .. } | Action::Alter { table, actions: parts }) =
            action
        else {
            continue;
        };
        for part in parts {
            for at in part.places("CONSTRAINT").filter(|at| part.is_any(at + 2, &["CHECK"])) {
                let (table, name) = (table.clone(), part.get(at + 1).to_owned());
                found.push(WrittenCheck { table, name, essence: essence(&part.from(at + 3)) });
            }
        }
    }
    found
}

/// Returns the columns to which a statement gives ids by themselves, as (table, column).
pub(crate) fn identities(statement: &PlannedStatement) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for action in Action::all(&statement.words) {
        let Action::CreateTable { table, parts, .. } = action else { continue };
        let numbered = parts.iter().filter(|part| part.has("AS IDENTITY"));
        found.extend(numbered.map(|part| (table.clone(), part.get(0).to_owned())));
    }
    found
}

/// Returns the names in a condition in parentheses, and how many values it has. The server prints a condition in other
/// words than those in which it was written, with types and parentheses, and large numbers as texts, but about the same.
pub(crate) fn essence(condition: &Words) -> BTreeSet<String> {
    /// Words that the server adds or replaces.
    const FORM: [&str; 29] = [
        "and",
        "or",
        "not",
        "is",
        "null",
        "in",
        "between",
        "any",
        "all",
        "array",
        "text",
        "integer",
        "bigint",
        "numeric",
        "double",
        "precision",
        "boolean",
        "json",
        "bytea",
        "timestamp",
        "without",
        "with",
        "time",
        "zone",
        "distinct",
        "from",
        "like",
        "symmetric",
        "both",
    ];
    let mut found = BTreeSet::new();
    let mut values = 0_usize;
    for part in condition.parts(0) {
        for at in 0..part.len() {
            let word = part.get(at);
            let begins = |is: fn(char) -> bool| word.chars().next().is_some_and(is);
            let is_fraction = at.checked_sub(1).is_some_and(|before| part.get(before) == ".");
            if word == "'" || begins(|first| first.is_ascii_digit()) && !is_fraction {
                values += 1;
            } else if begins(|first| first.is_alphabetic() || first == '_') && !FORM.contains(&word)
            {
                found.insert(word.to_owned());
            }
        }
    }
    found.insert(format!("{values} values"));
    found
}
