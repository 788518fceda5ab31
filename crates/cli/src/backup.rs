//! The subcommands of `backup`.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use serde_json::json;
use zenith_db::manager::{BackupFile, DatabaseManager, PruneReport, RetentionPolicy};

use super::args::{Args, BackupCommand};
use super::ask;
use super::delivery;
use super::escape::escaped;
use super::exit::Exit;
use super::flags;
use super::output::Output;
use super::render_backups::{self as render, Verification};
use super::text;

pub(super) fn run(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
    command: Option<&BackupCommand>,
    to_stdout: bool,
) -> anyhow::Result<Exit> {
    match command {
        None if to_stdout => {
            delivery::ensure_kept()?;
            let report = output.while_reading(|progress| {
                manager.write_backup(&mut io::stdout().lock(), progress)
            })?;
            delivery::finish()?;
            output.on_stderr(|out| render::written(out, &report))?;
        }
        None => {
            let report = output.while_reading(|progress| manager.backup_with_progress(progress))?;
            output.result(&report, |out, report| text::backup(out, report))?;
        }
        Some(BackupCommand::List) => {
            let backups = manager.backups()?;
            let listed = json!({ "backups": backups });
            output.result(&listed, |out, _| render::list(out, &backups))?;
        }
        Some(BackupCommand::Verify { file, all, .. }) => {
            return verify(output, manager, file.as_deref(), *all);
        }
        Some(BackupCommand::Prune { keep_last, keep_daily, keep_weekly, max_age, dry_run }) => {
            let days = |days: NonZeroUsize| Duration::from_secs(days.get() as u64 * 86_400);
            let policy = RetentionPolicy {
                keep_last: *keep_last,
                keep_daily: *keep_daily,
                keep_weekly: *keep_weekly,
                max_age: max_age.map(days),
            };
            let prune = |dry_run| {
                output.while_working("pruning", || manager.prune_backups(&policy, dry_run))
            };
            let mut report = prune(true)?;
            if !dry_run {
                ask_to_remove(args, &report)?;
                report = prune(false)?;
            }
            output.result(&report, |out, report| render::pruned(out, report))?;
        }
    }
    Ok(Exit::Done)
}

fn ask_to_remove(args: &Args, plan: &PruneReport) -> anyhow::Result<()> {
    if plan.removed.is_empty() {
        return Ok(());
    }
    let removed = render::number_of_backups(plan.removed.len());
    let question = format!("Remove {removed}, and keep {}?", plan.kept.len());
    if ask::confirm(args, &question)? {
        Ok(())
    } else {
        bail!("not confirmed; nothing was changed")
    }
}

fn verify(
    output: Output,
    manager: &DatabaseManager,
    file: Option<&Path>,
    all: bool,
) -> anyhow::Result<Exit> {
    let files: Vec<PathBuf> = match file {
        Some(file) => {
            flags::refuse_secret(file)?;
            vec![file.to_owned()]
        }
        None if all => {
            let found = manager.backups()?;
            if found.is_empty() {
                // Nothing was verified: the disk of the backups may not be mounted. This says that there are none.
                manager.newest_backup()?;
            }
            found.into_iter().map(|BackupFile { path, .. }| path).collect()
        }
        None => vec![manager.newest_backup()?.path],
    };
    let mut results = Vec::new();
    for path in files {
        let found = output.while_reading(|progress| manager.verify_backup(&path, progress));
        let (backup, error) = match found {
            Ok(backup) => (Some(backup), None),
            // One damaged backup does not keep the others from being checked.
            Err(error) if all => (None, Some(escaped(&format!("{error:#}")).to_string())),
            Err(error) => return Err(error.into()),
        };
        results.push(Verification { path, verified: backup.is_some(), backup, error });
    }
    let report = json!({ "backups": results });
    output.result(&report, |out, _| render::verified(out, &results))?;
    let sound = results.iter().all(|result| result.verified);
    Ok(if sound { Exit::Done } else { Exit::Failed })
}
