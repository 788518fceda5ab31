//! Names of migrations and of their files, and how the files begin. `zenith-db-embed` refuses the same
//! faults when an application is built.

use std::collections::BTreeMap;

use zenith_db::internal::migrations::version_number;

use super::finding::Finding;
use super::lint_rule::LintRule;
use super::sources::{MigrationSet, SourceMigration, embedded_before};

pub(super) fn check(set: &MigrationSet) -> Vec<Finding> {
    let own = embedded_before(&set.migrations).iter();
    let mut seen: BTreeMap<i64, &str> =
        own.filter_map(|m| Some((version_number(m.name())?, m.name()))).collect();
    let mut found = Vec::new();
    for migration in &set.migrations {
        match version_number(&migration.name).map(|version| (version, seen.get(&version))) {
            None => {
                let problem =
                    format!("the name of the directory, {}, has no version", migration.name);
                let advice = "rename it to <timestamp>_<verb_object>, such as \
                              2026-11-23-000001_create_notes, or move it elsewhere";
                found.push(migration.up.finding(1, LintRule::NoVersion, problem, advice));
            }
            Some((_, Some(other))) => {
                let problem = format!(
                    "{} has the same version as {other}, so that only one of them would run",
                    migration.name
                );
                let advice = "rename the directory, with a later timestamp";
                found.push(migration.up.finding(1, LintRule::SameVersion, problem, advice));
            }
            Some((version, None)) => {
                seen.insert(version, &migration.name);
            }
        }
        found.extend(of_scripts(migration));
    }
    found
}

fn of_scripts(migration: &SourceMigration) -> Vec<Finding> {
    let mut found = Vec::new();
    for (script, name) in [(&migration.up, "up.sql"), (&migration.down, "down.sql")] {
        if script.file.file_name().is_none_or(|file| file != name) {
            let problem = format!("the file is not named {name}, in lower case");
            let advice =
                format!("rename it to {name}: not every file system finds it by another case");
            found.push(script.finding(1, LintRule::ScriptName, problem, advice));
        }
        if script.text.starts_with('\u{feff}') {
            let problem = "the file begins with a UTF-8 byte order mark, which PostgreSQL refuses";
            let advice = "save it without one";
            found.push(script.finding(1, LintRule::ByteOrderMark, problem, advice));
        }
    }
    found
}
