//! The command that takes a run back.

use crate::Config;
use crate::config::{Key, Source};
use crate::manager::backup::BackupReport;
use crate::migrations::Goal;

/// The command that takes a run back, and what it cannot bring back.
pub(super) fn undo(
    config: &Config,
    goal: &Goal,
    was: Option<&str>,
    backup: Option<&BackupReport>,
) -> String {
    let was = was.unwrap_or("0");
    let database = database_flag(config);
    match (goal, backup) {
        (Goal::Latest | Goal::UpTo(_), _) => format!("zenith-db rollback --to {was}{database}"),
        (Goal::Again, Some(backup)) => {
            format!("the rows that went are in {}", backup.path.display())
        }
        (Goal::Again, None) => "nothing: no backup was taken".into(),
        (_, Some(backup)) => format!(
            "zenith-db migrate --to {was}{database} brings the tables back; the rows that went are in {}",
            backup.path.display()
        ),
        (_, None) => format!(
            "zenith-db migrate --to {was}{database} brings the tables back, without the rows that went: \
             no backup was taken"
        ),
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
