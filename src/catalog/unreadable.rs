//! Tables that the program cannot read, although the database is intact.

use std::fmt;

use diesel::result::Error as DieselError;
use serde::Serialize;

use super::objects::is_virtual;
use crate::backend::DbConnection;
use crate::error::{Error, Result};

/// Table that this program cannot read or check, although the database may be intact: another application
/// has defined it with a module, a function or a collation that only that application registers, or has
/// not granted the connecting role the right to read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnreadableTable {
    /// Name of the table.
    pub name: String,
    /// Message of the database, such as `no such module: vec0`.
    pub reason: String,
}

/// Beginnings of SQLite's messages for what a definition uses and the program has not registered.
const NOT_REGISTERED: &[&str] = &[
    "no such module: ",
    "no such collation sequence: ",
    "no such function: ",
    "unknown function: ",
    "unsafe use of ",
];

/// Messages that do not concern the table itself.
const OF_THE_CONNECTION: &[&str] = &["is locked", "disk I/O error", "interrupted", "out of memory"];

impl UnreadableTable {
    /// Returns the table if this error means that the program cannot read it.
    ///
    /// # Errors
    /// Any other error, as it was given.
    pub(crate) fn of(connection: &mut DbConnection, table: &str, error: Error) -> Result<Self> {
        let reason = match &error {
            Error::Query(DieselError::DatabaseError(_, info))
            | Error::Damaged(DieselError::DatabaseError(_, info)) => info.message().to_owned(),
            _ => return Err(error),
        };
        // The rows of a virtual table are in other tables, or not in this database.
        let of_module = !OF_THE_CONNECTION.iter().any(|text| reason.contains(text))
            && is_virtual(connection, table)?;
        if is_not_registered(&error) || of_module {
            Ok(Self { name: table.to_owned(), reason })
        } else {
            Err(error)
        }
    }
}

impl fmt::Display for UnreadableTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.reason)
    }
}

/// Returns the collation that SQLite lacks for a statement, if that is the error.
pub(super) fn missing_collation(error: &Error) -> Option<&str> {
    match error {
        Error::Query(DieselError::DatabaseError(_, info)) => {
            info.message().strip_prefix("no such collation sequence: ")
        }
        _ => None,
    }
}

/// Whether SQLite cannot run a statement because of what another application registers.
pub(super) fn is_not_registered(error: &Error) -> bool {
    matches!(
        error,
        Error::Query(DieselError::DatabaseError(_, info))
            if NOT_REGISTERED.iter().any(|start| info.message().starts_with(start))
    )
}

/// Returns a clause that names the tables that were not checked; empty without such tables.
pub(crate) fn not_checked(tables: &[UnreadableTable]) -> String {
    if tables.is_empty() {
        return String::new();
    }
    let names: Vec<String> = tables.iter().map(UnreadableTable::to_string).collect();
    format!("; not checked, because this program cannot read them: {}", names.join(", "))
}
