//! Whose database a file is.

use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::Serialize;

use super::tables::TABLES;
use crate::manager::DatabaseManager;
use crate::migrations::quoted;
use crate::migrations::{self, Ledger};
use crate::{DbConnection, Error, Result, connection};

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
    /// The former application made it: [`DatabaseManager::adopt`] takes it over.
    Former,
    /// Neither; with what was found in it.
    Foreign(String),
}

/// Without these it is not the former application's database. The others may be missing.
const NEEDED: &[&str] = &["users", "roles", "chat_sessions", "chat_history", "schema_version"];

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
pub(in crate::manager) fn origin_of(connection: &mut DbConnection) -> Result<Origin> {
    if migrations::is_empty(connection)? {
        return Ok(Origin::Empty);
    }
    let ours = migrations::table_exists(connection, "__diesel_schema_migrations")?;
    if Ledger::read(connection)?.current().is_some() {
        return Ok(Origin::Ours);
    }
    let tables = migrations::table_names(connection)?;
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
    for table in TABLES.iter().filter(|table| is_one_of(table.name, tables)) {
        let key = format!(
            "(SELECT count(*) FROM pragma_table_info({}) WHERE name = 'id' COLLATE NOCASE
                 AND pk = 1 AND upper(type) = 'INTEGER')",
            literal(table.name)
        );
        let keys: i64 = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(&key))
            .get_result(connection)?;
        if keys != 1 {
            let name = table.name;
            return Ok(Origin::Foreign(format!("its table {name} has no key id INTEGER")));
        }
    }
    let encoding = connection::read_pragma(connection, "encoding", "encoding")?;
    if encoding != "UTF-8" {
        return Ok(Origin::Foreign(format!("its texts are {encoding}, not UTF-8")));
    }
    Ok(Origin::Former)
}

fn listed(tables: &[String]) -> String {
    let shown: Vec<&str> = tables.iter().take(10).map(String::as_str).collect();
    let rest = tables.len() - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("it has the tables {}{more}", shown.join(", "))
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The names that a query returns as `name`.
pub(super) fn names(connection: &mut SqliteConnection, query: &str) -> Result<Vec<String>> {
    let rows: Vec<Name> = diesel::sql_query(query).load(connection)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// The tables, SQLite's own left out.
pub(super) fn tables(connection: &mut SqliteConnection) -> Result<Vec<String>> {
    names(
        connection,
        "SELECT name FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
}

/// The columns that can be read, in the table's order.
pub(super) fn columns(connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>> {
    let table = literal(table);
    names(
        connection,
        &format!("SELECT name FROM pragma_table_xinfo({table}) WHERE hidden <> 1 ORDER BY cid"),
    )
}

/// Whether a name is one of these, which SQL compares without regard to case.
pub(super) fn is_one_of(name: &str, names: &[String]) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}

/// A text as SQL takes it.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Columns for a SELECT.
pub(super) fn column_list(columns: &[String]) -> String {
    columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}
