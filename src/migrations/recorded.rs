//! Migrations that this program does not know, as `schema_version` records them.

use std::fmt;

use diesel::prelude::*;

use crate::backend::DbConnection;
use crate::catalog::table_exists;
use crate::dispatch;
use crate::error::Result;
use crate::schema::schema_version;

/// Migration that this program does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordedMigration {
    /// Version, as in the ledger.
    pub(super) version: String,
    /// Name in words and the program that applied it, as recorded; `None` if nothing is recorded.
    pub(super) description: Option<String>,
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

/// Returns these versions with their recorded descriptions.
pub(super) fn recorded(
    connection: &mut DbConnection,
    versions: Vec<String>,
) -> Result<Vec<RecordedMigration>> {
    let known: Vec<(i64, Option<String>)> =
        if versions.is_empty() || !table_exists(connection, "schema_version")? {
            Vec::new()
        } else {
            dispatch!(connection, |c| schema_version::table
                .select((schema_version::version, schema_version::description))
                .load(c))?
        };
    let with_description = |version: String| {
        let row = known.iter().find(|(number, _)| number.to_string() == version);
        let description = row.and_then(|(_, description)| description.clone());
        RecordedMigration { version, description }
    };
    Ok(versions.into_iter().map(with_description).collect())
}
