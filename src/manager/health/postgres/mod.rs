//! Checks of a database on a PostgreSQL server.

mod additions;
mod cluster;
mod definitions;
mod disabled_triggers;
mod encryption;
mod role;
mod server;
mod structures;
mod triggers;

use std::collections::BTreeSet;

use super::checks::{
    FOREIGN_KEYS, NamedCheck, administrator, foreign_key_violations, pending, schema_fix,
    schema_version, seeds,
};
use super::outcome::CheckOutcome;
use crate::backend::DbConnection;
use crate::error::Result;
use crate::manager::DatabaseManager;
use crate::migrations::Structure;
use structures::{both, differences};

/// Checks in the order of the report.
pub(super) const CHECKS: &[NamedCheck] = &[
    ("Schema Version", true, schema_version),
    ("Required Tables", true, required_tables),
    ("Required Columns and Indexes", true, columns_and_indexes),
    ("Triggers Present", true, triggers::triggers),
    (FOREIGN_KEYS, true, foreign_key_violations),
    ("Indexes Valid", true, cluster::indexes_valid),
    ("Sequences", false, cluster::sequences),
    ("Nothing Added", false, additions::additions),
    ("Seeds Present", true, seeds),
    ("Admin User Exists", false, administrator),
    ("Server Version", true, server::server_version),
    ("Encoding", true, server::encoding),
    ("Time Zone", false, server::time_zone),
    ("Connection Headroom", false, server::headroom),
    ("Encryption", false, encryption::encryption),
    ("Collations", true, cluster::collations),
    ("Old Transactions", false, cluster::old_transactions),
    ("Transaction Ids", false, cluster::transaction_ids),
    ("Replication Slots", false, cluster::replication_slots),
    ("Role", false, role::role),
    ("Accepts Writes", false, server::accepts_writes),
    ("Replica", false, server::replica),
    ("Pending Migrations", true, pending),
];

fn required_tables(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let (expected, found) = both(connection, manager)?;
    let found = found.tables();
    let missing = expected.tables().into_iter().filter(|table| !found.contains(table));
    let missing: Vec<String> = missing.map(|table| format!("table {table} is missing")).collect();
    let good = format!("all {} tables", expected.tables().len());
    Ok(CheckOutcome::from_faults(&missing, good, schema_fix(connection, manager)?))
}

fn columns_and_indexes(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let (expected, found) = both(connection, manager)?;
    let tables = found.tables();
    let mut faults = Vec::new();
    for (expected, found) in [
        (&expected.columns, &found.columns),
        (&expected.indexes, &found.indexes),
        (&expected.references, &found.references),
        (&expected.checks, &found.checks),
    ] {
        faults.extend(differences(expected, found, &tables));
    }
    faults.extend(strange_columns(&expected, &found));
    faults.extend(definitions::changed(connection, manager.migrations, &tables)?);
    let good = format!("as in the migrations, with {} indexes", expected.indexes.len());
    Ok(CheckOutcome::from_faults(&faults, good, schema_fix(connection, manager)?))
}

/// Returns one line for each additional column in a table of the migrations. Changed columns are
/// reported by [`differences`].
fn strange_columns(expected: &Structure, found: &Structure) -> Vec<String> {
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let ours: BTreeSet<String> = expected.columns.iter().map(|line| name(line)).collect();
    let tables = expected.tables();
    let of_our_table =
        |column: &String| column.split_once('.').is_some_and(|(table, _)| tables.contains(table));
    let names = found.columns.iter().map(|line| name(line));
    let strange = names.filter(|column| of_our_table(column) && !ours.contains(column));
    strange.map(|column| format!("column {column} is not in the migrations")).collect()
}
