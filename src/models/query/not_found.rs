//! The error of a key that no row has.

use std::fmt::Display;

use crate::error::{Error, Result};

/// Returns a closure for `ok_or_else`: the error that no row of the table has this value.
pub(in crate::models) fn not_found(
    table: &'static str,
    column: &'static str,
    value: impl Display,
) -> impl FnOnce() -> Error {
    move || Error::NotFound { table, key: format!("{column} {value}") }
}

/// Returns an error if an update or deletion by key affected no row.
pub(in crate::models) fn require_affected(
    rows: usize,
    table: &'static str,
    id: impl Display,
) -> Result<()> {
    if rows == 0 { Err(not_found(table, "id", id)()) } else { Ok(()) }
}
