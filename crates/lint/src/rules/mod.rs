//! Rules that are checked on each script by itself.

mod context;
mod locks;
mod loss;
mod rebuild;

use zenith_db::Backend;
use zenith_db::internal::migrations::{Action, declarations, statements};
use zenith_db::migrations::PlannedStatement;

use super::comments;
use super::finding::Finding;
use super::forbidden::forbidden;
use super::lint_rule::LintRule;
use super::script_schema::ScriptSchema;
use super::sources::SourceScript;
pub(super) use context::Direction;
use context::ScriptContext;

/// Checks a script that runs on the given schema.
pub(super) fn check(
    backend: Backend,
    script: &SourceScript,
    direction: Direction,
    before: &ScriptSchema,
) -> Vec<Finding> {
    let statements = statements(&script.text, backend);
    let mut found = comments::malformed_declarations(script, backend);
    if statements.is_empty() {
        let (rule, name, advice) = match direction {
            Direction::Up => {
                (LintRule::EmptyUp, "up.sql", "write the statements that apply the migration")
            }
            Direction::Down => {
                (LintRule::EmptyDown, "down.sql", "write the statements that undo up.sql")
            }
        };
        found.push(script.finding(
            1,
            rule,
            format!("{name} is missing or contains no statement"),
            advice,
        ));
    }
    let (declared, _) = declarations(&script.text, backend);
    let mut context = ScriptContext::new(backend, script, direction, &declared, before);
    let mut touched = Vec::new();
    for statement in &statements {
        found.extend(unfit(script, statement));
        for action in Action::all(&statement.words) {
            found.extend(loss::check(&context, statement, &action));
            found.extend(locks::check(&context, statement.line, &action));
            touched.extend(action.tables());
            context.remember(&action);
        }
    }
    found.extend(comments::idle_declarations(script, &declared, &touched));
    if backend == Backend::Sqlite {
        found.extend(rebuild::check(&context, &statements));
    }
    found
}

/// Finds a statement that is forbidden in a migration, or whose text does not show its effect.
fn unfit(script: &SourceScript, statement: &PlannedStatement) -> Option<Finding> {
    let words = &statement.words;
    let (rule, problem, advice) = if let Some(what) = forbidden(words) {
        let problem = format!("{what} is not allowed in the transaction that the program opens");
        let advice = "remove it: the whole migration already runs in one transaction";
        (LintRule::ForbiddenStatement, problem, advice)
    } else if words.is_any(0, &["DO", "CALL", "EXECUTE"]) {
        let what = words.get(0).to_uppercase();
        let problem =
            format!("the text of {what} does not show its effect, and no other rule checks it");
        let advice = "write out its statements, or allow the rule and give the reason";
        (LintRule::OpaqueStatement, problem, advice)
    } else {
        return None;
    };
    Some(script.finding(statement.line, rule, problem, advice))
}
