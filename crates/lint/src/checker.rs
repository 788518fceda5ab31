//! Applies the rules to the migrations of one or more backends.

use zenith_db::Backend;
use zenith_db::internal::migrations::statements;

use super::finding::Finding;
use super::rules::{self, Direction};
use super::script_schema::ScriptSchema;
use super::sources::{MigrationSet, SourceScript};
use super::{comments, files, own, parity, trial};

/// Checks the scripts of each set, and compares the sets with each other. Returns the findings in the
/// order of sets, migrations and lines.
///
/// Migrations of an application are checked as if they ran after Zenith DB's own.
#[must_use]
pub fn lint(sets: &[MigrationSet]) -> Vec<Finding> {
    let mut found = Vec::new();
    for set in sets {
        found.extend(files::check(set));
        found.extend(own::check(set));
        let mut schema = ScriptSchema::default();
        for migration in &set.migrations {
            let before = schema.clone();
            let statements = statements(&migration.up.text, set.backend);
            schema.apply(&statements, &migration.up.file);
            found.extend(rules::check(set.backend, &migration.up, Direction::Up, &before));
            found.extend(rules::check(set.backend, &migration.down, Direction::Down, &schema));
        }
        if set.backend == Backend::Sqlite {
            found.extend(trial::check(&set.migrations));
        }
    }
    found.extend(parity::check(sets));
    let scripts: Vec<&SourceScript> =
        sets.iter().flat_map(|s| &s.migrations).flat_map(|m| [&m.up, &m.down]).collect();
    let mut found = comments::without_allowed(&scripts, found);
    let place = |finding: &Finding| scripts.iter().position(|script| script.file == finding.file);
    found.sort_by_key(|finding| (place(finding), finding.line, finding.rule));
    found
}
