//! Migrations as source text, read from a directory.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use zenith_db::internal::config::shown;

use zenith_db::Backend;
use zenith_db::internal::migrations::{version_number, version_of};
use zenith_db::migrations::{EmbeddedMigration, all};

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
    /// Reads the migrations of a directory: each is a subdirectory with `up.sql` and `down.sql`. Files, and
    /// directories whose names begin with a dot, are ignored.
    ///
    /// # Errors
    /// An error that names the path, if it cannot be read or contains no migration.
    pub fn read(directory: &Path, backend: Backend) -> Result<Self> {
        let mut migrations = Vec::new();
        for name in names_in(directory)? {
            let path = directory.join(&name);
            if name.as_encoded_bytes().starts_with(b".") || !kind_of(&path)?.is_dir() {
                continue;
            }
            let files = names_in(&path)?;
            let (up, down) = (script(&path, &files, "up.sql")?, script(&path, &files, "down.sql")?);
            let name = name.to_string_lossy().into_owned();
            migrations.push(SourceMigration { name, up, down });
        }
        // As Diesel runs them; the name decides between two with one version.
        migrations
            .sort_by_cached_key(|migration| (version_of(&migration.name), migration.name.clone()));
        let is_one = |migration: &SourceMigration| {
            let has_text = |script: &SourceScript| !script.text.is_empty();
            version_number(&migration.name).is_some()
                || has_text(&migration.up)
                || has_text(&migration.down)
        };
        if !migrations.iter().any(is_one) {
            let problem = format!("{} contains no migrations", shown(directory.display()));
            return Err(Error::new(ErrorKind::NotFound, problem));
        }
        Ok(Self { backend, migrations })
    }
}

/// Returns the names of the files and directories in a directory, as it lists them.
fn names_in(directory: &Path) -> Result<Vec<OsString>> {
    std::fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect())
        .map_err(|cause| with_path(directory, &cause))
}

/// Reads a script of a migration. If a file has its name in another case, reads that one: a file system
/// that ignores case has no other, and elsewhere the lint reports it.
fn script(directory: &Path, files: &[OsString], name: &str) -> Result<SourceScript> {
    let other = files.iter().find(|file| file.eq_ignore_ascii_case(name) && *file != name);
    let file = other.map_or_else(|| directory.join(name), |other| directory.join(other));
    if !files.iter().any(|found| Some(&**found) == file.file_name()) {
        return Ok(SourceScript { file, text: String::new() });
    }
    // Reading a pipe would wait for its writer.
    if !kind_of(&file)?.is_file() {
        return Err(with_path(&file, &Error::other("it is not a regular file")));
    }
    let text = std::fs::read_to_string(&file).map_err(|cause| with_path(&file, &cause))?;
    Ok(SourceScript { file, text })
}

/// Returns what is at a path. A symbolic link counts as what it names.
fn kind_of(path: &Path) -> Result<Metadata> {
    std::fs::metadata(path).map_err(|cause| {
        let dangles = cause.kind() == ErrorKind::NotFound && path.is_symlink();
        let nothing = Error::new(cause.kind(), "it is a symbolic link to nothing");
        with_path(path, if dangles { &nothing } else { &cause })
    })
}

fn with_path(path: &Path, cause: &Error) -> Error {
    Error::new(cause.kind(), format!("cannot read {}: {cause}", shown(path.display())))
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
pub(super) fn embedded_before(migrations: &[SourceMigration]) -> &'static [EmbeddedMigration] {
    let is_ours = |name: &str| all().iter().any(|embedded| embedded.name() == name);
    if migrations.iter().any(|migration| is_ours(&migration.name)) { &[] } else { all() }
}
