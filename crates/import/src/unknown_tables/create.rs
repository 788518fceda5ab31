//! Creation of the unknown tables in the new database.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::Error;
use zenith_db::internal::catalog::{is_one_of, literal, names, quoted, sqlite_tables};
use zenith_db::internal::connection;
use zenith_db::internal::manager::expected_names;
use zenith_db::migrations::EmbeddedMigration;

use super::preserved::{PreservedTable, UnknownTables, cannot_preserve};
use super::row_key::RowKey;
use crate::error::{AdoptionError, Result};
use crate::legacy_db::LegacyDb;
use crate::overflow_values;
use crate::tables::{DROPPED_INDEXES, is_known};

/// Creates the tables, without rows. This must precede the migrations: a table whose name one of them
/// uses is renamed to `legacy_…`, and only SQLite itself can rename what refers to it.
pub(crate) fn create(
    connection: &mut SqliteConnection,
    legacy: &LegacyDb<'_>,
    migrations: &'static [EmbeddedMigration],
) -> Result<UnknownTables> {
    let mut reserved = expected_names(migrations)?;
    reserved.push(overflow_values::TABLE.to_owned());
    let mut source = connection::inspect_copy(legacy.copy, legacy.options)?;
    let source = source.sqlite()?;
    let mut unknown =
        UnknownTables { not_copied: other_objects(source)?, ..UnknownTables::default() };
    unknown.not_copied.extend(added_indexes(source, &reserved)?);
    let mut tables = names(
        source,
        "SELECT name FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
             AND name <> '__diesel_schema_migrations' COLLATE NOCASE ORDER BY name",
    )?;
    tables.retain(|name| !is_known(name));
    // All are created before the first is renamed, so that SQLite updates the references to it.
    for from in &tables {
        create_table(connection, source, from, &reserved, &mut unknown.not_copied)?;
    }
    let mut taken =
        names(source, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'index')")?;
    taken.extend(reserved.iter().cloned());
    for from in tables {
        let mut to = from.clone();
        if is_one_of(&to, &reserved) {
            while is_one_of(&to, &taken) {
                to = format!("legacy_{to}");
            }
            let rename = format!("ALTER TABLE {} RENAME TO {}", quoted(&from), quoted(&to));
            connection.batch_execute(&rename).map_err(|error| cannot_preserve(&from, &error))?;
            taken.push(to.clone());
        }
        let of = literal(&from);
        let columns =
            format!("SELECT name FROM pragma_table_xinfo({of}) WHERE hidden = 0 ORDER BY cid");
        let (columns, key) = (names(source, &columns)?, RowKey::of(source, &from)?);
        unknown.tables.push(PreservedTable { from, to, columns, key });
    }
    Ok(unknown)
}

/// Creates one table with its indexes, under the name that it has in the former database.
fn create_table(
    connection: &mut SqliteConnection,
    source: &mut SqliteConnection,
    table: &str,
    reserved: &[String],
    not_copied: &mut Vec<String>,
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
            not_copied.push(format!("index {index} of {table}: the new schema uses its name"));
            continue;
        }
        let of = literal(&index);
        let definition =
            format!("SELECT sql AS name FROM sqlite_schema WHERE type = 'index' AND name = {of}");
        definitions.extend(names(source, &definition)?);
    }
    for sql in definitions {
        let created = diesel::sql_query(sql).execute(connection);
        created.map_err(|error| cannot_preserve(table, &error))?;
    }
    Ok(())
}

/// Returns the indexes that were added to known tables. The new tables have the indexes of the new
/// schema instead.
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
            !is_one_of(name, reserved)
                && !DROPPED_INDEXES.iter().any(|dropped| dropped.eq_ignore_ascii_case(name))
        });
        let not_copied =
            |name| format!("index {name} of {table}: the table has the new schema's indexes");
        added.extend(indexes.into_iter().map(not_copied));
    }
    Ok(added)
}

/// Returns the views, triggers and virtual tables. They stay in the original only, because they may do
/// anything.
fn other_objects(source: &mut SqliteConnection) -> Result<Vec<String>> {
    Ok(names(
        source,
        "SELECT type || ' ' || name AS name FROM sqlite_schema WHERE type IN ('view', 'trigger')
         UNION ALL
         SELECT type || ' table ' || name FROM pragma_table_list
         WHERE schema = 'main' AND type IN ('virtual', 'shadow')
         ORDER BY 1",
    )?)
}

const NO_REFERENCE: &str = "a reference must lead to columns that are unique in the new schema too, \
                            or SQLite refuses every write to both tables: create the table again \
                            without it";

/// Names the preserved table whose foreign key made a migration fail, if that is the cause: the
/// migrations check every foreign key of the database.
pub(crate) fn explain(error: Error, unknown: &UnknownTables) -> AdoptionError {
    let Error::Query(cause) = &error else { return error.into() };
    let message = cause.to_string();
    let blamed = unknown.tables.iter().find(|table| {
        message.starts_with(&format!("foreign key mismatch - \"{}\" referencing ", table.to))
    });
    match blamed {
        Some(table) => cannot_preserve(&table.from, &format!("{message} ({NO_REFERENCE})")),
        None => error.into(),
    }
}
