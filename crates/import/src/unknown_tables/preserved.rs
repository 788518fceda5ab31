//! List of the unknown tables, and of what is not copied.

use std::fmt::Display;

use super::row_key::RowKey;
use crate::error::AdoptionError;

/// Table that is not in the schema, and was created in the new database again.
#[derive(Clone, Debug)]
pub(crate) struct PreservedTable {
    /// Name in the former database.
    pub(crate) from: String,
    /// Name in the new database.
    pub(crate) to: String,
    /// Columns that can be written.
    pub(crate) columns: Vec<String>,
    pub(crate) key: RowKey,
}

/// Unknown tables that were created again, and objects that were not.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnknownTables {
    pub(crate) tables: Vec<PreservedTable>,
    /// Views, triggers, virtual tables and indexes that the new database does not have.
    pub(crate) not_copied: Vec<String>,
}

/// Error for a table that cannot be created or filled.
pub(super) fn cannot_preserve(table: &str, reason: &dyn Display) -> AdoptionError {
    AdoptionError::UnknownTable { table: table.to_owned(), reason: reason.to_string() }
}
