//! Building blocks of text reports: styles, labelled lines and tables.

use std::fmt::Display;
use std::io::{Result, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, Table, presets};
use zenith_db::Config;
use zenith_db::internal::config::{counted, shown};
use zenith_db::manager::BackupReport;
use zenith_db::types::MigrationOwner;

use super::escape::Paint;

pub(super) const GOOD: Paint = Paint(AnsiColor::Green.on_default());
pub(super) const BAD: Paint = Paint(AnsiColor::Red.on_default().bold());
pub(super) const WARNING: Paint = Paint(AnsiColor::Yellow.on_default());
pub(super) const STRONG: Paint = Paint(Style::new().bold());

/// Destination of a report.
pub(super) type Out<'a> = &'a mut dyn Write;

/// Writes one labelled line.
pub(super) fn field(out: Out<'_>, name: &str, value: impl Display) -> Result<()> {
    writeln!(out, "  {name:<13}  {value}")
}

/// Returns a table without borders.
pub(super) fn plain_table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

/// Aligns columns of numbers to the right.
pub(super) fn align_right(table: &mut Table, columns: impl IntoIterator<Item = usize>) {
    for number in columns {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Writes the path of a backup, its number of rows, and the tables that could not be checked.
pub(super) fn backup(out: Out<'_>, report: &BackupReport) -> Result<()> {
    let path = shown(report.path.display());
    let rows = counted(report.rows, "row", "rows");
    field(out, "backup", format_args!("{path} ({rows}, verified)"))?;
    encoding(out, report)?;
    for table in &report.unchecked_tables {
        writeln!(out, "  {WARNING}not checked{WARNING:#}    {table}")?;
    }
    for object in &report.needs {
        writeln!(
            out,
            "  {WARNING}not included{WARNING:#}   {}, which a restore needs",
            shown(object)
        )?;
    }
    Ok(())
}

/// Writes how large an encoded backup and its contents are, and what is not proven.
pub(super) fn encoding(out: Out<'_>, report: &BackupReport) -> Result<()> {
    if let Some(contents) = &report.contents {
        let (size, of) = (megabytes(report.size_bytes), megabytes(contents.size_bytes));
        field(out, "size", format_args!("{size}, from {of}"))?;
    }
    if let Some(reason) = &report.undecoded {
        writeln!(out, "  {WARNING}not checked{WARNING:#}    that it can be decoded: {reason}")?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a size to display, rounded to a tenth")]
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Returns how a question says whether a backup comes first.
pub(super) fn backup_first(config: &Config) -> &'static str {
    if config.auto_backup() { "after a backup" } else { "WITHOUT a backup" }
}

/// Returns how a question goes on about data that is deleted.
pub(super) fn no_copy(config: &Config) -> &'static str {
    if config.auto_backup() { "" } else { ", of which no copy is kept" }
}

/// Returns the newest versions of the library and of the application, as one text.
pub(super) fn version(library: Option<&str>, application: Option<&str>) -> String {
    let library = library.unwrap_or("none");
    application.map_or_else(
        || library.to_owned(),
        |own| format!("{library}, and {own} of the application"),
    )
}

/// Returns what follows the name of a migration of the application; empty for one of the library.
pub(super) fn of_owner(owner: MigrationOwner) -> &'static str {
    match owner {
        MigrationOwner::Library => "",
        MigrationOwner::Application => " of the application",
    }
}
