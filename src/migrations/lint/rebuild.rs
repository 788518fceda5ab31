//! Tables that SQLite makes again, as the recipe in `migrations/README.md` says.

use super::super::statement::PlannedStatement;
use super::action::{Action, Words};
use super::catalogue::Catalogue;
use super::{Finding, LintRule, SourceScript};

const RECIPE: &str = "make the new table, INSERT INTO it from the old one, DROP the old one, RENAME \
                      the new one, and make the indexes and triggers again, in this order";

pub(super) fn check(
    script: &SourceScript,
    statements: &[PlannedStatement],
    before: &Catalogue,
) -> Vec<Finding> {
    let words: Vec<Words> = statements.iter().map(Words::of).collect();
    let actions: Vec<Action> = words.iter().map(Action::of).collect();
    let line = |at: usize| statements.get(at).map_or(1, |statement| statement.line);
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
        let copied = actions.iter().zip(&words).position(|(action, words)| {
            matches!(action, Action::Insert { table, .. } if table == from)
                && words.after("FROM").is_some_and(|place| words.name(place) == *to)
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
        let kept = |name: &str, kind: &str| {
            actions.iter().enumerate().any(|(place, action)| match action {
                Action::CreateIndex { name: made, table, .. } if kind == "INDEX" => {
                    place > dropped && made == name && (table == to || table == from)
                }
                Action::CreateTrigger { name: made, table } if kind == "TRIGGER" => {
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
        let triggers = before.triggers.iter().filter(|(table, _)| table == to);
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
