//! Tables that are not known: made in the new database as they were, with their rows and indexes.

mod key;
mod orphans;

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

pub(super) use self::key::Key;
pub(super) use self::orphans::explain;
use super::error::{AdoptionError, Result};
use super::load::{ASIDE, Former};
use super::report::BrokenRow;
use super::tables::{GIVEN_UP, TABLES};
use zenith_db::internal::catalog::quoted;
use zenith_db::internal::catalog::{column_list, is_one_of, literal, names, sqlite_tables};
use zenith_db::internal::connection;
use zenith_db::internal::manager::expected_names;
use zenith_db::migrations::EmbeddedMigration;

/// A table that is carried over.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    /// Its name in the former database.
    pub(super) from: String,
    /// Its name in the new one.
    pub(super) to: String,
    /// Its columns that can be written.
    pub(super) columns: Vec<String>,
    pub(super) key: Key,
}

/// What was carried over, and what could not be.
#[derive(Debug, Default)]
pub(super) struct Cargo {
    pub(super) tables: Vec<Carried>,
    pub(super) left: Vec<String>,
}

/// Makes the tables, empty. It must come before the migrations: where a name is one of theirs, the
/// table gets `legacy_` before it, and only SQLite itself can rename what else names it.
pub(super) fn create(
    connection: &mut SqliteConnection,
    former: &Former<'_>,
    migrations: &'static [EmbeddedMigration],
) -> Result<Cargo> {
    let mut reserved = expected_names(migrations)?;
    reserved.push(ASIDE.to_owned());
    let mut source = connection::inspect_copy(former.copy, former.options)?;
    let source = source.sqlite()?;
    let mut cargo = Cargo { left: unknown_kinds(source)?, ..Cargo::default() };
    cargo.left.extend(added_indexes(source, &reserved)?);
    let mut unknown = names(
        source,
        "SELECT name FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
             AND name <> '__diesel_schema_migrations' COLLATE NOCASE ORDER BY name",
    )?;
    unknown.retain(|name| !is_known(name));
    // All are there before the first is renamed, so that each reference goes on to where it led.
    for from in &unknown {
        make(connection, source, from, &reserved, &mut cargo.left)?;
    }
    let mut taken =
        names(source, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'index')")?;
    taken.extend(reserved.iter().cloned());
    for from in unknown {
        let mut to = from.clone();
        if is_one_of(&to, &reserved) {
            while is_one_of(&to, &taken) {
                to = format!("legacy_{to}");
            }
            let rename = format!("ALTER TABLE {} RENAME TO {}", quoted(&from), quoted(&to));
            connection.batch_execute(&rename).map_err(|error| cannot(&from, &error))?;
            taken.push(to.clone());
        }
        let of = literal(&from);
        let columns =
            format!("SELECT name FROM pragma_table_xinfo({of}) WHERE hidden = 0 ORDER BY cid");
        let (columns, key) = (names(source, &columns)?, Key::of(source, &from)?);
        cargo.tables.push(Carried { from, to, columns, key });
    }
    Ok(cargo)
}

fn is_known(table: &str) -> bool {
    TABLES.iter().any(|known| known.name.eq_ignore_ascii_case(table))
}

/// That a table cannot be carried over, and what is to be done.
fn cannot(table: &str, reason: &dyn std::fmt::Display) -> AdoptionError {
    AdoptionError::UnknownTable { table: table.to_owned(), reason: reason.to_string() }
}

