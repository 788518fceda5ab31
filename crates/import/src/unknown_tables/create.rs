//! Creation of the unknown tables in the new database.

use std::path::Path;

use rusqlite::Connection;
use zenith_db::Error;
use zenith_db::internal::catalog::{is_one_of, quoted};
use zenith_db::internal::manager::expected_names;
use zenith_db::migrations::Migrations;

use super::preserved::{PreservedTable, UnknownTables, cannot_preserve};
use super::row_key::RowKey;
use crate::error::{AdoptionError, Result};
use crate::guarded::{Object, message, open_to_fill};
use crate::legacy_db::LegacyDb;
use crate::overflow_values;
use crate::tables::{DROPPED_INDEXES, is_known};

/// Creates the tables, without rows. This must precede the migrations: a table whose name one of them
/// uses is renamed to `legacy_…`, and only SQLite itself can rename what refers to it.
pub(crate) fn create(
    target: &Path,
    legacy: &LegacyDb<'_>,
    migrations: Migrations,
) -> Result<UnknownTables> {
    let mut reserved = expected_names(migrations)?;
    reserved.push(overflow_values::TABLE.to_owned());
    let connection = &open_to_fill(target, None, None)?;
    let mut unknown =
        UnknownTables { not_copied: other_objects(legacy), ..UnknownTables::default() };
    let objects = &legacy.objects;
    unknown.not_copied.extend(added_indexes(objects, &reserved));
    let tables = legacy.unknown_tables();
    // All are created before the first is renamed, so that SQLite updates the references to it.
    for from in &tables {
        create_table(connection, objects, from, &reserved, &mut unknown.not_copied)?;
    }
    let named = objects.iter().filter(|object| ["table", "index"].contains(&object.kind.as_str()));
    let mut taken: Vec<String> = named.map(|object| object.name.clone()).collect();
    taken.extend(reserved.iter().cloned());
    for from in tables {
        let mut to = from.clone();
        if is_one_of(&to, &reserved) {
            while is_one_of(&to, &taken) {
                to = format!("legacy_{to}");
            }
            let rename = format!("ALTER TABLE {} RENAME TO {}", quoted(&from), quoted(&to));
            connection
                .execute_batch(&rename)
                .map_err(|cause| cannot_preserve(&from, &message(&cause)))?;
            taken.push(to.clone());
        }
        let columns = legacy.columns(&from)?;
        let key = legacy.with(|source| RowKey::of(source, &from))?;
        unknown.tables.push(PreservedTable { from, to, columns, key });
    }
    Ok(unknown)
}

/// Creates one table with its indexes, under the name that it has in the former database.
fn create_table(
    connection: &Connection,
    objects: &[Object],
    table: &str,
    reserved: &[String],
    not_copied: &mut Vec<String>,
) -> Result<()> {
    let own = objects.iter().filter(|object| object.table == table && !object.sql.is_empty());
    let (tables, indexes) = (own.clone(), own.filter(|object| object.kind == "index"));
    let mut definitions: Vec<&str> =
        tables.filter(|object| object.kind == "table").map(|object| object.sql.as_str()).collect();
    for Object { name, sql, .. } in indexes {
        if is_one_of(name, reserved) {
            not_copied.push(format!("index {name} of {table}: the new schema uses its name"));
        } else {
            definitions.push(sql);
        }
    }
    for sql in definitions {
        let created = connection.execute(sql, []);
        created.map_err(|cause| cannot_preserve(table, &message(&cause)))?;
    }
    Ok(())
}

/// Returns the indexes that were added to known tables. The new tables have the indexes of the new
/// schema instead.
fn added_indexes(objects: &[Object], reserved: &[String]) -> Vec<String> {
    let is_dropped =
        |name: &str| DROPPED_INDEXES.iter().any(|dropped| dropped.eq_ignore_ascii_case(name));
    let mut added: Vec<&Object> = objects
        .iter()
        .filter(|object| object.kind == "index" && !object.is_internal() && is_known(&object.table))
        .filter(|index| !is_one_of(&index.name, reserved) && !is_dropped(&index.name))
        .collect();
    added.sort_by_key(|index| (&index.table, &index.name));
    let not_copied = |index: &Object| {
        let Object { name, table, .. } = index;
        format!("index {name} of {table}: the table has the new schema's indexes")
    };
    added.into_iter().map(not_copied).collect()
}

/// Returns the views, triggers and virtual tables, which stay in the original only, because they may do
/// anything, and the columns of known tables that SQLite computes.
fn other_objects(legacy: &LegacyDb<'_>) -> Vec<String> {
    let kind = |object: &Object| match object.kind.as_str() {
        "view" | "trigger" => Some(object.kind.clone()),
        "table" if object.is_virtual => Some("virtual table".into()),
        "table" if legacy.is_shadow(&object.name) => Some("shadow table".into()),
        _ => None,
    };
    let others = legacy.objects.iter();
    let others = others.filter_map(|object| Some(format!("{} {}", kind(object)?, object.name)));
    let mut others: Vec<String> = others.collect();
    others.sort_unstable();
    let computed = legacy.computed.iter();
    others.extend(computed.map(|(table, column)| {
        format!("column {column} of {table}: its values are computed from other columns")
    }));
    others
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
