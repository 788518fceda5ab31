//! The subcommand `restore`.

use std::path::{Path, PathBuf};

use anyhow::bail;
use zenith_db::config::Location;
use zenith_db::internal::config::shown;
use zenith_db::manager::{DatabaseManager, Origin, RestoreOptions};
use zenith_db::{BackupFault, Error};

use super::args::{Args, RestoreArgs};
use super::ask::confirm;
use super::exit::{Exit, UsageError};
use super::output::Output;
use super::received::Received;
use super::{flags, render_backups as render};

pub(super) fn run(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
    restore: &RestoreArgs,
) -> anyhow::Result<Exit> {
    if restore.drill {
        let report = output.while_reading(|progress| manager.drill(progress))?;
        output.result(&report, |out, report| render::drilled(out, report))?;
        return Ok(Exit::Done);
    }
    let target = target(manager, restore)?;
    if restore.to.is_some() {
        ensure_vacant(&target)?;
    }
    let from_stdin = restore.file.as_deref() == Some(Path::new("-"));
    let (file, received) = match &restore.file {
        Some(_) if from_stdin => {
            let received = Received::read(&target)?;
            (received.path().to_owned(), Some(received))
        }
        Some(file) => {
            flags::refuse_secret(file)?;
            // Before the question.
            if !file.try_exists().map_err(Error::io("inspect", file))? {
                return Err(Error::from(BackupFault::NotFound { path: file.clone() }).into());
            }
            (file.clone(), None)
        }
        None if restore.latest => (manager.newest_backup()?.path, None),
        None => bail!(UsageError("name a backup, or restore --latest or --drill".into())),
    };
    let replace = exists(&target)?;
    // A database of another program is refused, whatever the answer.
    if replace && !matches!(target.origin(), Ok(Origin::Foreign(_))) {
        let name: PathBuf = if from_stdin { "standard input".into() } else { file.clone() };
        let question = format!(
            "Replace {} with the backup {}? The existing database is kept {}.",
            shown(target.config().location()),
            shown(name.display()),
            kept_where(&target),
        );
        if !confirm(args, &question)? {
            bail!("not confirmed; nothing was changed");
        }
    }
    // What appears after the question is not what the answer was about.
    let options = RestoreOptions { migrate: !restore.no_migrate, replace };
    let restored = output.while_reading(|progress| target.restore(&file, &options, progress));
    let mut report = match (restored, &received) {
        (Err(error), Some(received)) => return Err(received.explain(error)),
        (restored, _) => restored?,
    };
    if from_stdin {
        report.backup.path = "-".into();
    }
    output.result(&report, |out, report| render::restored(out, report))?;
    // Without its migrations, the database is for an earlier version of the program.
    Ok(if report.health.healthy || restore.no_migrate { Exit::Done } else { Exit::Unhealthy })
}

/// Whether there is a database to replace. On a server, an empty one is filled: not every user may create one.
fn exists(manager: &DatabaseManager) -> zenith_db::Result<bool> {
    let is_file = manager.config().location().path().is_some();
    if is_file {
        return manager.exists();
    }
    match manager.origin() {
        // What this user may not read is there. The restore says which right is missing.
        Err(Error::Query(_)) => Ok(true),
        found => found.map(|found| !is_vacant(&found)),
    }
}

const fn is_vacant(origin: &Origin) -> bool {
    matches!(origin, Origin::Absent | Origin::Empty)
}

fn kept_where(target: &DatabaseManager) -> String {
    if target.config().location().path().is_none() {
        return "on the server, under another name".to_owned();
    }
    format!("in {}", shown(target.config().backup_dir().display()))
}

/// Returns the manager for the database that is restored.
pub(super) fn target(
    manager: &DatabaseManager,
    restore: &RestoreArgs,
) -> anyhow::Result<DatabaseManager> {
    let Some(to) = &restore.to else { return Ok(manager.clone()) };
    let to = Location::from_flag("--to", to).map_err(Error::from)?;
    flags::refuse_password_of(&to, "--to")?;
    Ok(manager.for_config(manager.config().at(to)))
}

/// Returns an error if there is a database already.
fn ensure_vacant(target: &DatabaseManager) -> anyhow::Result<()> {
    if exists(target)? {
        let database = shown(target.config().location());
        // What another program has created is not replaced.
        let advice = match target.origin() {
            Ok(Origin::Ours | Origin::Former) => {
                "to replace it, name it with --path or --database-url instead of --to"
            }
            _ if target.config().location().path().is_some() => {
                "it is no database of this program; give --to a path at which there is nothing"
            }
            _ => {
                "it has tables of another program, or cannot be read; give --to an empty database or one that does not \
                 exist"
            }
        };
        bail!(UsageError(format!("{database} exists: {advice}")));
    }
    Ok(())
}
