//! SQLite's integrity checks.

use std::fmt::Display;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::names::{names, names_of};
use super::objects::table_names;
use super::unreadable::{UnreadableTable, is_not_registered, missing_collation};
use crate::backend::{Backend, DbConnection};
use crate::connection::{with_free_pages, with_second_connection};
use crate::error::{Error, Result};

/// Thoroughness of an integrity check of an SQLite file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegrityCheck {
    /// `PRAGMA quick_check`: checks every page, but not whether indexes match their tables.
    Quick,
    /// `PRAGMA integrity_check`: also checks that indexes match their tables. It takes about eight times as
    /// long as the quick check (measured on a file of 500 MB).
    Full,
}

/// Result of an integrity check of an SQLite database.
#[derive(Debug, Default)]
pub(crate) struct Integrity {
    /// First faults that SQLite found; empty if there is no damage.
    pub(crate) faults: Vec<String>,
    /// Tables that SQLite could not check for this program.
    pub(crate) unchecked: Vec<UnreadableTable>,
}

/// Checks the database file. If the definition of a table keeps SQLite from checking the whole file, each
/// table is checked by itself.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the file is too damaged to be checked.
pub(crate) fn integrity(connection: &mut DbConnection, check: IntegrityCheck) -> Result<Integrity> {
    let query = match check {
        IntegrityCheck::Quick => "SELECT quick_check AS name FROM temp.pragma_quick_check",
        IntegrityCheck::Full => "SELECT integrity_check AS name FROM temp.pragma_integrity_check",
    };
    match names(connection.sqlite()?, query).map(|rows| faults_in(&rows)) {
        Ok(mut faults) => {
            if !names(connection.sqlite()?, ROOTLESS)?.is_empty() {
                faults.extend(faults_of_pages(connection, check)?);
            }
            Ok(Integrity { faults, unchecked: Vec::new() })
        }
        Err(error) if is_not_registered(&error) => by_table(connection, check),
        Err(error) => Err(error),
    }
}

/// Checks the schema and every table that can be checked, and that each page of the file has one use.
fn by_table(connection: &mut DbConnection, check: IntegrityCheck) -> Result<Integrity> {
    let mut found = Integrity::default();
    for table in table_names(connection)? {
        let Integrity { faults, unchecked } = integrity_of(connection, check, &table)?;
        found.faults.extend(faults);
        found.unchecked.extend(unchecked);
    }
    found.faults.extend(faults_of_pages(connection, check)?);
    Ok(found)
}

/// A view or virtual table, which has no pages. If SQLite happens to list one first, its check of the whole
/// file takes the absent root for the mark of a partial check: it then skips the list of free pages, and
/// pages that nothing uses, such as those of rows that cannot be reached any more.
pub const ROOTLESS: &str = "SELECT name FROM sqlite_schema
    WHERE type IN ('table', 'view') AND coalesce(rootpage, 0) = 0 LIMIT 1";

/// Checks the schema, the list of free pages, and that each page of the file has one use.
fn faults_of_pages(connection: &mut DbConnection, check: IntegrityCheck) -> Result<Vec<String>> {
    let mut found = table_faults(connection.sqlite()?, check, "sqlite_schema")?;
    let rows = with_free_pages(connection.sqlite()?, |connection, free| {
        let query = diesel::sql_query(PAGES).bind::<Nullable<Text>, _>(free.map(pages_as_json));
        names_of(connection, query)
    })?;
    found.extend(faults_in(&rows));
    Ok(found)
}

/// Returns the parameter of [`PAGES`].
#[must_use]
pub fn pages_as_json(pages: &[u32]) -> String {
    serde_json::Value::from(pages).to_string()
}

/// Faults of pages that the check of one table does not find. The parameter is a JSON array of the pages in
/// the list of free pages; `NULL` if they are not known. SQLite takes a page from the list and overwrites
/// it, whether or not a table uses it. SQLite's lock-byte page, at 1 GiB, has no use. The pages of a
/// file with `auto_vacuum` are not counted, because `dbstat` leaves out those of its pointer map.
pub const PAGES: &str = "WITH
    used AS (
        SELECT pageno, count(*) AS times, sum(is_free) AS free, max(is_damaged) AS damaged
        FROM (
            SELECT pageno, 0 AS is_free, pagetype = 'corrupted' AS is_damaged FROM temp.dbstat
            UNION ALL SELECT value, 1, 0 FROM temp.json_each(?1)
        ) GROUP BY pageno
    ),
    file AS (
        SELECT page_count AS pages, freelist_count AS free,
            page_count > 1073741824 / page_size AS locks, auto_vacuum
        FROM temp.pragma_page_count, temp.pragma_freelist_count, temp.pragma_page_size,
            temp.pragma_auto_vacuum
    )
    SELECT 'page ' || pageno || CASE
        WHEN damaged THEN ' is damaged'
        WHEN used.free = 0 THEN ' is used ' || times || ' times'
        WHEN pageno NOT BETWEEN 2 AND pages THEN ' is in the list of free pages, and cannot be free'
        WHEN used.free < times THEN ' is in use and in the list of free pages'
        ELSE ' is ' || times || ' times in the list of free pages'
    END AS name
    FROM used, file WHERE damaged OR times > 1 OR (used.free AND pageno NOT BETWEEN 2 AND pages)
    UNION ALL
    SELECT 'the list of free pages has ' || listed || ' pages and should have ' || free
    FROM file, (SELECT count(*) AS listed FROM temp.json_each(?1))
    WHERE ?1 IS NOT NULL AND listed <> free
    UNION ALL
    SELECT 'of ' || pages || ' pages, ' || in_use || ' are in use and ' || free || ' are free'
    FROM file, (SELECT count(*) AS in_use FROM used WHERE free < times)
    WHERE in_use + free + locks <> pages AND NOT auto_vacuum";

