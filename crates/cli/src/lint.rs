//! The subcommand `migration lint`, which needs neither a database nor a configuration.

use std::path::Path;

use anyhow::Context;
use serde_json::json;
use zenith_db::Backend;
use zenith_db::internal::config::{counted, shown};
use zenith_db_lint::{MigrationSet, lint};

use super::args::Dialect;
use super::exit::{Exit, UsageError};
use super::output::Output;

pub(super) fn run(
    output: Output,
    directory: &Path,
    dialect: Option<Dialect>,
) -> anyhow::Result<Exit> {
    let sets = sets(directory, dialect)?;
    let migrations: usize = sets.iter().map(|set| set.migrations.len()).sum();
    let findings = lint(&sets);
    let report = json!({ "migrations": migrations, "findings": findings });
    output.result(&report, |out, _| {
        for finding in &findings {
            writeln!(out, "{finding}")?;
        }
        let migrations = counted(migrations, "migration", "migrations");
        writeln!(out, "{migrations}, {}", counted(findings.len(), "finding", "findings"))
    })?;
    Ok(if findings.is_empty() { Exit::Done } else { Exit::Failed })
}

fn sets(directory: &Path, dialect: Option<Dialect>) -> anyhow::Result<Vec<MigrationSet>> {
    let read = |directory: &Path, backend| {
        MigrationSet::read(directory, backend).map_err(|error| UsageError(error.to_string()))
    };
    let known = [("sqlite", Backend::Sqlite), ("postgres", Backend::Postgres)];
    let last = directory.file_name().unwrap_or_default().to_string_lossy();
    let guessed = known.iter().find(|(name, _)| last == *name).map(|(_, backend)| *backend);
    if let Some(backend) = dialect.map(Dialect::backend).or(guessed) {
        return Ok(vec![read(directory, backend)?]);
    }
    let below: Vec<_> = known.iter().filter(|(name, _)| directory.join(name).is_dir()).collect();
    if below.is_empty() {
        // Returns the error of a directory that cannot be read.
        read(directory, Backend::Sqlite)?;
        return Err(UsageError(format!(
            "the database of the migrations in {} is unknown",
            shown(directory.display())
        )))
        .context("add --backend sqlite or --backend postgres");
    }
    Ok(below
        .into_iter()
        .map(|(name, backend)| read(&directory.join(name), *backend))
        .collect::<Result<_, _>>()?)
}
