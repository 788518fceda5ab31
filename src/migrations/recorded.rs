//! What `schema_version` says of migrations that this program does not know.

use std::fmt;

use diesel::prelude::*;

use crate::backend::DbConnection;
use crate::catalog::table_exists;
use crate::dispatch;
use crate::error::Result;
use crate::schema::schema_version;

/// What was recorded of a migration that this program does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) version: String,
    /// Its name in words, and the program that has it.
    pub(super) description: Option<String>,
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.version, in_brackets(self.description.as_deref()))
    }
}

/// What is known of a version, to stand after it.
pub(super) fn in_brackets(description: Option<&str>) -> String {
    description.map_or(String::new(), |description| format!(" ({description})"))
}

/// What was recorded of these versions.
pub(super) fn recorded(
    connection: &mut DbConnection,
    versions: Vec<String>,
) -> Result<Vec<Recorded>> {
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
        Recorded { version, description }
    };
    Ok(versions.into_iter().map(with_description).collect())
}
