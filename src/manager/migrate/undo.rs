//! The command that takes a run back.

use crate::config::Config;
use crate::config::{Key, Source};
use crate::manager::backup::BackupReport;
use crate::migrations::{Run, Target};

/// The command that takes a run back, and what it cannot bring back.
pub(super) fn undo<T>(
    config: &Config,
    target: &Target,
    run: &Run<T>,
    backup: Option<&BackupReport>,
) -> String {
    let was = run.was.as_deref().unwrap_or("0");
    let database = database_flag(config);
    let rows = backup.map(|backup| format!("the rows that went are in {}", backup.path.display()));
    match target {
        // Applied to an empty database, there is nothing that could have gone.
        Target::Latest | Target::UpTo(_) => {
            let command = format!("zenith-db rollback --to {was}{database}");
            let lost = run.steps.iter().any(|step| !step.rows.is_empty());
            match rows {
                _ if !lost => command,
                Some(rows) => format!("{command} brings the structure back; {rows}"),
                None => format!(
                    "{command} brings the structure back, without what went: no backup was taken"
                ),
            }
        }
        Target::Redo => rows.unwrap_or_else(|| "nothing: no backup was taken".into()),
        Target::Everything | Target::RollbackSteps(_) | Target::RollbackTo(_) => {
            let command = format!("zenith-db migrate --to {was}{database} brings the tables back");
            match rows {
                Some(rows) => format!("{command}; {rows}"),
                None => format!("{command}, without the rows that went: no backup was taken"),
            }
        }
    }
}

/// The flag that names this database, if no setting outside the command does.
fn database_flag(config: &Config) -> String {
    let flags =
        config.settings().iter().filter(|setting| matches!(setting.source, Source::Flag(_)));
    let mut flags = flags.filter_map(|setting| Some((setting.name, setting.value.as_deref()?)));
    match flags.find(|(name, _)| *name == Key::Path.name() || *name == Key::Url.name()) {
        Some((name, path)) if name == Key::Path.name() => format!(" --path {}", in_shell(path)),
        // A flag's URL holds no password: such a flag is refused.
        Some((_, url)) => format!(" --database-url {}", in_shell(url)),
        None => String::new(),
    }
}

/// As one word of a shell's.
fn in_shell(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-:@%+=,".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}
