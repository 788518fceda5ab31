//! History of migrations for people in `schema_version`, kept equal to Diesel's ledger.

use std::fmt;

use diesel::dsl::{delete, insert_into};
use diesel::prelude::*;
use serde::Serialize;

use super::checks::Drift;
use super::known::KnownMigration;
use super::ledger::Ledger;
use super::recorded::in_brackets;
use crate::backend::Backend;
use crate::backend::DbConnection;
use crate::catalog::table_exists;
use crate::dispatch;
use crate::error::{Error, MigrationFault, Result};
use crate::models::{NewSchemaVersion, SchemaVersion};
use crate::schema::schema_version;
use crate::types::MigrationOwner;

/// Difference between the history (`schema_version`), Diesel's ledger (`__diesel_schema_migrations`) and
/// the program's migrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HistoryFault {
    /// The table `schema_version` does not exist.
    NoHistory,
    /// A migration has run and is not in `schema_version`: for example, the Diesel CLI applied it.
    Unrecorded {
        /// Version of the migration.
        version: String,
    },
    /// A version is in `schema_version` and has not run.
    NotRun {
        /// The version.
        version: String,
    },
    /// A migration's text is not the text that ran.
    Edited {
        /// Name of the migration.
        name: String,
        /// Recorded checksum of the text that ran. `None` if another program ran the migration and recorded
        /// no checksum, and the database does not have the structure that the program's text creates.
        recorded: Option<String>,
        /// Checksum of the program's text.
        current: String,
    },
    /// A migration has run that is newer than all migrations of its owner that the program has.
    Newer {
        /// Version of the migration.
        version: String,
        /// Recorded name in words, if any.
        description: Option<String>,
    },
    /// A migration has run that the program does not have, although it has later ones.
    Missing {
        /// Version of the migration.
        version: String,
        /// Recorded name in words, if any.
        description: Option<String>,
    },
    /// A migration has not run, although a later one of its owner has.
    Late {
        /// Name of the migration.
        name: String,
    },
}

impl fmt::Display for HistoryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHistory => write!(f, "the table schema_version is missing"),
            Self::Unrecorded { version } => {
                write!(f, "version {version} has run but is not recorded")
            }
            Self::NotRun { version } => write!(f, "version {version} is recorded but has not run"),
            Self::Edited { name, recorded: Some(_), .. } => {
                write!(f, "{name} was changed after it ran (its checksum differs)")
            }
            Self::Edited { name, recorded: None, .. } => write!(
                f,
                "another program ran {name}, perhaps with another text: the database does not have the \
                 structure that this program's text creates"
            ),
            Self::Newer { version, description } => {
                write!(
                    f,
                    "version {version}{} is not known to this program",
                    in_brackets(description.as_deref())
                )
            }
            Self::Missing { version, description } => write!(
                f,
                "version {version}{} has run and is missing from this program",
                in_brackets(description.as_deref())
            ),
            Self::Late { name } => write!(f, "{name} has not run, although a later migration has"),
        }
    }
}

/// Returns the recorded description. It names the program that has the migration, so that an older or another
/// program can say what to install.
fn description(migration: KnownMigration) -> String {
    format!("{}, by {}", migration.description(), migration.program())
}

/// Returns the row that records a migration; `None` if its version is not a number.
fn row_of(migration: KnownMigration, backend: Backend) -> Option<NewSchemaVersion> {
    Some(NewSchemaVersion {
        version: migration.version().parse().ok()?,
        description: Some(description(migration)),
        checksum: migration.checksum(backend),
        owner: migration.owner(),
    })
}

/// Makes the history equal to the ledger, also after runs of the Diesel CLI. New rows are in the order in which the
/// migrations of a run are applied.
///
/// Returns whether a row was added or deleted. If there is nothing to do, it only reads: who may not write may ask.
pub(super) fn sync(connection: &mut DbConnection, ledger: &Ledger) -> Result<bool> {
    if !table_exists(connection, "schema_version")? {
        return Ok(false);
    }
    let backend = connection.backend();
    dispatch!(connection, |connection| {
        let applied: Vec<i64> = ledger.applied().iter().filter_map(|v| v.parse().ok()).collect();
        let recorded: Vec<i64> =
            schema_version::table.select(schema_version::version).load(connection)?;
        let mut gone = 0;
        if recorded.iter().any(|version| !applied.contains(version)) {
            let others = schema_version::version.ne_all(&applied);
            gone = delete(schema_version::table.filter(others)).execute(connection)?;
        }
        let mut added = 0;
        for migration in ledger.ran() {
            let row = row_of(migration, backend);
            if let Some(row) = row.filter(|row| !recorded.contains(&row.version)) {
                added += insert_into(schema_version::table).values(row).execute(connection)?;
            }
        }
        Ok(gone + added > 0)
    })
}

