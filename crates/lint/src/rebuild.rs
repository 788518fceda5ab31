//! Tables that SQLite makes again, as the recipe in `migrations/README.md` says.

use zenith_db::internal::migrations::{Action, Words};
use zenith_db::migrations::PlannedStatement;

use super::catalogue::column;
use super::rules::Context;
use super::{Finding, LintRule};

const RECIPE: &str = "make the new table, INSERT INTO it from the old one, DROP the old one, RENAME \
                      the new one, and make the indexes and triggers again, in this order";

pub(super) fn check(context: &Context<'_>, statements: &[PlannedStatement]) -> Vec<Finding> {
    let (script, before) = (context.script, context.before);
    let (steps, actions): (Vec<&PlannedStatement>, Vec<Action>) = statements
        .iter()
        .flat_map(|statement| {
            Action::all(&statement.words).into_iter().map(move |a| (statement, a))
        })
        .unzip();
    let line = |at: usize| steps.get(at).map_or(1, |statement| statement.line);
    let position = |found: &dyn Fn(&Action) -> bool| actions.iter().position(found);
    let made =
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
        if made(from).is_some_and(|created| created > at) {
            let problem =
                format!("{from} is renamed first: what refers to it refers to {to} from then on");
            found.push(script.finding(line(at), LintRule::RebuildOrder, problem, RECIPE));
        }
        let Some(dropped) = drops(to) else { continue };
        let copied = actions.iter().zip(&steps).position(|(action, statement)| {
            matches!(action, Action::Insert { table, .. } if table == from)
                && statement.words.reads(to)
        });
        let problem = match (made(from), copied) {
            (None, _) => Some(format!("{from}, which takes the place of {to}, is not made here")),
            (_, None) => Some(format!("no row of {to} is copied to {from}")),
            (Some(created), Some(copied))
                if created < copied && copied < dropped && dropped < at =>
            {
                None
            }
            _ => Some(format!("the steps that rebuild {to} are in another order")),
        };
        if let Some(problem) = problem {
            found.push(script.finding(line(dropped), LintRule::RebuildOrder, problem, RECIPE));
        }
        if let Some((at, copy)) = copied.and_then(|at| Some((at, steps.get(at)?))) {
            let new = made(from).and_then(|at| actions.get(at));
            found.extend(forgets_rows(context, line(at), &copy.words, to, new));
        }
        let kept = |name: &str, kind: &str| {
            actions.iter().enumerate().any(|(place, action)| match action {
                Action::CreateIndex { name: made, table, .. } if kind == "INDEX" => {
                    place > dropped && made == name && (table == to || table == from)
                }
                Action::CreateTrigger { name: made, table, .. } if kind == "TRIGGER" => {
                    place > dropped && made == name && (table == to || table == from)
                }
                // Gone on purpose.
                Action::Drop { kind: dropped, names } => {
                    dropped == kind && names.iter().any(|dropped| dropped == name)
                }
                _ => false,
            })
        };
        let indexes = before.indexes.iter().filter(|(_, (table, ..))| table == to);
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
                format!("with {to} these go and are not made again: {}", forgotten.join(", ")),
                "make them again after the rename, or drop them by name before, if that is meant",
            ));
        }
    }
    found
}

/// What a copy of a table leaves behind, or puts elsewhere.
fn forgets_rows(
    context: &Context<'_>,
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
        let problem = format!("the columns of {old} are copied by their order, not by their names");
        found.push(context.script.finding(line, LintRule::RebuildOrder, problem, RECIPE));
    }
    let outside = copy.outside();
    if let Some(word) = SELECTS.iter().find(|word| outside.has(word)) {
        let problem = format!("because of {word}, perhaps not every row of {old} is copied");
        found.extend(context.rows_go(line, old, problem));
    }
    if let (Some(Action::CreateTable { parts, .. }), Some(columns)) =
        (new, context.before.tables.get(old))
    {
        let kept: Vec<String> = parts.iter().filter_map(column).collect();
        let gone = columns.keys().filter(|name| !kept.contains(name) && !copy.names(name));
        found.extend(gone.filter_map(|column| context.column_goes(line, old, column)));
    }
    found
}