/// Makes one table with its indexes, under its own name.
fn make(
    connection: &mut SqliteConnection,
    source: &mut SqliteConnection,
    table: &str,
    reserved: &[String],
    left: &mut Vec<String>,
) -> Result<()> {
    let of = literal(table);
    let definition =
        format!("SELECT sql AS name FROM sqlite_schema WHERE type = 'table' AND name = {of}");
    let mut definitions = names(source, &definition)?;
    let indexes = format!(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = {of} AND sql IS NOT NULL"
    );
    for index in names(source, &indexes)? {
        if is_one_of(&index, reserved) {
            left.push(format!("index {index} of {table}: its name is taken"));
            continue;
        }
        let of = literal(&index);
        let definition =
            format!("SELECT sql AS name FROM sqlite_schema WHERE type = 'index' AND name = {of}");
        definitions.extend(names(source, &definition)?);
    }
    for sql in definitions {
        let made = diesel::sql_query(sql).execute(connection);
        made.map_err(|error| cannot(table, &error))?;
    }
    Ok(())
}

/// The indexes that somebody added to known tables, which have the new schema's instead.
fn added_indexes(source: &mut SqliteConnection, reserved: &[String]) -> Result<Vec<String>> {
    let mut added = Vec::new();
    for table in sqlite_tables(source)?.iter().filter(|table| is_known(table)) {
        let query = format!(
            "SELECT name FROM sqlite_schema
             WHERE type = 'index' AND tbl_name = {} AND sql IS NOT NULL ORDER BY name",
            literal(table)
        );
        let mut indexes = names(source, &query)?;
        indexes.retain(|name| {
            !is_one_of(name, reserved) && !GIVEN_UP.iter().any(|g| g.eq_ignore_ascii_case(name))
        });
        let left =
            |name| format!("index {name} of {table}: the table has the new schema's indexes");
        added.extend(indexes.into_iter().map(left));
    }
    Ok(added)
}

/// Views, triggers and virtual tables, which may do anything, are named and left in the original.
fn unknown_kinds(source: &mut SqliteConnection) -> Result<Vec<String>> {
    Ok(names(
        source,
        "SELECT type || ' ' || name AS name FROM sqlite_schema WHERE type IN ('view', 'trigger')
         UNION ALL
         SELECT type || ' table ' || name FROM pragma_table_list
         WHERE schema = 'main' AND type IN ('virtual', 'shadow')
         ORDER BY 1",
    )?)
}

/// Copies the rows, continues every sequence, and takes out the rows that refer to nothing.
pub(super) fn copy_rows(
    connection: &mut SqliteConnection,
    copy: &Path,
    cargo: &Cargo,
    broken: &mut Vec<BrokenRow>,
) -> Result<()> {
    let uri = format!("{}?mode=ro&immutable=1", connection::literal_uri(copy)?);
    diesel::sql_query("ATTACH ? AS former").bind::<Text, _>(uri).execute(connection)?;
    // They are carried over unchanged, whatever their own checks say by now.
    connection.batch_execute("PRAGMA ignore_check_constraints = ON; BEGIN")?;
    for Carried { from, to, columns, key } in &cargo.tables {
        let mut list = column_list(columns);
        // A row that is named by its number must have the same on both sides.
        if let Key::Number(number) = key {
            list = format!("{number}, {list}");
        }
        let insert = format!(
            "INSERT INTO main.{} ({list}) SELECT {list} FROM former.{}",
            quoted(to),
            quoted(from)
        );
        connection.batch_execute(&insert).map_err(|error| cannot(from, &error))?;
    }
    let sequences = "SELECT name FROM former.sqlite_schema WHERE name = 'sqlite_sequence'";
    if !names(connection, sequences)?.is_empty() {
        let known = TABLES.iter().map(|table| (table.name, table.name));
        let carried = cargo.tables.iter().map(|table| (table.from.as_str(), table.to.as_str()));
        for (from, to) in known.chain(carried) {
            continue_sequence(connection, from, to)?;
        }
    }
    orphans::take_out(connection, cargo, broken)?;
    connection.batch_execute("COMMIT; PRAGMA ignore_check_constraints = OFF; DETACH former")?;
    Ok(())
}

/// A key that was given out once is not given out again.
fn continue_sequence(connection: &mut SqliteConnection, from: &str, to: &str) -> Result<()> {
    let (from, to) = (format!("{} COLLATE NOCASE", literal(from)), literal(to));
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
