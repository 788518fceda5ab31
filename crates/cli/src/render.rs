//! Reports as text.

use std::io::Result;

use zenith_db::config::Setting;
use zenith_db::internal::config::{counted, shown};
use zenith_db::internal::error::in_shell;
use zenith_db::manager::{
    AdministratorOutcome, HealthCheck, HealthReport, KeptRows, PurgeReport, SeedReport,
    SetupReport, StatusSummary, UnreadableTable,
};
use zenith_db_transfer::{TableContents, TransferRecord, TransferredTable};

use super::render_migrations::steps;
use super::text::{
    BAD, GOOD, Out, STRONG, WARNING, align_right, backup, field, plain_table, version,
};

pub(super) fn setup(out: Out<'_>, report: &SetupReport) -> Result<()> {
    let details = &report.details;
    writeln!(out, "{STRONG}{}{STRONG:#}", shown(&report.message))?;
    if let Some(report) = &details.backup {
        backup(out, report)?;
    }
    steps(out, &details.migrations)?;
    if details.seeded.changed() {
        seed(out, &details.seeded)?;
    }
    let account = &details.administrator;
    match account.outcome {
        AdministratorOutcome::Created => field(out, "administrator", &account.username)?,
        AdministratorOutcome::Existed => {
            field(out, "administrator", format_args!("{}, unchanged", account.username))?;
        }
        AdministratorOutcome::NameTaken => writeln!(
            out,
            "{WARNING}no administrator:{WARNING:#} the name {} or the email address belongs to another \
             account; choose others with --admin-user and --admin-email",
            account.username
        )?,
    }
    short_health(out, &details.health)
}

pub(super) fn seed(out: Out<'_>, report: &SeedReport) -> Result<()> {
    if !report.changed() {
        return writeln!(out, "nothing is missing; nothing was changed");
    }
    let SeedReport { roles, permissions, grants, settings, .. } = report;
    field(
        out,
        "seeded",
        format_args!(
            "{roles} roles, {permissions} permissions, {grants} grants, {settings} settings"
        ),
    )
}

/// Returns what has been deleted, in words.
pub(super) fn deleted(report: &PurgeReport) -> String {
    let numbers = [
        counted(report.conversations, "conversation", "conversations"),
        counted(report.metrics, "metric", "metrics"),
        counted(report.sessions, "session", "sessions"),
        counted(report.notifications, "notification", "notifications"),
    ];
    format!("deleted {}", numbers.join(", "))
}

/// Returns what was kept and why, in words.
pub(super) fn kept(kept: &KeptRows) -> String {
    let KeptRows { rows, of, referred_to_by, .. } = kept;
    let table = referred_to_by.as_deref().map_or("another table".into(), shown);
    format!(
        "kept {rows} of the old {of}, because {table} refers to {}; delete the rows there first, or give its foreign key ON \
         DELETE CASCADE or SET NULL",
        if *rows == 1 { "it" } else { "them" }
    )
}

pub(super) fn purged(out: Out<'_>, report: &PurgeReport) -> Result<()> {
    writeln!(out, "{}", deleted(report))
}

pub(super) fn transfer(out: Out<'_>, record: &TransferRecord) -> Result<()> {
    let TransferRecord { from, to, report, file, .. } = record;
    let mut table = plain_table(["table", "rows", "source", "target"]);
    align_right(&mut table, [1]);
    for TransferredTable { table: name, source, target } in &report.tables {
        // Text shows the first 16 digits; the record has all of them.
        let digest = |contents: &TableContents| format!("{:.16}", contents.digest.to_string());
        table.add_row([*name, &target.rows.to_string(), &digest(source), &digest(target)]);
    }
    writeln!(out, "{table}")?;
    writeln!(out, "{STRONG}copied {} to {}{STRONG:#}", shown(from), shown(to))?;
    field(out, "rows", format_args!("{} in {} ms", report.rows, report.milliseconds))?;
    if report.resumed_rows > 0 {
        let rows = counted(report.resumed_rows, "row", "rows");
        field(out, "resumed", format_args!("{rows} had been copied before"))?;
    }
    for (table, rows) in &report.left_behind {
        let rows = counted(*rows, "row", "rows");
        writeln!(out, "  {WARNING}not copied{WARNING:#}     {table} ({rows})")?;
    }
    for table in &report.unreadable_tables {
        writeln!(out, "  {WARNING}not copied{WARNING:#}     {table}")?;
    }
    writeln!(out, "  {GOOD}every table is equal in source and target{GOOD:#}")?;
    file.iter().try_for_each(|file| field(out, "record", shown(file.display())))
}

