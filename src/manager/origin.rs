//! Whose database a file is.

use diesel::prelude::*;
use serde::Serialize;

use super::DatabaseManager;
use crate::backend::DbConnection;
use crate::catalog::{self, columns, is_one_of, literal};
use crate::connection;
use crate::error::{Error, Result};
use crate::migrations::Ledger;

/// Whose database lies at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// There is nothing.
    Absent,
    /// There is a file without a table.
    Empty,
    /// This program made it.
    Ours,
    /// The former application made it: the crate `zenith-db-import` takes it over.
    Former,
    /// Neither; with what was found in it.
    Foreign(String),
}

/// Without these it is not the former application's database. The others may be missing.
const NEEDED: &[&str] = &["users", "roles", "chat_sessions", "chat_history", "schema_version"];

/// The tables of the former application that have rows to take over, parents first.
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

/// Columns that only the former application's tables have, or only ours.
const HAS: &[(&str, &str)] =
    &[("users", "password_hash"), ("users", "role_id"), ("roles", "permissions")];
const LACKS: &[(&str, &str)] = &[("roles", "is_superuser"), ("audit_log", "entry_hash")];

impl DatabaseManager {
    /// Whose database lies at the configured path. Nothing is written.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is no SQLite database; [`Error::Query`] if it cannot be read.
    pub fn origin(&self) -> Result<Origin> {
        match connection::inspect(self.config(), origin_of) {
            Err(Error::NoDatabase { .. }) => Ok(Origin::Absent),
            found => found,
        }
    }
}

/// Whose database the connection is to.
///
/// # Errors
/// [`Error::Query`] if it cannot be read.
pub fn origin_of(connection: &mut DbConnection) -> Result<Origin> {
    if catalog::is_empty(connection)? {
        return Ok(Origin::Empty);
    }
    let ours = catalog::table_exists(connection, "__diesel_schema_migrations")?;
    if Ledger::read(connection)?.current().is_some() {
        return Ok(Origin::Ours);
    }
    let tables = catalog::table_names(connection)?;
    let missing = NEEDED.iter().find(|name| !is_one_of(name, &tables));
    // The former application had only SQLite.
    if let (None, DbConnection::Sqlite(connection)) = (missing, &mut *connection) {
        return as_former(connection, &tables);
    }
    // An empty ledger alone is what a rollback to nothing leaves.
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
            "(SELECT count(*) FROM pragma_table_info({}) WHERE name = 'id' COLLATE NOCASE
                 AND pk = 1 AND upper(type) = 'INTEGER')",
            literal(table)
        );
        let keys: i64 = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(&key))
            .get_result(connection)?;
        if keys != 1 {
            return Ok(Origin::Foreign(format!("its table {table} has no key id INTEGER")));
        }
    }
    let encoding = connection::read_pragma(connection, "encoding", "encoding")?;
    if encoding != "UTF-8" {
        return Ok(Origin::Foreign(format!("its texts are {encoding}, not UTF-8")));
    }
    Ok(Origin::Former)
}

/// The table that a target has while a transfer fills it.
pub const TRANSFER_TABLE: &str = "zenith_transfer";

/// Whether a transfer into this database was begun and not ended: it lacks rows.
pub(super) fn has_unfinished_transfer(connection: &mut DbConnection) -> Result<bool> {
    Ok(catalog::table_exists(connection, TRANSFER_TABLE)?
        && catalog::row_count(connection, TRANSFER_TABLE)? > 0)
}

fn listed(tables: &[String]) -> String {
    let shown: Vec<&str> = tables.iter().take(10).map(String::as_str).collect();
    let rest = tables.len() - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("it has the tables {}{more}", shown.join(", "))
}
