//! The schema's history.

use diesel::prelude::*;
use serde::Serialize;

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::schema::schema_version;
use crate::types::{SchemaVersionId, UtcTime};

/// One applied migration.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize)]
#[diesel(table_name = schema_version)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct SchemaVersion {
    /// The row's key.
    pub id: SchemaVersionId,
    /// The migration's version: the digits of its timestamp.
    pub version: i64,
    /// When it was recorded here.
    pub applied_at: UtcTime,
    /// The migration's name in words.
    pub description: Option<String>,
    /// SHA-256 of its `up.sql` with line ends normalised, in hexadecimal.
    pub checksum: Option<String>,
}

/// A migration to record.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = schema_version)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewSchemaVersion {
    /// The migration's version.
    pub version: i64,
    /// Its name in words.
    pub description: Option<String>,
    /// SHA-256 of its `up.sql` with line ends normalised.
    pub checksum: Option<String>,
}

impl SchemaVersion {
    /// The whole history, oldest version first.
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
