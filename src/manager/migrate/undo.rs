//! Command that undoes a run of migrations.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::config::{Key, Source};
use crate::error::in_shell;
use crate::manager::backup::BackupReport;
use crate::migrations::{Run, Target, back_to};
use crate::types::MigrationOwner;

/// Returns the command that undoes a run, and what it does not restore.
pub(super) fn undo<T>(
    config: &Config,
    target: &Target,
    run: &Run<T>,
    backup: Option<&BackupReport>,
) -> String {
    let database = database_flag(config);
    let restore = |as_it_was: &str| {
        backup.map(|backup| {
            let path = in_shell(&backup.path.display().to_string());
            format!("`zenith-db restore {path}{as_it_was}{database}` brings the previous rows back")
        })
    };
    match target {
        // Migrations of an empty database delete no rows.
        Target::Latest | Target::UpTo(_) => {
            let command = format!("zenith-db rollback {}{database}", back(run));
            let lost = run.steps.iter().any(|step| !step.rows.is_empty());
            match restore(" --no-migrate") {
                _ if !lost => command,
                Some(rows) => format!("{command} restores the schema; {rows}"),
                None => format!(
                    "{command} restores the schema, but not the previous rows: no backup was taken"
                ),
            }
        }
        Target::Redo => restore("").unwrap_or_else(|| "not possible: no backup was taken".into()),
        Target::Everything
        | Target::RollbackSteps(_)
        | Target::RollbackTo(_)
        | Target::RollbackOwn => {
            let to = |owner: &MigrationOwner| {
                let was = run.was.get(owner).map_or("0", String::as_str);
                format!("zenith-db migrate --to {was}{database}")
            };
            let command = owners(run).iter().map(to).collect::<Vec<_>>().join(" && ");
            let command = format!("{command} restores the schema");
            match restore("") {
                Some(rows) => format!("{command}; {rows}"),
                None => format!("{command}, but not the previous rows: no backup was taken"),
            }
        }
    }
}

/// Returns the owners of the steps, the library first.
fn owners<T>(run: &Run<T>) -> BTreeSet<MigrationOwner> {
    run.steps.iter().map(|step| step.owner).collect()
}

/// Returns the flags of `zenith-db rollback` that revert what the run has applied.
fn back<T>(run: &Run<T>) -> String {
    match Vec::from_iter(owners(run)).as_slice() {
        [owner] => back_to(*owner, run.was.get(owner).map(String::as_str)),
        // Of both owners, the versions to go back to would need two runs.
        _ => format!("--steps {}", run.steps.len()),
    }
}

/// Returns the flag that names this database; empty if a setting outside the command line does.
fn database_flag(config: &Config) -> String {
    let flags =
        config.settings().iter().filter(|setting| matches!(setting.source, Source::Flag(_)));
    let mut flags = flags.filter_map(|setting| Some((setting.name, setting.value.as_deref()?)));
    match flags.find(|(name, _)| *name == Key::Path.name() || *name == Key::Url.name()) {
        Some((name, path)) if name == Key::Path.name() => format!(" --path {}", in_shell(path)),
        // A URL in a flag has no password: it would have been refused.
        Some((_, url)) => format!(" --database-url {}", in_shell(url)),
        None => String::new(),
    }
}