/// Compares the history with the ledger and with the text of the program's migrations.
pub(crate) fn check(connection: &mut DbConnection, ledger: &Ledger) -> Result<Vec<HistoryFault>> {
    let late = ledger.pending().filter(|migration| ledger.is_late(*migration));
    let mut faults: Vec<HistoryFault> =
        late.map(|migration| HistoryFault::Late { name: migration.name().to_owned() }).collect();
    if !table_exists(connection, "schema_version")? {
        faults.push(HistoryFault::NoHistory);
        return Ok(faults);
    }
    let rows = SchemaVersion::list(connection)?;
    let newest = |owner| ledger.known().of_owner(owner).last().map(|known| known.version());
    let backend = connection.backend();
    let mut unrecorded = Vec::new();
    for version in ledger.applied() {
        let row = rows.iter().find(|row| row.version.to_string() == *version);
        let description = row.and_then(|row| row.description.clone());
        let owner = row.map_or(MigrationOwner::Library, |row| row.owner);
        let version = version.clone();
        match (row, ledger.known().find(&version)) {
            // Of another program, which is no fault of the part that this program knows.
            (Some(_), None)
                if owner == MigrationOwner::Application && !ledger.known().has_own() => {}
            (_, None) if newest(owner).is_none_or(|newest| version > newest) => {
                faults.push(HistoryFault::Newer { version, description });
            }
            (_, None) => faults.push(HistoryFault::Missing { version, description }),
            (None, Some(migration)) => unrecorded.push(migration),
            (Some(row), Some(migration)) => {
                let Some(current) = migration.checksum(backend) else { continue };
                if row.checksum.as_ref() != Some(&current) {
                    let (name, recorded) = (migration.name().to_owned(), row.checksum.clone());
                    faults.push(HistoryFault::Edited { name, recorded, current });
                }
            }
        }
    }
    // If another program ran a migration, only the structure shows whether it was the same text.
    let proven = unrecorded.is_empty() || Drift::of(connection, ledger)?.is_none();
    faults.extend(unrecorded.into_iter().map(|migration| {
        if proven {
            HistoryFault::Unrecorded { version: migration.version() }
        } else {
            let current = migration.checksum(backend).unwrap_or_default();
            HistoryFault::Edited { name: migration.name().to_owned(), recorded: None, current }
        }
    }));
    let extra = rows.iter().map(|row| row.version.to_string());
    let extra = extra.filter(|version| !ledger.applied().contains(version));
    faults.extend(extra.map(|version| HistoryFault::NotRun { version }));
    Ok(faults)
}

/// Returns the migrations whose text is not the one that ran.
pub(crate) fn edited(connection: &mut DbConnection, ledger: &Ledger) -> Result<Vec<HistoryFault>> {
    let mut faults = check(connection, ledger)?;
    faults.retain(|fault| matches!(fault, HistoryFault::Edited { .. }));
    Ok(faults)
}

/// Refuses a database whose migrations ran from another text than the program's.
pub(super) fn ensure_unedited(connection: &mut DbConnection, ledger: &Ledger) -> Result<()> {
    let names: Vec<String> = edited(connection, ledger)?
        .into_iter()
        .filter_map(|fault| match fault {
            HistoryFault::Edited { name, .. } => Some(name),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        Ok(())
    } else {
        Err(Error::Migration(MigrationFault::EditedMigrations { names: names.join(", ") }))
    }
}

/// Replaces the checksums of edited migrations by those of the program's text. Returns the earlier
/// faults.
pub(crate) fn repair(connection: &mut DbConnection, ledger: &Ledger) -> Result<Vec<HistoryFault>> {
    let edited = edited(connection, ledger)?;
    for migration in ledger.ran() {
        let repaired = |fault: &HistoryFault| matches!(fault, HistoryFault::Edited { name, .. } if name == migration.name());
        let Some(row) = row_of(migration, connection.backend()) else { continue };
        if edited.iter().any(repaired) {
            let updated = dispatch!(&mut *connection, |c| diesel::update(schema_version::table)
                .filter(schema_version::version.eq(row.version))
                .set(schema_version::checksum.eq(&row.checksum))
                .execute(c))?;
            if updated == 0 {
                dispatch!(&mut *connection, |c| insert_into(schema_version::table)
                    .values(&row)
                    .execute(c))?;
            }
        }
    }
    Ok(edited)
}
