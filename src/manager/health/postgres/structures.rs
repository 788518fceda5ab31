//! The structure that a database should have, beside the one that it has.

use std::collections::BTreeSet;

use crate::backend::DbConnection;
use crate::error::Result;
use crate::manager::DatabaseManager;
use crate::manager::health::expected_schema::expected_on_postgres;
use crate::migrations::Structure;

/// Returns the structure that the migrations create, and that of the database.
pub(super) fn both(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<(Structure, Structure)> {
    Ok((expected_on_postgres(manager.migrations)?, Structure::of(connection)?))
}

/// Returns one line for each part of an existing table that is missing. A missing table is reported
/// once, by another check.
pub(super) fn differences(
    expected: &BTreeSet<String>,
    found: &BTreeSet<String>,
    tables: &BTreeSet<&str>,
) -> Vec<String> {
    // Lines begin with the table, or with a constraint, whose name begins with it.
    let of_present_table = |line: &&String| tables.iter().any(|table| line.starts_with(table));
    let missing = expected.difference(found).filter(of_present_table);
    missing.map(|line| format!("missing or different: {line}")).collect()
}
