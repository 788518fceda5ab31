//! The same migrations, tables, columns, references, indexes and triggers for every database.

use zenith_db::internal::migrations::statements;

use super::catalogue::Catalogue;
use super::{Finding, LintRule, MigrationSet};

pub(super) fn check(sets: &[MigrationSet]) -> Vec<Finding> {
    let mut found = Vec::new();
    for ours in sets {
        for theirs in sets.iter().filter(|other| other.backend != ours.backend) {
            found.extend(compare(ours, theirs));
        }
    }
    found
}

/// What one set has and the other has not.
fn compare(ours: &MigrationSet, theirs: &MigrationSet) -> Vec<Finding> {
    let other = theirs.backend;
    let mut found = Vec::new();
    let (mut here, mut there) = (Catalogue::default(), Catalogue::default());
    let mut known: Vec<String> = Vec::new();
    for migration in &ours.migrations {
        let up = &migration.up;
        here.apply(&statements(&up.text, ours.backend), &up.file);
        let Some(same) = theirs.migrations.iter().find(|m| m.name == migration.name) else {
            let problem = format!("there is no migration {} for {other}", migration.name);
            let advice = format!("write it for {other} as well, under the same name");
            found.push(up.finding(1, LintRule::BackendsDiffer, problem, advice));
            known.extend(here.lines().into_keys());
            continue;
        };
        there.apply(&statements(&same.up.text, other), &same.up.file);
        let other_lines = there.lines();
        for (line, made) in here.lines() {
            if other_lines.contains_key(&line) || known.contains(&line) {
                continue;
            }
            // Where it was made here, unless it was there until the other one dropped it.
            let gone = there.gone.get(&line).filter(|(file, _)| *file == same.up.file);
            let (file, number) =
                if made.0 == up.file { made.clone() } else { gone.cloned().unwrap_or(made) };
            found.push(Finding {
                file,
                line: number,
                rule: LintRule::BackendsDiffer,
                problem: format!("{} has {line}, and {other} has not", ours.backend),
                advice: "write both migrations so that both databases have the same".into(),
            });
            known.push(line);
        }
    }
    found
}
