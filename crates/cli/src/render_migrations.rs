//! Reports and plans of migrations as text.

use std::io::Result;

use zenith_db::manager::{
    Effect, HistoryFault, MigrationPlan, MigrationReport, Phase, RepairReport, Step, StepDirection,
};

use super::text::{BAD, GOOD, Out, STRONG, WARNING, backup, field, of_owner, version};

pub(super) fn migration(out: Out<'_>, report: &MigrationReport) -> Result<()> {
    if report.steps.is_empty() {
        writeln!(out, "nothing to do")?;
    }
    let conditions = |out: Out<'_>, when: Phase, title: &str| -> Result<()> {
        for condition in report.conditions.iter().filter(|condition| condition.when == when) {
            field(out, title, format_args!("{}: {}", condition.name, condition.details))?;
        }
        Ok(())
    };
    conditions(out, Phase::Before, "before")?;
    if let Some(report) = &report.backup {
        backup(out, report)?;
    }
    steps(out, &report.steps)?;
    conditions(out, Phase::After, "after")?;
    field(
        out,
        "version",
        version(report.version.as_deref(), report.application_version.as_deref()),
    )?;
    match &report.undo {
        Some(undo) => field(out, "undo", undo),
        None => Ok(()),
    }
}

pub(super) fn plan(out: Out<'_>, plan: &MigrationPlan) -> Result<()> {
    if plan.steps.is_empty() {
        writeln!(out, "nothing to do")?;
    }
    for step in &plan.steps {
        let verb = match step.direction {
            StepDirection::Applied => "would apply",
            StepDirection::Reverted => "would revert",
        };
        writeln!(out, "{STRONG}{verb} {}{STRONG:#}{}", step.name, of_owner(step.owner))?;
        for statement in &step.statements {
            let style = match statement.effect {
                Effect::Creates | Effect::WritesRows => GOOD,
                Effect::Alters | Effect::Rebuilds | Effect::Other => WARNING,
                Effect::DeletesRows | Effect::Drops => BAD,
            };
            let effect = statement.effect.as_str();
            writeln!(out, "  {style}{effect:<12}{style:#}  {}", statement.subject)?;
        }
    }
    field(out, "version", version(plan.version.as_deref(), plan.application_version.as_deref()))?;
    writeln!(out, "nothing was written")
}

pub(super) fn steps(out: Out<'_>, steps: &[Step]) -> Result<()> {
    for step in steps {
        let word = match step.direction {
            StepDirection::Applied => "applied",
            StepDirection::Reverted => "reverted",
        };
        let Step { name, owner, milliseconds, .. } = step;
        field(out, word, format_args!("{name}{} ({milliseconds} ms)", of_owner(*owner)))?;
        for change in &step.rows {
            let rows = |rows: Option<i64>| rows.map_or("none".to_owned(), |rows| rows.to_string());
            let (before, after) = (rows(change.before), rows(change.after));
            let why = change.declared.as_deref().map_or(String::new(), |why| format!(" ({why})"));
            let text = format_args!("{}: {before} to {after} rows{why}", change.table);
            field(out, "rows", text)?;
        }
    }
    Ok(())
}

/// Writes the migrations that a repair would accept or, if `done`, has accepted.
pub(super) fn repair(out: Out<'_>, report: &RepairReport, done: bool) -> Result<()> {
    if report.edited.is_empty() {
        return writeln!(out, "every recorded checksum matches; nothing to do");
    }
    for fault in &report.edited {
        if let HistoryFault::Edited { name, recorded, current } = fault {
            field(out, "changed", name)?;
            field(out, "recorded", recorded.as_deref().unwrap_or("nothing"))?;
            field(out, "current", current)?;
        }
    }
    for line in &report.missing {
        field(out, "missing", format_args!("{BAD}{line}{BAD:#}"))?;
    }
    if report.missing.is_empty() {
        writeln!(out, "the database has everything that the program's migrations create")?;
    }
    if done {
        writeln!(out, "the checksums of the program's migrations were recorded")
    } else {
        Ok(())
    }
}
