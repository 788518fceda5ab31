//! Which program created a database.

use diesel::prelude::*;
use serde::Serialize;

use super::DatabaseManager;
use crate::backend::DbConnection;
use crate::catalog::{self, TRANSFER_TABLE, columns, has_transfer_table, is_one_of, literal};
use crate::connection;
use crate::error::{Error, Result};
use crate::migrations::{Ledger, Migrations};

/// Program that created the configured database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The database does not exist.
    Absent,
    /// The database has no tables.
    Empty,
    /// This program created the database, or has adopted it.
    Ours,
    /// The former application created the database; the crate `zenith-db-import` converts it.
    Former,
    /// Another program created the database. The text says how this was recognised.
    Foreign(String),
}

/// Tables that every database of the former application has. Its other tables may be missing.
const NEEDED: &[&str] = &["users", "roles", "chat_sessions", "chat_history", "schema_version"];

/// Tables of the former application whose rows an adoption copies, parents first.
pub const FORMER_TABLES: &[&str] = &[
    "roles",
    "permissions",
    "users",
    "role_permissions",
    "user_sessions",
    "password_history",
    "api_keys",
    "chat_sessions",
    "chat_history",
    "documents",
    "document_chunks",
    "system_settings",
    "user_preferences",
    "audit_log",
    "security_events",
];

/// Columns that only the tables of the former application have.
const HAS: &[(&str, &str)] =
    &[("users", "password_hash"), ("users", "role_id"), ("roles", "permissions")];
/// Columns that only the tables of this schema have.
const LACKS: &[(&str, &str)] = &[("roles", "is_superuser"), ("audit_log", "entry_hash")];

impl DatabaseManager {
    /// Returns which program created the configured database. Writes nothing.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is not an SQLite database; [`Error::Query`] if it cannot be read.
    pub fn origin(&self) -> Result<Origin> {
        let look = |connection: &mut DbConnection| origin_among(connection, self.migrations());
        match connection::inspect(self.config(), look) {
            Err(Error::NoDatabase { .. }) => Ok(Origin::Absent),
            found => found,
        }
    }
}

/// Returns which program created the database of this connection.
///
/// # Errors
/// [`Error::Query`] if it cannot be read.
pub fn origin_of(connection: &mut DbConnection) -> Result<Origin> {
    origin_among(connection, Migrations::default())
}

/// Returns which program created the database of this connection, for a manager that runs these
/// migrations. Reads no view and no computed column: the file may be anybody's.
///
/// # Errors
/// [`Error::Query`] if it cannot be read.
pub fn origin_among(connection: &mut DbConnection, known: Migrations) -> Result<Origin> {
    if catalog::is_empty(connection)? {
        return Ok(Origin::Empty);
    }
    let ours = catalog::table_exists(connection, "__diesel_schema_migrations")?;
    let ledger = Ledger::read_for(connection, known)?;
    if let Some(reason) = ledger.foreign_because() {
        return Ok(Origin::Foreign(reason.into()));
    }
    if ledger.current().is_some() {
        return Ok(Origin::Ours);
    }
    let tables = catalog::table_names(connection)?;
    let missing = NEEDED.iter().find(|name| !is_one_of(name, &tables));
    // The former application had only SQLite.
    if let (None, DbConnection::Sqlite(connection)) = (missing, &mut *connection) {
        return as_former(connection, &tables);
    }
    // A rollback of all migrations leaves an empty ledger and no other table.
    if ours && tables.iter().all(|name| name == "__diesel_schema_migrations") {
        return Ok(Origin::Ours);
    }
    Ok(Origin::Foreign(listed(&tables)))
}

fn as_former(connection: &mut SqliteConnection, tables: &[String]) -> Result<Origin> {
    for (table, column) in HAS {
        if !is_one_of(column, &columns(connection, table)?) {
            return Ok(Origin::Foreign(format!("its table {table} has no column {column}")));
        }
    }
    for (table, column) in LACKS {
        if is_one_of(column, &columns(connection, table)?) {
            return Ok(Origin::Foreign(format!(
                "its table {table} has the column {column}, as this program's has, but none of \
                 this program's migrations is recorded"
            )));
        }
    }
    for table in FORMER_TABLES.iter().filter(|table| is_one_of(table, tables)) {
        let key = format!(
            "(SELECT count(*) FROM temp.pragma_table_info({}) WHERE name = 'id' COLLATE NOCASE
                 AND pk = 1 AND upper(type) = 'INTEGER')",
            literal(table)
        );
        let keys: i64 = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(&key))
            .get_result(connection)?;
        if keys != 1 {
            return Ok(Origin::Foreign(format!(
                "its table {table} has no primary key `id INTEGER`"
            )));
        }
    }
    let encoding = connection::read_pragma(connection, "encoding", "encoding")?;
    if encoding != "UTF-8" {
        return Ok(Origin::Foreign(format!("its encoding is {encoding}, not UTF-8")));
    }
    Ok(Origin::Former)
}

/// Returns whether an unfinished transfer into this database exists, so that rows are missing.
pub(super) fn has_unfinished_transfer(connection: &mut DbConnection) -> Result<bool> {
    Ok(has_transfer_table(connection)? && catalog::row_count(connection, TRANSFER_TABLE)? > 0)
}

fn listed(tables: &[String]) -> String {
    let shown: Vec<&str> = tables.iter().take(10).map(String::as_str).collect();
    let rest = tables.len() - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("it has the tables {}{more}", shown.join(", "))
}
