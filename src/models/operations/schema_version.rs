//! History of the schema.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::schema::schema_version;
use crate::types::{MigrationOwner, SchemaVersionId, UtcTime};

/// Applied migration.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = schema_version)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct SchemaVersion {
    /// Primary key.
    pub id: SchemaVersionId,
    /// Version of the migration: the digits of its timestamp.
    pub version: i64,
    /// Time of the record.
    pub applied_at: UtcTime,
    /// Name of the migration in words.
    pub description: Option<String>,
    /// SHA-256 of the migration's `up.sql` with normalised line ends, in hexadecimal.
    pub checksum: Option<String>,
    /// Owner of the migration.
    pub owner: MigrationOwner,
}

/// Applied migration to record.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = schema_version)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewSchemaVersion {
    /// Version of the migration: the digits of its timestamp.
    pub version: i64,
    /// Name of the migration in words.
    pub description: Option<String>,
    /// SHA-256 of the migration's `up.sql` with normalised line ends, in hexadecimal.
    pub checksum: Option<String>,
    /// Owner of the migration.
    pub owner: MigrationOwner,
}

impl SchemaVersion {
    /// Returns the recorded migrations, ordered by version.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list(connection: &mut DbConnection) -> Result<Vec<Self>> {
        Ok(dispatch!(connection, |connection| schema_version::table
            .select(Self::as_select())
            .order(schema_version::version)
            .load(connection))?)
    }
}