fn table_faults(
    connection: &mut SqliteConnection,
    check: IntegrityCheck,
    table: &str,
) -> Result<Vec<String>> {
    let query = match check {
        IntegrityCheck::Quick => "SELECT quick_check AS name FROM temp.pragma_quick_check(?)",
        IntegrityCheck::Full => {
            "SELECT integrity_check AS name FROM temp.pragma_integrity_check(?)"
        }
    };
    let query = diesel::sql_query(query).bind::<Text, _>(table);
    Ok(faults_in(&names_of(connection, query)?))
}

/// Whether a row of an integrity check is about values that break a rule of their column: they were
/// written before the rule, or without it, and are no damage.
#[must_use]
pub fn is_of_value(row: &str) -> bool {
    row.starts_with("CHECK constraint failed in ")
        || ["NULL", "NUMERIC", "TEXT"]
            .iter()
            .any(|kind| row.strip_prefix(kind).is_some_and(|rest| rest.starts_with(" value in ")))
        || (row.starts_with("non-") && row.contains(" value in "))
}

/// Refuses a damaged SQLite database, whose rows a copy or a migration could lose. `database` names it
/// in the error. A server checks its own files. Returns the tables that could not be checked.
///
/// # Errors
/// [`Error::IntegrityFaults`]; [`Error::Query`] or [`Error::Damaged`] if the file is too damaged to be
/// checked.
pub fn ensure_intact(
    connection: &mut DbConnection,
    check: IntegrityCheck,
    database: impl Display,
) -> Result<Vec<UnreadableTable>> {
    if connection.backend() == Backend::Postgres {
        return Ok(Vec::new());
    }
    let Integrity { faults, unchecked } = integrity(connection, check)?;
    if faults.is_empty() {
        return Ok(unchecked);
    }
    let faults = faults.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("; ");
    Err(Error::IntegrityFaults { database: database.to_string(), faults })
}

/// Checks one table and its indexes. It does not check the freelist, nor whether another table uses the
/// same page: [`IntegrityCheck::Quick`] of the whole file does.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the table is too damaged to be checked.
pub(crate) fn table_integrity(connection: &mut DbConnection, table: &str) -> Result<Integrity> {
    integrity_of(connection, IntegrityCheck::Full, table)
}

/// Checks one table and its indexes; only its pages if SQLite lacks a collation for the order of its
/// indexes.
fn integrity_of(
    connection: &mut DbConnection,
    check: IntegrityCheck,
    table: &str,
) -> Result<Integrity> {
    match table_faults(connection.sqlite()?, check, table) {
        Ok(faults) => Ok(Integrity { faults, unchecked: Vec::new() }),
        Err(error) => {
            let lacks_collation = missing_collation(&error).is_some();
            let unchecked = vec![UnreadableTable::of(connection, table, error)?];
            let faults =
                if lacks_collation { faults_in_any_order(connection, table)? } else { Vec::new() };
            Ok(Integrity { faults, unchecked })
        }
    }
}

/// Checks the pages of a table, with a substitute for each collation that SQLite lacks. What it says about
/// the order and the values of rows means nothing then. Finds nothing beside a write-ahead log: the copy
/// that a backup checks has none.
fn faults_in_any_order(connection: &mut DbConnection, table: &str) -> Result<Vec<String>> {
    /// Collations in the indexes of one table.
    const MOST: usize = 64;

    let found = with_second_connection(connection.sqlite()?, |second| {
        for _ in 0..MOST {
            match table_faults(second, IntegrityCheck::Quick, table) {
                Ok(mut faults) => {
                    let depends = |row: &String| is_of_value(row) || row.contains(" order for ");
                    faults.retain(|row| !depends(row));
                    return Ok(faults);
                }
                Err(error) => match missing_collation(&error) {
                    Some(collation) => second.register_collation(collation, str::cmp)?,
                    None if is_not_registered(&error) => break,
                    None => return Err(error),
                },
            }
        }
        Ok(Vec::new())
    })?;
    Ok(found.unwrap_or_default())
}

fn faults_in(rows: &[String]) -> Vec<String> {
    rows.iter().flat_map(|row| lines_in(row)).collect()
}

/// Returns the faults in a row of an integrity check. SQLite reports the faults of pages as one row of
/// several lines, under a heading.
pub fn lines_in(row: &str) -> impl Iterator<Item = String> {
    let lines = row.lines().filter(|line| *line != "ok" && !line.starts_with("*** in database"));
    lines.map(str::to_owned)
}
