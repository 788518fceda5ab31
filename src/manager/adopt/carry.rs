//! Tables that are not known: made in the new database as they were, with their rows and indexes.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::cell::AnyRow;
use super::load::{ASIDE, Former};
use super::origin::{column_list, literal, names};
use super::report::BrokenRow;
use super::tables::TABLES;
use crate::manager::health;
use crate::migrations::quoted;
use crate::{Result, connection};

/// A table that is carried over.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    /// Its name in the former database.
    pub(super) from: String,
    /// Its name in the new one.
    pub(super) to: String,
    /// Its columns that can be written.
    pub(super) columns: Vec<String>,
}

/// What was carried over, and what could not be.
#[derive(Debug, Default)]
pub(super) struct Cargo {
    pub(super) tables: Vec<Carried>,
    pub(super) left: Vec<String>,
}

/// Makes the tables, empty. It must come before the migrations: where a name is one of theirs, the
/// table gets `legacy_` before it, and only SQLite itself can rename what else names it.
pub(super) fn create(connection: &mut SqliteConnection, former: &Former<'_>) -> Result<Cargo> {
    let reserved = health::expected_names()?;
    let is_reserved =
        |name: &str| name == ASIDE || reserved.iter().any(|r| r.eq_ignore_ascii_case(name));
    let mut source = connection::inspect_copy(former.copy, former.options)?;
    let source = source.sqlite()?;
    let mut cargo = Cargo { left: unknown_kinds(source)?, ..Cargo::default() };
    let unknown = names(
        source,
        "SELECT name FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
             AND name <> '__diesel_schema_migrations' ORDER BY name",
    )?;
    let all = unknown.clone();
    for from in unknown.into_iter().filter(|n| !TABLES.iter().any(|table| table.name == n)) {
        let of = literal(&from);
        let definition =
            format!("SELECT sql AS name FROM sqlite_schema WHERE type = 'table' AND name = {of}");
        for sql in names(source, &definition)? {
            diesel::sql_query(sql).execute(connection)?;
        }
        let indexes = format!(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = {of} AND sql IS NOT NULL"
        );
        for index in names(source, &indexes)? {
            if is_reserved(&index) {
                cargo.left.push(format!("index {index} of {from}: its name is taken"));
                continue;
            }
            let of = literal(&index);
            let definition = format!(
                "SELECT sql AS name FROM sqlite_schema WHERE type = 'index' AND name = {of}"
            );
            for sql in names(source, &definition)? {
                diesel::sql_query(sql).execute(connection)?;
            }
        }
        let mut to = from.clone();
        while is_reserved(&to) || (to != from && all.contains(&to)) {
            to = format!("legacy_{to}");
        }
        if to != from {
            let rename = format!("ALTER TABLE {} RENAME TO {}", quoted(&from), quoted(&to));
            connection.batch_execute(&rename)?;
        }
        let columns =
            format!("SELECT name FROM pragma_table_xinfo({of}) WHERE hidden = 0 ORDER BY cid");
        let columns = names(source, &columns)?;
        cargo.tables.push(Carried { from, to, columns });
    }
    Ok(cargo)
}

/// Views, triggers and virtual tables, which may do anything, are named and left in the original.
fn unknown_kinds(source: &mut SqliteConnection) -> Result<Vec<String>> {
    names(
        source,
        "SELECT type || ' ' || name AS name FROM sqlite_schema WHERE type IN ('view', 'trigger')
         UNION ALL
         SELECT type || ' table ' || name FROM pragma_table_list
         WHERE schema = 'main' AND type IN ('virtual', 'shadow')
         ORDER BY 1",
    )
}

/// Copies the rows, and continues every sequence.
pub(super) fn copy_rows(
    connection: &mut SqliteConnection,
    copy: &Path,
    cargo: &Cargo,
) -> Result<()> {
    let uri = format!("{}?mode=ro&immutable=1", connection::literal_uri(copy)?);
    diesel::sql_query("ATTACH ? AS former").bind::<Text, _>(uri).execute(connection)?;
    // They are carried over unchanged, whatever their own checks say by now.
    connection.batch_execute("PRAGMA ignore_check_constraints = ON; BEGIN")?;
    for Carried { from, to, columns } in &cargo.tables {
        let (from, to, list) = (quoted(from), quoted(to), column_list(columns));
        connection.batch_execute(&format!(
            "INSERT INTO main.{to} ({list}) SELECT {list} FROM former.{from}"
        ))?;
    }
    let sequences = "SELECT name FROM former.sqlite_schema WHERE name = 'sqlite_sequence'";
    if !names(connection, sequences)?.is_empty() {
        let known = TABLES.iter().map(|table| (table.name, table.name));
        let carried = cargo.tables.iter().map(|table| (table.from.as_str(), table.to.as_str()));
        for (from, to) in known.chain(carried) {
            continue_sequence(connection, from, to)?;
        }
    }
    connection.batch_execute("COMMIT; PRAGMA ignore_check_constraints = OFF; DETACH former")?;
    Ok(())
}

/// A key that was given out once is not given out again.
fn continue_sequence(connection: &mut SqliteConnection, from: &str, to: &str) -> Result<()> {
    let (from, to) = (literal(from), literal(to));
    Ok(connection.batch_execute(&format!(
        "UPDATE main.sqlite_sequence SET seq = max(seq, coalesce(
             (SELECT max(CAST(seq AS INTEGER)) FROM former.sqlite_sequence WHERE name = {from}), 0))
         WHERE name = {to};
         INSERT INTO main.sqlite_sequence (name, seq)
         SELECT {to}, max(CAST(seq AS INTEGER)) FROM former.sqlite_sequence WHERE name = {from}
             AND NOT EXISTS (SELECT 1 FROM main.sqlite_sequence WHERE name = {to})
             AND EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = {to} AND sql LIKE '%AUTOINCREMENT%')
         GROUP BY name"
    ))?)
}

/// Takes the rows of carried tables away that refer to a row that is not there any more.
pub(super) fn take_out_orphans(
    connection: &mut SqliteConnection,
    cargo: &Cargo,
    broken: &mut Vec<BrokenRow>,
) -> Result<()> {
    for table in &cargo.tables {
        let of = literal(&table.to);
        let query = format!(
            "SELECT rowid AS id, group_concat(DISTINCT parent) AS parents
             FROM pragma_foreign_key_check({of}) WHERE rowid IS NOT NULL GROUP BY rowid"
        );
        loop {
            let rows: Vec<AnyRow> = diesel::sql_query(&query).load(connection)?;
            if rows.is_empty() {
                break;
            }
            for AnyRow { rowid, cells } in rows {
                let parents = cells.first().and_then(|cell| cell.as_text()).unwrap_or_default();
                let reason = format!("refers to a row of {parents} that is not there");
                broken.push(BrokenRow::new(&table.from, rowid, "", reason));
                let delete = format!("DELETE FROM {} WHERE rowid = {rowid}", quoted(&table.to));
                connection.batch_execute(&delete)?;
            }
        }
    }
    Ok(())
}
