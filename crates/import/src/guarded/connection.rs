//! Connections with limits.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use zenith_db::internal::connection::literal_uri;

use super::budget::Budget;
use super::fault::{LONGEST, fault};
use crate::cell::AnyRow;
use crate::error::{AdoptionError, Result};
use crate::tables::is_known;

/// Longest row of a known table, which is converted and thus copied several times.
const LONGEST_KNOWN: usize = 32 << 20;

const LIMITS: &[(Limit, i32)] = &[
    (Limit::SQLITE_LIMIT_LENGTH, LONGEST),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 1_000_000),
    (Limit::SQLITE_LIMIT_COLUMN, 2000),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 1000),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 500),
    (Limit::SQLITE_LIMIT_VDBE_OP, 5_000_000),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 10_000),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

const SWITCHES: &[(DbConfig, bool)] = &[
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
];

/// PRAGMAs of which a statement on the former database reads the result. A full-text index reads
/// `data_version` when it is checked.
const PRAGMAS: &[&str] = &[
    "table_xinfo",
    "index_list",
    "foreign_key_list",
    "integrity_check",
    "data_version",
    "page_count",
    "page_size",
    "freelist_count",
    "auto_vacuum",
];

/// Opens the private copy of the former database. Statements can read tables, and nothing else.
pub(crate) fn open_to_read(copy: &Path, budget: Option<Budget>) -> Result<Connection> {
    let connection = open(copy, "mode=ro&immutable=1", OpenFlags::SQLITE_OPEN_READ_ONLY, budget)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cell_size_check = ON")?;
    connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Function { .. } => {
            Authorization::Allow
        }
        AuthAction::Pragma { pragma_name, .. } if PRAGMAS.contains(&pragma_name) => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }))?;
    Ok(connection)
}

/// Opens the new database to create and fill the unknown tables, with the copy of the former one as
/// `legacy`, if it is given. It has no journal: the file is removed if the adoption fails.
pub(crate) fn open_to_fill(
    target: &Path,
    copy: Option<&Path>,
    budget: Option<Budget>,
) -> Result<Connection> {
    let connection = open(target, "mode=rw", OpenFlags::SQLITE_OPEN_READ_WRITE, budget)?;
    connection.execute_batch(
        "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;
         PRAGMA temp_store = MEMORY; PRAGMA ignore_check_constraints = ON",
    )?;
    if let Some(copy) = copy {
        let uri = format!("{}?mode=ro&immutable=1", literal_uri(copy)?);
        connection.execute("ATTACH ? AS legacy", [uri])?;
    }
    connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateView { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::CreateVtable { .. }
        | AuthAction::Recursive
        | AuthAction::Unknown { .. } => Authorization::Deny,
        _ => Authorization::Allow,
    }))?;
    Ok(connection)
}

fn open(path: &Path, mode: &str, access: OpenFlags, budget: Option<Budget>) -> Result<Connection> {
    let flags = access
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let connection = Connection::open_with_flags(format!("{}?{mode}", literal_uri(path)?), flags)?;
    for (limit, value) in LIMITS {
        connection.set_limit(*limit, *value)?;
    }
    for (switch, on) in SWITCHES {
        connection.set_db_config(*switch, *on)?;
    }
    if let Some(budget) = budget {
        connection.progress_handler(1000, Some(move || budget.is_spent()))?;
    }
    Ok(connection)
}

/// Rows of a query, whose first column is a number.
pub(crate) trait Rows {
    /// Calls `work` with each row of a query. An error names `table`.
    fn each_row(
        &self,
        table: &str,
        query: &str,
        work: impl FnMut(AnyRow) -> Result<()>,
    ) -> Result<()>;

    /// Returns all rows of a query.
    fn all_rows(&self, table: &str, query: &str) -> Result<Vec<AnyRow>> {
        let mut rows = Vec::new();
        self.each_row(table, query, |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }
}

impl Rows for Connection {
    fn each_row(
        &self,
        table: &str,
        query: &str,
        mut work: impl FnMut(AnyRow) -> Result<()>,
    ) -> Result<()> {
        let failed = |cause| fault(&format!("the table {table}"), None, cause);
        let longest = if is_known(table) { Some(LONGEST_KNOWN) } else { None };
        let mut statement = self.prepare(query).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let row = AnyRow::read(row).map_err(failed)?;
            let size = row.size();
            if longest.is_some_and(|longest| size > longest) {
                return Err(AdoptionError::TooLarge {
                    object: format!("row {} of the table {table}", row.rowid),
                    limit: format!("{LONGEST_KNOWN} bytes"),
                });
            }
            work(row)?;
        }
        Ok(())
    }
}