pub(super) fn health(out: Out<'_>, report: &HealthReport) -> Result<()> {
    for check in &report.checks {
        line(out, check)?;
    }
    verdict(out, report)
}

/// Writes the failed checks and the verdict.
pub(super) fn short_health(out: Out<'_>, report: &HealthReport) -> Result<()> {
    for check in report.failures() {
        line(out, check)?;
    }
    verdict(out, report)
}

fn line(out: Out<'_>, check: &HealthCheck) -> Result<()> {
    let (style, word) = match (check.passed, check.critical) {
        (true, _) => (GOOD, "ok"),
        (false, true) => (BAD, "FAILED"),
        (false, false) => (WARNING, "warning"),
    };
    writeln!(out, "  {style}{word:<7}{style:#}  {:<28}  {}", check.name, shown(&check.details))
}

fn verdict(out: Out<'_>, report: &HealthReport) -> Result<()> {
    let passed = report.checks.iter().filter(|check| check.passed).count();
    let (style, word) = if report.healthy { (GOOD, "healthy") } else { (BAD, "UNHEALTHY") };
    writeln!(out, "{style}{word}{style:#}: {passed} of {} checks passed", report.checks.len())
}

pub(super) fn status(out: Out<'_>, status: &StatusSummary) -> Result<()> {
    field(out, "database", shown(&status.database_path))?;
    field(out, "size", format_args!("{:.3} MB", status.database_size_mb))?;
    let (library, own) = (&status.schema_version, &status.application_version);
    field(out, "version", version(library.as_deref(), own.as_deref()))?;
    let applied = counted(status.applied_migrations.len(), "migration", "migrations");
    field(out, "applied", applied)?;
    for migration in &status.unknown_migrations {
        let text = format_args!("{} of an application: use its command", shown(migration));
        field(out, "not known", text)?;
    }
    let pending = &status.pending_migrations;
    field(out, "pending", if pending.is_empty() { "none".into() } else { pending.join(", ") })?;
    for fault in &status.history_faults {
        field(out, "history", format_args!("{BAD}{fault}{BAD:#}"))?;
    }
    if let Some(failed) = &status.failed_migration {
        let (at, error) = (failed.at, &failed.error);
        field(out, "last run", format_args!("{BAD}failed{BAD:#} ({at} UTC): {error}"))?;
    }
    match &status.last_backup {
        None => field(out, "last backup", "none")?,
        Some(backup) => {
            let (path, created, size) = (backup.path.display(), backup.created, backup.size_mb);
            let missing = if backup.exists { "" } else { "; THE FILE IS MISSING" };
            let path = shown(path);
            let text = format!("{path} ({created} UTC, {size:.3} MB{missing})");
            field(out, "last backup", text)?;
            if backup.exists {
                let path = in_shell(&backup.path.display().to_string());
                field(out, "", format_args!("`zenith-db restore {path}` restores it"))?;
            }
        }
    }
    let pool = &status.pool;
    field(
        out,
        "pool",
        format_args!(
            "{}; timeouts: {} ms for a connection, {} ms for a lock",
            counted(pool.max_connections, "connection", "connections"),
            pool.pool_timeout_ms,
            pool.busy_timeout_ms
        ),
    )?;
    let mut table = plain_table(["table", "rows"]);
    align_right(&mut table, [1]);
    for (name, count) in &status.record_counts {
        table.add_row([&shown(name), &count.to_string()]);
    }
    for unreadable in &status.unreadable_tables {
        table.add_row([&shown(&unreadable.name), "?"]);
    }
    writeln!(out, "{table}\n{}", counted(status.table_count, "table", "tables"))?;
    for unreadable in &status.unreadable_tables {
        let UnreadableTable { name, reason } = unreadable;
        writeln!(out, "  {WARNING}not readable{WARNING:#}   {}: {reason}", shown(name))?;
    }
    Ok(())
}

pub(super) fn config(out: Out<'_>, settings: &[Setting]) -> Result<()> {
    let mut table = plain_table(["setting", "value", "source"]);
    for setting in settings {
        let value = setting.value.as_deref().unwrap_or("-");
        table.add_row([setting.name, value, &setting.source.to_string()]);
    }
    writeln!(out, "{table}")
}
