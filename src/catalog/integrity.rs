//! SQLite's integrity checks.

use std::fmt::Display;

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::backend::{Backend, DbConnection};
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

#[derive(QueryableByName)]
struct IntegrityFault {
    #[diesel(sql_type = Text)]
    text: String,
}

/// Returns the first faults that SQLite finds in the database file; empty if it is intact.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the file is too damaged to be checked.
pub(crate) fn integrity_faults(
    connection: &mut DbConnection,
    check: IntegrityCheck,
) -> Result<Vec<String>> {
    let query = match check {
        IntegrityCheck::Quick => "SELECT quick_check AS text FROM pragma_quick_check",
        IntegrityCheck::Full => "SELECT integrity_check AS text FROM pragma_integrity_check",
    };
    let rows: Vec<IntegrityFault> = diesel::sql_query(query).load(connection.sqlite()?)?;
    Ok(faults_in(rows.iter().map(|row| row.text.as_str())))
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
/// in the error. A server checks its own files.
///
/// # Errors
/// [`Error::IntegrityFaults`]; [`Error::Query`] or [`Error::Damaged`] if the file is too damaged to be
/// checked.
pub fn ensure_intact(
    connection: &mut DbConnection,
    check: IntegrityCheck,
    database: impl Display,
) -> Result<()> {
    if connection.backend() == Backend::Postgres {
        return Ok(());
    }
    let faults = integrity_faults(connection, check)?;
    if faults.is_empty() {
        return Ok(());
    }
    let faults = faults.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("; ");
    Err(Error::IntegrityFaults { database: database.to_string(), faults })
}

/// Returns the first faults that `integrity_check` finds in one table and its indexes. It does not
/// check the freelist, nor whether another table uses the same page: [`IntegrityCheck::Quick`] does.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the table is too damaged to be checked.
pub(crate) fn table_integrity_faults(
    connection: &mut DbConnection,
    table: &str,
) -> Result<Vec<String>> {
    let query = "SELECT integrity_check AS text FROM pragma_integrity_check(?)";
    let query = diesel::sql_query(query).bind::<Text, _>(table);
    let rows: Vec<IntegrityFault> = query.load(connection.sqlite()?)?;
    Ok(faults_in(rows.iter().map(|row| row.text.as_str())))
}

fn faults_in<'a>(rows: impl Iterator<Item = &'a str>) -> Vec<String> {
    rows.flat_map(lines_in).collect()
}

/// Returns the faults in a row of an integrity check. SQLite reports the faults of pages as one row of
/// several lines, under a heading.
pub fn lines_in(row: &str) -> impl Iterator<Item = String> {
    let lines = row.lines().filter(|line| *line != "ok" && !line.starts_with("*** in database"));
    lines.map(str::to_owned)
}
