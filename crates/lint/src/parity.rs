//! Comparison of the backends: each needs the same migrations, columns, foreign keys, indexes and
//! triggers.

use zenith_db::internal::migrations::statements;

use super::finding::Finding;
use super::lint_rule::LintRule;
use super::script_schema::ScriptSchema;
use super::sources::MigrationSet;

pub(super) fn check(sets: &[MigrationSet]) -> Vec<Finding> {
    let mut found = Vec::new();
    for ours in sets {
        for theirs in sets.iter().filter(|other| other.backend != ours.backend) {
            found.extend(compare(ours, theirs));
        }
    }
    found
}

/// Finds the migrations and objects that the first set has and the second does not.
fn compare(ours: &MigrationSet, theirs: &MigrationSet) -> Vec<Finding> {
    let other = theirs.backend;
    let mut found = Vec::new();
    let (mut here, mut there) = (ScriptSchema::default(), ScriptSchema::default());
    let mut known: Vec<String> = Vec::new();
    for migration in &ours.migrations {
        let up = &migration.up;
        here.apply(&statements(&up.text, ours.backend), &up.file);
        let Some(same) = theirs.migrations.iter().find(|m| m.name == migration.name) else {
            let problem = format!("the migration {} does not exist for {other}", migration.name);
            let advice = format!("write it for {other} as well, with the same name");
            found.push(up.finding(1, LintRule::BackendsDiffer, problem, advice));
            known.extend(here.objects().into_keys());
            continue;
        };
        there.apply(&statements(&same.up.text, other), &same.up.file);
        let other_objects = there.objects();
        for (object, created) in here.objects() {
            if other_objects.contains_key(&object) || known.contains(&object) {
                continue;
            }
            // The line that created it, or the line of the other script that dropped it if both had it
            // before this migration.
            let dropped = there.dropped.get(&object).filter(|line| line.file == same.up.file);
            let place = match dropped {
                Some(dropped) if created.file != up.file => dropped.clone(),
                _ => created,
            };
            found.push(Finding {
                file: place.file,
                line: place.line,
                rule: LintRule::BackendsDiffer,
                problem: format!("{} has {object}, {other} does not", ours.backend),
                advice: "make the migrations for both databases create the same objects".into(),
            });
            known.push(object);
        }
    }
    found
}
