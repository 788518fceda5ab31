//! Migrations as source text, read from a directory.

use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use zenith_db::Backend;
use zenith_db::internal::migrations::Migrations;
use zenith_db::migrations::all;

use super::finding::Finding;
use super::lint_rule::LintRule;

/// Migrations for one backend, oldest first.
#[derive(Clone, Debug)]
pub struct MigrationSet {
    /// Backend that the migrations are written for.
    pub backend: Backend,
    /// Migrations, oldest first.
    pub migrations: Vec<SourceMigration>,
}

/// Migration as its two scripts.
#[derive(Clone, Debug)]
pub struct SourceMigration {
    /// Name of the migration's directory: `<timestamp>_<verb_object>`.
    pub name: String,
    /// Script that applies the migration.
    pub up: SourceScript,
    /// Script that reverts the migration.
    pub down: SourceScript,
}

/// SQL script.
#[derive(Clone, Debug)]
pub struct SourceScript {
    /// Path of the file, as findings show it.
    pub file: PathBuf,
    /// Content of the file; empty if the file does not exist.
    pub text: String,
}

impl MigrationSet {
    /// Reads the migrations of a directory: each is a subdirectory with `up.sql` and `down.sql`. Other
    /// files and directories are ignored.
    ///
    /// # Errors
    /// An error that names the path, if it cannot be read or contains no migration.
    pub fn read(directory: &Path, backend: Backend) -> Result<Self> {
        let named = |path: &Path, cause: &Error| {
            Error::new(cause.kind(), format!("cannot read {}: {cause}", path.display()))
        };
        let mut migrations = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(|cause| named(directory, &cause))? {
            let path = entry.map_err(|cause| named(directory, &cause))?.path();
            let script = |name: &str| {
                let file = path.join(name);
                match std::fs::read_to_string(&file) {
                    Ok(text) => Ok(Some(SourceScript { file, text })),
                    Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
                    Err(cause) => Err(named(&file, &cause)),
                }
            };
            if !path.is_dir() {
                continue;
            }
            let (up, down) = (script("up.sql")?, script("down.sql")?);
            if up.is_none() && down.is_none() {
                continue;
            }
            let or_empty = |script: Option<SourceScript>, name: &str| {
                script
                    .unwrap_or_else(|| SourceScript { file: path.join(name), text: String::new() })
            };
            let (up, down) = (or_empty(up, "up.sql"), or_empty(down, "down.sql"));
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            migrations.push(SourceMigration { name, up, down });
        }
        migrations.sort_by(|a, b| a.name.cmp(&b.name));
        if migrations.is_empty() {
            let problem = format!("{} contains no migrations", directory.display());
            return Err(Error::new(ErrorKind::NotFound, problem));
        }
        Ok(Self { backend, migrations })
    }
}

impl SourceScript {
    /// Returns a finding in this script.
    pub(super) fn finding(
        &self,
        line: usize,
        rule: LintRule,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        let (problem, advice) = (problem.into(), advice.into());
        Finding { file: self.file.clone(), line, rule, problem, advice }
    }
}

/// Returns the embedded migrations that run before the given ones: all of Zenith DB's before those of an
/// application, none before Zenith DB's own.
pub(super) fn embedded_before(migrations: &[SourceMigration]) -> Migrations {
    let is_ours = |name: &str| all().iter().any(|embedded| embedded.name() == name);
    if migrations.iter().any(|migration| is_ours(&migration.name)) { &[] } else { all() }
}
