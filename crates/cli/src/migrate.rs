//! The subcommands `migrate`, `rollback` and `redo`.

use zenith_db::internal::config::{counted, shown};
use zenith_db::manager::{DatabaseManager, MigrationPlan, RollbackTarget};

use super::args::{Args, Command};
use super::exit::Exit;
use super::output::Output;
use super::{ask, render_migrations as render, text};

pub(super) fn run(args: &Args, output: Output, manager: &DatabaseManager) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Migrate { repair: true, plan, .. } => repair(args, output, manager, *plan),
        Command::Migrate { plan: true, to, .. } => show(
            output,
            &match to {
                Some(version) => manager.plan_migration_to(version)?,
                None => manager.plan_migration()?,
            },
        ),
        Command::Migrate { to, .. } => {
            let report = output.while_working("migrating", || match to {
                Some(version) => manager.migrate_to(version),
                None => manager.migrate(),
            })?;
            output.result(&report, |out, report| render::migration(out, report))?;
            Ok(Exit::Done)
        }
        Command::Rollback { steps, to, own, plan } => {
            let target = match to {
                Some(version) => RollbackTarget::Version(version.clone()),
                None if *own => RollbackTarget::Own,
                None => RollbackTarget::Steps(steps.get()),
            };
            if *plan {
                return show(output, &manager.plan_rollback(&target)?);
            }
            rollback(args, output, manager, &target)
        }
        Command::Redo { plan: true } => show(output, &manager.plan_redo()?),
        Command::Redo { .. } => redo(args, output, manager),
        _ => Ok(Exit::Usage),
    }
}

fn show(output: Output, plan: &MigrationPlan) -> anyhow::Result<Exit> {
    output.result(plan, |out, plan| render::plan(out, plan))?;
    Ok(Exit::Done)
}

fn rollback(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
    target: &RollbackTarget,
) -> anyhow::Result<Exit> {
    // Fails before the question if the database does not exist, or if something depends on what would be reverted.
    let plan = manager.plan_rollback(target)?;
    let version = text::version(plan.version.as_deref(), plan.application_version.as_deref());
    let path = shown(manager.config().location());
    let how = match target {
        RollbackTarget::Steps(steps) => {
            format!("by {}", counted(*steps, "migration", "migrations"))
        }
        RollbackTarget::Version(version) => format!("to version {version}"),
        RollbackTarget::Own => "by all migrations of the application".into(),
    };
    let question = format!(
        "Roll back {path} (version {version}) {how}, {}? The tables and columns that these migrations \
         added are dropped with their data{}.",
        text::backup_first(manager.config()),
        text::no_copy(manager.config()),
    );
    ask_first(args, &question)?;
    let report = output.while_working("rolling back", || manager.rollback(target))?;
    output.result(&report, |out, report| render::migration(out, report))?;
    Ok(Exit::Done)
}

fn redo(args: &Args, output: Output, manager: &DatabaseManager) -> anyhow::Result<Exit> {
    let plan = manager.plan_redo()?;
    let name = plan.steps.first().map_or("", |step| &step.name);
    let path = shown(manager.config().location());
    ask_first(
        args,
        &format!(
            "Revert {name} in {path} and apply it again, {}? The tables and columns that it \
             added are dropped with their data{}, and created again empty.",
            text::backup_first(manager.config()),
            text::no_copy(manager.config()),
        ),
    )?;
    let report = output.while_working("redoing", || manager.redo())?;
    output.result(&report, |out, report| render::migration(out, report))?;
    Ok(Exit::Done)
}

fn repair(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
    plan: bool,
) -> anyhow::Result<Exit> {
    let found = manager.plan_repair()?;
    if plan || found.edited.is_empty() {
        output.result(&found, |out, report| render::repair(out, report, false))?;
        return Ok(Exit::Done);
    }
    output.on_stderr(|out| render::repair(out, &found, false))?;
    let path = shown(manager.config().location());
    ask_first(args, &format!("Record the new checksums of these migrations in {path}?"))?;
    let report = manager.repair()?;
    output.result(&report, |out, report| render::repair(out, report, true))?;
    Ok(Exit::Done)
}

fn ask_first(args: &Args, question: &str) -> anyhow::Result<()> {
    if ask::confirm(args, question)? {
        Ok(())
    } else {
        anyhow::bail!("not confirmed; nothing was changed")
    }
}
