//! The subcommand `adopt`, and adoption as a step of `create` and `ensure`.

use std::io::Result as IoResult;

use serde_json::Value;
use zenith_db::Error;
use zenith_db::internal::config::{counted, shown};
use zenith_db::manager::{DatabaseManager, Origin};
use zenith_db_import::{
    AdoptionOptions, AdoptionOutcome, AdoptionReport, RejectedRow, TableReport,
};

use super::args::Args;
use super::ask;
use super::exit::Exit;
use super::output::Output;
use super::text::{BAD, GOOD, Out, STRONG, WARNING, align_right, field, plain_table};

pub(super) fn run(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
    options: &AdoptionOptions,
) -> anyhow::Result<Exit> {
    let replaces = options.from.is_none() && !options.plan;
    if replaces && manager.origin()? == Origin::Former && !confirmed(args, manager)? {
        anyhow::bail!("not confirmed; nothing was changed");
    }
    let report = output.while_working("adopting", || zenith_db_import::adopt(manager, options))?;
    output.result(&report, |out, report| render(out, report))?;
    if report.outcome == AdoptionOutcome::Undecided {
        output.warning(UNDECIDED);
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}

const UNDECIDED: &str = "nothing was changed: rows violate constraints of the new schema. Correct them \
                         with the former application, or add `--quarantine FILE`, which writes them to \
                         FILE and adopts the other rows";

fn confirmed(args: &Args, manager: &DatabaseManager) -> anyhow::Result<bool> {
    let (path, backups) = (shown(manager.config().location()), manager.config().backup_dir());
    let question = format!(
        "{path} is a database of the former application. Replace it with a converted database, and keep \
         the original in {}?",
        shown(backups.display())
    );
    ask::confirm(args, &question)
}

/// Adopts a database of the former application if `--adopt` is set or the user agrees, and otherwise
/// refuses it. For `create` and `ensure`.
pub(super) fn offer(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
) -> anyhow::Result<Option<AdoptionReport>> {
    // The subcommand itself reports a file that cannot be read.
    if !matches!(manager.origin(), Ok(Origin::Former)) {
        return Ok(None);
    }
    let wanted = args.setup.adopt || (ask::can_ask() && confirmed(args, manager)?);
    if !wanted {
        let database = manager.config().location().to_string();
        anyhow::bail!(Error::FormerDatabase { database });
    }
    let options = AdoptionOptions::default();
    let report = output.while_working("adopting", || zenith_db_import::adopt(manager, &options))?;
    if report.outcome == AdoptionOutcome::Undecided {
        let rows = counted(report.rows_quarantined, "row violates", "rows violate");
        anyhow::bail!(
            "{rows} constraints of the new schema, and nothing was changed; `zenith-db \
             adopt --plan` lists them, and `zenith-db adopt --quarantine FILE` leaves them out"
        );
    }
    Ok(Some(report))
}

pub(super) fn add_to(value: &mut Value, report: Option<&AdoptionReport>) -> anyhow::Result<()> {
    if let (Some(report), Some(object)) = (report, value.as_object_mut()) {
        object.insert("adoption".into(), serde_json::to_value(report)?);
    }
    Ok(())
}

pub(super) fn render_first(out: Out<'_>, report: Option<&AdoptionReport>) -> IoResult<()> {
    report.map_or(Ok(()), |report| render(out, report))
}

/// Number of violating rows that the text of an adoption shows; a plan and JSON contain all of
/// them.
const SHOWN: usize = 100;

fn render(out: Out<'_>, report: &AdoptionReport) -> IoResult<()> {
    let path = shown(report.database_path.display());
    match report.outcome {
        AdoptionOutcome::AlreadyOurs => {
            return writeln!(
                out,
                "{path} is a database of this program already; nothing was changed"
            );
        }
        AdoptionOutcome::Adopted => writeln!(out, "{GOOD}adopted{GOOD:#} {path}")?,
        AdoptionOutcome::Planned => writeln!(out, "{STRONG}would adopt{STRONG:#} {path}")?,
        AdoptionOutcome::Undecided => writeln!(out, "{BAD}not adopted:{BAD:#} {path}")?,
    }
    let mut table = plain_table(["table", "read", "copied", "changed", "quarantined"]);
    for table_report in report.tables.iter().filter(|table| table.present) {
        let TableReport { table: name, read, copied, changed, quarantined, .. } = table_report;
        table.add_row([
            name,
            &read.to_string(),
            &copied.to_string(),
            &changed.to_string(),
            &quarantined.to_string(),
        ]);
    }
    for carried in &report.preserved {
        let left = carried.read - carried.copied;
        let name = if carried.table == carried.name {
            carried.name.clone()
        } else {
            format!("{} as {}", carried.table, carried.name)
        };
        let [read, copied] = [carried.read, carried.copied].map(|rows| rows.to_string());
        table.add_row([&name, &read, &copied, "0", &left.to_string()]);
    }
    align_right(&mut table, 1..5);
    writeln!(out, "{table}")?;
    changes(out, report)?;
    let most = if report.outcome == AdoptionOutcome::Planned { usize::MAX } else { SHOWN };
    broken(out, &report.rejected, most)?;
    proof(out, report)?;
    field(
        out,
        "rows",
        format_args!(
            "{} read, {} copied, {} quarantined; both databases were read again and compared",
            report.rows_read, report.rows_copied, report.rows_quarantined
        ),
    )?;
    if let Some(original) = &report.original {
        field(out, "original", shown(original.display()))?;
    }
    if let Some(quarantine) = &report.quarantine {
        field(out, "quarantine", shown(quarantine.display()))?;
    }
    match report.outcome {
        AdoptionOutcome::Adopted => Ok(()),
        _ => writeln!(out, "nothing was changed"),
    }
}

fn changes(out: Out<'_>, report: &AdoptionReport) -> IoResult<()> {
    for table in &report.tables {
        for change in &table.changes {
            let (name, column, rows) = (&table.table, &change.column, change.rows);
            writeln!(out, "  {rows:>9} × {name}.{column}: {}", change.reason)?;
        }
        for column in &table.unknown_columns {
            let name = &table.table;
            writeln!(
                out,
                "  {WARNING}unknown column{WARNING:#} {name}.{column}: kept in legacy_values"
            )?;
        }
    }
    let grants = &report.grants;
    field(out, "grants", format_args!("{} from the roles' lists of permissions", grants.granted))?;
    if !grants.new_permissions.is_empty() {
        field(out, "permissions", format_args!("created: {}", grants.new_permissions.join(", ")))?;
    }
    for role in &grants.unreadable {
        writeln!(
            out,
            "  {WARNING}role {role}{WARNING:#}: its permissions are not a list of names, so \
             they grant nothing; the value is kept in legacy_values"
        )?;
    }
    for left in &report.not_copied {
        writeln!(out, "  {WARNING}not copied:{WARNING:#} {left}")?;
    }
    Ok(())
}

fn broken(out: Out<'_>, rows: &[RejectedRow], most: usize) -> IoResult<()> {
    for RejectedRow { table, id, column, reason } in rows.iter().take(most) {
        let column = if column.is_empty() { String::new() } else { format!(" {column}") };
        writeln!(out, "  {BAD}violation:{BAD:#} {table} row {id}:{column} {reason}")?;
    }
    if rows.len() > most {
        writeln!(out, "  and {} more; `--plan` lists all", rows.len() - most)?;
    }
    Ok(())
}

/// Writes the first digits of the digest of each column that is equal in both databases; JSON
/// contains whole digests.
fn proof(out: Out<'_>, report: &AdoptionReport) -> IoResult<()> {
    for table in report.tables.iter().filter(|table| table.present && table.copied > 0) {
        let same =
            table.columns.iter().filter(|column| column.before.as_ref() == Some(&column.after));
        let same = same.map(|column| {
            format!("{} {}", column.column, column.after.get(..8).unwrap_or_default())
        });
        writeln!(out, "  equal in both: {}: {}", table.table, same.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}
