//! Rows of `schema_version`: the owners of migrations and the order in which they were applied.

use std::fmt;

use diesel::prelude::*;

use crate::backend::DbConnection;
use crate::catalog::table_exists;
use crate::dispatch;
use crate::error::Result;
use crate::schema::schema_version;
use crate::types::{MigrationOwner, SchemaVersionId};

/// Applied migration, as `schema_version` records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordedMigration {
    /// Version, as in the ledger.
    pub(super) version: String,
    /// Key of the row. A migration that was applied later has a greater key; `None` if there is no row.
    pub(super) key: Option<SchemaVersionId>,
    /// Owner; the library if there is no row.
    pub(super) owner: MigrationOwner,
    /// Name in words and the program that applied it; `None` if nothing is recorded.
    pub(super) description: Option<String>,
}

impl RecordedMigration {
    /// Returns what is known about a version without a row.
    pub(super) const fn unrecorded(version: String) -> Self {
        Self { version, key: None, owner: MigrationOwner::Library, description: None }
    }
}

impl fmt::Display for RecordedMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.version, in_brackets(self.description.as_deref()))
    }
}

/// Formats a description to follow a version; empty if there is none.
pub(super) fn in_brackets(description: Option<&str>) -> String {
    description.map_or(String::new(), |description| format!(" ({description})"))
}

/// Returns these versions as they are recorded.
pub(super) fn recorded(
    connection: &mut DbConnection,
    versions: &[String],
) -> Result<Vec<RecordedMigration>> {
    type Row = (SchemaVersionId, i64, MigrationOwner, Option<String>);
    let rows: Vec<Row> = if table_exists(connection, "schema_version")? {
        dispatch!(connection, |c| schema_version::table
            .select((
                schema_version::id,
                schema_version::version,
                schema_version::owner,
                schema_version::description,
            ))
            .load(c))?
    } else {
        Vec::new()
    };
    let with_row = |version: &String| {
        let row = rows.iter().find(|(_, number, ..)| number.to_string() == *version);
        let version = version.clone();
        match row.cloned() {
            None => RecordedMigration::unrecorded(version),
            Some((key, _, owner, description)) => {
                RecordedMigration { version, key: Some(key), owner, description }
            }
        }
    };
    Ok(versions.iter().map(with_row).collect())
}
