//! Reports about backups as text.

use std::io::Result;
use std::path::PathBuf;

use serde::Serialize;

use zenith_db::internal::config::{counted, shown};
use zenith_db::manager::{
    BackupFile, BackupReport, DrillReport, PruneReport, RestoreReport, VerifiedBackup,
};

use super::render;
use super::text::{
    BAD, GOOD, Out, STRONG, WARNING, align_right, encoding, field, megabytes, plain_table,
};

/// Result of the verification of one backup.
#[derive(Debug, Serialize)]
pub(super) struct Verification {
    pub(super) path: PathBuf,
    /// Whether the backup passed its verification.
    pub(super) verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) backup: Option<VerifiedBackup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

pub(super) fn list(out: Out<'_>, backups: &[BackupFile]) -> Result<()> {
    if backups.is_empty() {
        return writeln!(out, "no backups; `zenith-db backup` takes one");
    }
    let mut table = plain_table(["taken (UTC)", "size", "rows", "version", "before", "file"]);
    align_right(&mut table, [1, 2]);
    for backup in backups {
        let manifest = backup.manifest.as_ref();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let before = match &backup.manifest_fault {
            Some(_) => "damaged manifest",
            None if backup.former => "former",
            None => "-",
        };
        table.add_row([
            backup.created.to_string(),
            megabytes(backup.size_bytes),
            or_dash(manifest.map(|manifest| manifest.rows().to_string())),
            or_dash(
                manifest.and_then(|manifest| manifest.schema_version.as_deref().map(shortened)),
            ),
            shortened(manifest.map_or(before, |manifest| &manifest.triggered_by)),
            shown(backup.path.display()),
        ]);
    }
    writeln!(out, "{table}\n{}", number_of_backups(backups.len()))?;
    for fault in backups.iter().filter_map(|backup| backup.manifest_fault.as_ref()) {
        writeln!(out, "  {BAD}damaged{BAD:#}        {fault}")?;
    }
    Ok(())
}

/// Returns what a manifest says, as one cell of a table: anybody may have written it.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 24;

    let text = shown(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

pub(super) fn written(out: Out<'_>, report: &BackupReport) -> Result<()> {
    let (size, rows) = (report.size_bytes, counted(report.rows, "row", "rows"));
    field(out, "backup", format_args!("{size} bytes written ({rows}, verified)"))?;
    encoding(out, report)
}

pub(super) fn verified(out: Out<'_>, results: &[Verification]) -> Result<()> {
    for result in results {
        let path = shown(result.path.display());
        match (&result.backup, &result.error) {
            (Some(backup), _) => {
                writeln!(out, "  {GOOD}verified{GOOD:#}       {path} ({})", contents(backup))?;
            }
            (None, Some(error)) => writeln!(out, "  {BAD}FAILED{BAD:#}         {error}")?,
            (None, None) => writeln!(out, "  {BAD}FAILED{BAD:#}         {path}")?,
        }
    }
    let sound = results.iter().filter(|result| result.verified).count();
    writeln!(out, "{sound} of {} passed", number_of_backups(results.len()))
}

fn contents(backup: &VerifiedBackup) -> String {
    let compared = if backup.has_manifest {
        "as its manifest says"
    } else {
        "no damage found; it has no manifest to compare with"
    };
    let (rows, size) = (counted(backup.rows(), "row", "rows"), megabytes(backup.size_bytes));
    match &backup.undecoded {
        None => format!("{rows}, {size}, {compared}"),
        Some(reason) => {
            format!(
                "{rows}, {size}, the file is {compared}; its contents were not checked: {reason}"
            )
        }
    }
}

pub(super) fn pruned(out: Out<'_>, report: &PruneReport) -> Result<()> {
    let word = if report.dry_run { "would remove" } else { "removed" };
    for path in &report.removed {
        writeln!(out, "  {WARNING}{word}{WARNING:#}   {}", shown(path.display()))?;
    }
    for kept in &report.kept {
        writeln!(out, "  kept           {} ({})", shown(kept.path.display()), kept.reason)?;
    }
    let (removed, size) =
        (number_of_backups(report.removed.len()), megabytes(report.removed_bytes));
    writeln!(out, "{word} {removed} ({size}), kept {}", report.kept.len())
}

pub(super) fn number_of_backups(number: usize) -> String {
    counted(number, "backup", "backups")
}

pub(super) fn restored(out: Out<'_>, report: &RestoreReport) -> Result<()> {
    writeln!(out, "{STRONG}restored {}{STRONG:#}", shown(&report.database))?;
    field(out, "from", shown(report.backup.path.display()))?;
    field(out, "rows", format_args!("{} in {} ms", report.backup.rows(), report.milliseconds))?;
    for migration in &report.migrations {
        field(out, "migrated", migration)?;
    }
    if let Some(kept) = &report.kept {
        let damaged = if kept.backup.is_some() { "" } else { " (it was damaged)" };
        field(out, "replaced", format_args!("kept in {}{damaged}", shown(kept.path.display())))?;
    }
    if let Some(name) = &report.renamed_to {
        field(out, "replaced", format_args!("kept on the server as the database {}", shown(name)))?;
    }
    render::health(out, &report.health)
}

pub(super) fn drilled(out: Out<'_>, report: &DrillReport) -> Result<()> {
    let path = shown(report.backup.path.display());
    writeln!(out, "{GOOD}the newest backup can be restored{GOOD:#}")?;
    field(out, "backup", format_args!("{path} ({})", contents(&report.backup)))?;
    for migration in &report.migrations {
        field(out, "migrated", migration)?;
    }
    field(out, "duration", format_args!("{} ms", report.milliseconds))?;
    render::health(out, &report.health)
}
