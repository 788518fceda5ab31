//! `schema_version`: the history for people, kept equal to Diesel's ledger.

use diesel::dsl::{delete, insert_into};
use diesel::prelude::*;

use super::embedded;
use super::ledger::Ledger;
use super::tables::table_exists;
use crate::models::{NewSchemaVersion, SchemaVersion};
use crate::schema::schema_version;
use crate::{DbConnection, Result, dispatch};

/// Records what ran and forgets what was reverted, whoever did it: the Diesel CLI included.
///
/// Returns whether anything was amended.
pub(super) fn follow(connection: &mut DbConnection, ledger: &Ledger) -> Result<bool> {
    if !table_exists(connection, "schema_version")? {
        return Ok(false);
    }
    let backend = connection.backend();
    dispatch!(connection, |connection| {
        let applied: Vec<i64> = ledger.applied().iter().filter_map(|v| v.parse().ok()).collect();
        let gone = delete(schema_version::table.filter(schema_version::version.ne_all(&applied)))
            .execute(connection)?;
        let recorded: Vec<i64> =
            schema_version::table.select(schema_version::version).load(connection)?;
        let mut added = 0;
        for migration in embedded::all() {
            let Ok(version) = migration.version().parse() else { continue };
            if applied.contains(&version) && !recorded.contains(&version) {
                let row = NewSchemaVersion {
                    version,
                    description: Some(migration.description()),
                    checksum: Some(migration.checksum(backend)),
                };
                added += insert_into(schema_version::table).values(&row).execute(connection)?;
            }
        }
        Ok(gone + added > 0)
    })
}

/// Compares the history with the ledger and with the text of the migrations.
///
/// Returns what is wrong, one line each.
pub(crate) fn check(connection: &mut DbConnection, ledger: &Ledger) -> Result<Vec<String>> {
    if !table_exists(connection, "schema_version")? {
        return Ok(vec!["the table schema_version is missing".into()]);
    }
    let rows = SchemaVersion::list(connection)?;
    let backend = connection.backend();
    let mut faults = Vec::new();
    for version in ledger.applied() {
        let row = rows.iter().find(|row| row.version.to_string() == *version);
        let migration = embedded::all().iter().find(|m| m.version() == *version);
        match (row, migration) {
            (None, _) => faults.push(format!("version {version} ran but is not recorded")),
            (Some(row), Some(m))
                if row.checksum.as_deref() != Some(m.checksum(backend).as_str()) =>
            {
                faults.push(format!("{m} was changed after it ran (its checksum differs)"));
            }
            (Some(_), _) => {}
        }
    }
    for row in &rows {
        if !ledger.applied().contains(&row.version.to_string()) {
            faults.push(format!("version {} is recorded but did not run", row.version));
        }
    }
    Ok(faults)
}
