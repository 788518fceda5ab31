//! The subcommand `purge`.

use std::time::Duration;

use anyhow::{Context, bail};
use zenith_db::internal::config::{counted, shown};
use zenith_db::manager::{DatabaseManager, PurgePolicy, PurgeReport};

use super::args::{Args, PurgeArgs};
use super::ask;
use super::exit::Exit;
use super::output::Output;
use super::render;

const DAY: u64 = 86_400;

fn in_words(days: u32) -> String {
    counted(days, "day", "days")
}

pub(super) fn run(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
    ages: &PurgeArgs,
) -> anyhow::Result<Exit> {
    let mut policy = PurgePolicy::none();
    let mut doomed = Vec::new();
    let age = |days: u32| Duration::from_secs(u64::from(days) * DAY);
    if let Some(days) = ages.conversations {
        policy = policy.conversations_after(age(days));
        doomed.push(format!(
            "conversations without activity for {}, with their messages",
            in_words(days)
        ));
    }
    if let Some(days) = ages.metrics {
        policy = policy.metrics_after(age(days));
        doomed.push(format!("metrics older than {}", in_words(days)));
    }
    if let Some(days) = ages.sessions {
        policy = policy.sessions_after(age(days));
        doomed.push(format!("sessions that expired {} ago", in_words(days)));
    }
    if let Some(days) = ages.notifications {
        policy = policy.notifications_after(age(days));
        doomed.push(format!("notifications that expired {} ago", in_words(days)));
    }
    // Before the question.
    manager.ensure_current()?;
    let question =
        format!("Delete from {}: {}?", shown(manager.config().location()), doomed.join("; "));
    if !ask::confirm(args, &question)? {
        bail!("not confirmed; nothing was changed")
    }
    // Only now: its connections begin in the background, and the program must not end meanwhile.
    let database = manager.open_database()?;
    let mut deleted = PurgeReport::default();
    let report = output.while_purging(|progress| {
        database.purge(&policy, &mut |done| {
            deleted = done.clone();
            progress(done);
        })
    });
    let closed = database.close();
    // What has been deleted stays so.
    let report =
        report.with_context(|| format!("it stopped after it had {}", render::deleted(&deleted)))?;
    closed?;
    output.result(&report, |out, report| render::purged(out, report))?;
    for kept in &report.kept {
        output.warning(&render::kept(kept));
    }
    Ok(Exit::Done)
}
