//! Migrations of an application: the library has each version that they require, and no statement of theirs drops, renames
//! or alters a table of the library. `zenith-db migrate` looks at what the tables are after the scripts instead.

use std::collections::BTreeSet;

use zenith_db::internal::migrations::{Action, requirements, statements, version_of};
use zenith_db::migrations::Structure;

use super::finding::Finding;
use super::lint_rule::LintRule;
use super::sources::{MigrationSet, SourceScript, embedded_before};

pub(super) fn check(set: &MigrationSet) -> Vec<Finding> {
    let library = embedded_before(&set.migrations);
    if library.is_empty() {
        return Vec::new();
    }
    // Without its tables, the trial run says what is wrong.
    let structure = Structure::expected(set.backend).unwrap_or_default();
    let (tables, mut found) = (structure.tables(), Vec::new());
    for migration in &set.migrations {
        for (line, version) in requirements(&migration.up.text, set.backend) {
            if !library.iter().any(|known| version_of(known.name()) == version) {
                let problem = format!("zenith-db has no version `{version}`");
                let advice = "correct it, or build the application with a newer zenith-db";
                found.push(migration.up.finding(
                    line,
                    LintRule::UnknownRequirement,
                    problem,
                    advice,
                ));
            }
        }
        for script in [&migration.up, &migration.down] {
            found.extend(changes(set, script, &tables));
        }
    }
    found
}

fn changes(set: &MigrationSet, script: &SourceScript, tables: &BTreeSet<&str>) -> Vec<Finding> {
    let mut found = Vec::new();
    for statement in statements(&script.text, set.backend) {
        let actions = Action::all(&statement.words).into_iter();
        let changing = actions.filter(|action| match action {
            Action::Drop { kind, .. } => kind == "TABLE",
            Action::Alter { .. } | Action::RenameTable { .. } => true,
            _ => false,
        });
        for table in changing.flat_map(|action| action.tables()) {
            if tables.contains(table.as_str()) {
                let problem = format!("{table} is a table of zenith-db");
                let advice = "keep your columns in a table of your own, which refers to it";
                found.push(script.finding(
                    statement.line,
                    LintRule::ChangesLibrary,
                    problem,
                    advice,
                ));
            }
        }
    }
    found
}
