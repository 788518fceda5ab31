//! Rebuilds of SQLite tables, which must follow the recipe in `migrations/README.md`.

use zenith_db::internal::migrations::{Action, Words};
use zenith_db::migrations::PlannedStatement;

use super::context::ScriptContext;
use super::loss::{lost_column, lost_rows};
use crate::finding::Finding;
use crate::lint_rule::LintRule;
use crate::script_schema::column;

const RECIPE: &str = "create the new table, INSERT INTO it from the old one, DROP the old one, RENAME \
                      the new one, and create the indexes and triggers again, in this order";

pub(super) fn check(context: &ScriptContext<'_>, statements: &[PlannedStatement]) -> Vec<Finding> {
    let (script, before) = (context.script, context.before);
    let (steps, actions): (Vec<&PlannedStatement>, Vec<Action>) = statements
        .iter()
        .flat_map(|statement| {
            Action::all(&statement.words).into_iter().map(move |a| (statement, a))
        })
        .unzip();
    let line = |at: usize| steps.get(at).map_or(1, |statement| statement.line);
    let position = |found: &dyn Fn(&Action) -> bool| actions.iter().position(found);
    let created =
        |name: &str| position(&|a| matches!(a, Action::CreateTable { table, .. } if table == name));
    let drops = |name: &str| {
        position(&|a| {
            matches!(a, Action::Drop { kind, names }
                if kind == "TABLE" && names.iter().any(|n| n == name))
        })
    };
    let mut found = Vec::new();
    for (at, action) in actions.iter().enumerate() {
        let Action::RenameTable { from, to } = action else { continue };
        if created(from).is_some_and(|place| place > at) {
            let problem = format!(
                "{from} is renamed first: foreign keys, views and triggers that name {from} then name {to}"
            );
            found.push(script.finding(line(at), LintRule::RebuildOrder, problem, RECIPE));
        }
        let Some(dropped) = drops(to) else { continue };
        let copied = actions.iter().zip(&steps).position(|(action, statement)| {
            matches!(action, Action::Insert { table, .. } if table == from)
                && statement.words.reads(to)
        });
        let problem = match (created(from), copied) {
            (None, _) => {
                Some(format!("{from}, which replaces {to}, is not created in this script"))
            }
            (_, None) => Some(format!("no row of {to} is copied to {from}")),
            (Some(new), Some(copied)) if new < copied && copied < dropped && dropped < at => None,
            _ => Some(format!("the steps that rebuild {to} are out of order")),
        };
        if let Some(problem) = problem {
            found.push(script.finding(line(dropped), LintRule::RebuildOrder, problem, RECIPE));
        }
        if let Some((at, copy)) = copied.and_then(|at| Some((at, steps.get(at)?))) {
            let new = created(from).and_then(|at| actions.get(at));
            found.extend(incomplete_copy(context, line(at), &copy.words, to, new));
        }
        let kept = |name: &str, kind: &str| {
            actions.iter().enumerate().any(|(place, action)| match action {
                Action::CreateIndex { name: created, table, .. } if kind == "INDEX" => {
                    place > dropped && created == name && (table == to || table == from)
                }
                Action::CreateTrigger { name: created, table, .. } if kind == "TRIGGER" => {
                    place > dropped && created == name && (table == to || table == from)
                }
                // Dropped on purpose.
                Action::Drop { kind: dropped, names } => {
                    dropped == kind && names.iter().any(|dropped| dropped == name)
                }
                _ => false,
            })
        };
        let indexes = before.indexes.iter().filter(|(_, index)| index.table == *to);
        let triggers = before.triggers.keys().filter(|(table, _)| table == to);
        let forgotten: Vec<String> = indexes
            .map(|(name, _)| ("INDEX", name))
            .chain(triggers.map(|(_, name)| ("TRIGGER", name)))
            .filter(|(kind, name)| !kept(name, kind))
            .map(|(kind, name)| format!("{} {name}", kind.to_lowercase()))
            .collect();
        if !forgotten.is_empty() {
            found.push(script.finding(
                line(dropped),
                LintRule::RebuildForgets,
                format!(
                    "DROP TABLE {to} also drops these, which are not created again: {}",
                    forgotten.join(", ")
                ),
                "create them again after the rename, or drop them by name, if that is intended",
            ));
        }
    }
    found
}

/// Finds rows and columns that the copy of a table may omit, and columns that it may confuse.
fn incomplete_copy(
    context: &ScriptContext<'_>,
    line: usize,
    copy: &Words,
    old: &str,
    new: Option<&Action>,
) -> Vec<Finding> {
    const SELECTS: [&str; 9] = [
        "WHERE",
        "LIMIT",
        "DISTINCT",
        "GROUP",
        "HAVING",
        "JOIN",
        "EXCEPT",
        "INTERSECT",
        "OR IGNORE",
    ];
    let mut found = Vec::new();
    let list = copy.after("INTO").map(|at| copy.name_at(at) + 1);
    if copy.has("SELECT *") || !list.is_some_and(|at| copy.at(at, "(")) {
        let problem = format!("the columns of {old} are copied by position, not by name");
        found.push(context.script.finding(line, LintRule::RebuildOrder, problem, RECIPE));
    }
    let outside = copy.outside();
    if let Some(word) = SELECTS.iter().find(|word| outside.has(word)) {
        let problem = format!("{word} may exclude rows of {old} from the copy");
        found.extend(lost_rows(context, line, old, problem));
    }
    if let (Some(Action::CreateTable { parts, .. }), Some(columns)) =
        (new, context.before.tables.get(old))
    {
        let kept: Vec<String> = parts.iter().filter_map(column).collect();
        let omitted = columns.keys().filter(|name| !kept.contains(name) && !copy.names(name));
        found.extend(omitted.filter_map(|column| lost_column(context, line, old, column)));
    }
    found
}
