//! Bounds of the former database: numbers of objects and columns, and keys for new rows.

use rusqlite::Connection;

use super::fault::fault;
use super::schema::{Object, objects};
use crate::error::{AdoptionError, Result};
use crate::tables::{TABLES, is_known};

/// Most tables, indexes, views and triggers; the former application made about a hundred.
const OBJECTS: i64 = 2000;
/// Most columns of all tables.
const COLUMNS: i64 = 20_000;
/// Most columns of all foreign keys.
const REFERENCES: i64 = 5000;
/// Greatest key with room for new rows.
const GREATEST_KEY: i64 = i64::MAX - 1_000_000_000;

/// Refuses a database with more than the former application or its users can have made. Returns its
/// objects.
pub(crate) fn ensure_bounded(connection: &Connection) -> Result<Vec<Object>> {
    let count = |query: &str| {
        connection
            .query_row(query, [], |row| row.get::<_, i64>(0))
            .map_err(|cause| fault("its schema", None, cause))
    };
    let of_tables = |pragma: &str| {
        format!(
            "SELECT count(*) FROM sqlite_schema AS s JOIN temp.pragma_{pragma}(s.name)
             WHERE s.type = 'table' AND s.rootpage > 0"
        )
    };
    for (what, most, query) in [
        (
            "tables, indexes, views and triggers",
            OBJECTS,
            "SELECT count(*) FROM sqlite_schema".to_owned(),
        ),
        ("columns", COLUMNS, of_tables("table_xinfo")),
        ("columns in foreign keys", REFERENCES, of_tables("foreign_key_list")),
    ] {
        let found = count(&query)?;
        if found > most {
            let object = format!("its schema, with {found} {what},");
            return Err(AdoptionError::TooLarge { object, limit: format!("{most} {what}") });
        }
    }
    let objects = objects(connection).map_err(|cause| fault("its schema", None, cause))?;
    if let Some(table) = objects.iter().find(|object| object.is_virtual && is_known(&object.name)) {
        return Err(AdoptionError::NotStored { object: format!("the table {}", table.name) });
    }
    ensure_keys_left(connection, &objects)?;
    Ok(objects)
}

/// Refuses a known table whose keys are used up: SQLite would accept no new row. The audit log is not
/// among them: its entries are given their ids by the program, and the new schema leaves out one whose id
/// is too large.
fn ensure_keys_left(connection: &Connection, objects: &[Object]) -> Result<()> {
    let has = |name: &str| {
        let mut tables = objects.iter().filter(|object| object.kind == "table");
        tables.any(|object| object.name.eq_ignore_ascii_case(name))
    };
    let names = TABLES.iter().map(|table| table.name);
    for table in names.filter(|name| *name != "audit_log" && has(name)) {
        let mut queries = vec![format!("SELECT max(id) FROM {table}")];
        if has("sqlite_sequence") {
            queries.push(format!(
                "SELECT max(CAST(seq AS INTEGER)) FROM sqlite_sequence
                 WHERE name = '{table}' COLLATE NOCASE"
            ));
        }
        for query in queries {
            let greatest: Option<i64> = connection
                .query_row(&query, [], |row| row.get(0))
                .map_err(|cause| fault(&format!("the table {table}"), None, cause))?;
            if let Some(key) = greatest.filter(|key| *key > GREATEST_KEY) {
                return Err(AdoptionError::NoKeysLeft { table, key });
            }
        }
    }
    Ok(())
}
