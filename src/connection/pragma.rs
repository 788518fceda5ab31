//! SQLite's settings of a connection. Each is read back after it is set, because SQLite silently
//! ignores what it does not accept.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::access::Access;
use super::lock_owner;
use crate::config::SqliteOptions;
#[cfg(doc)]
use crate::error::Error;
use crate::error::{PragmaFault, Result};
use crate::locks::Wanted;

/// Setting of a connection: its name, its value, and the column in which SQLite shows it.
type Setting = (&'static str, String, &'static str);

/// Returns the settings of a connection, other than the journal mode, which is the file's.
fn settings(options: &SqliteOptions, access: Access) -> Vec<Setting> {
    let flag = |name, on| (name, i32::from(on).to_string(), name);
    let mut settings = vec![
        // First, so that everything after it waits for locks instead of failing.
        ("busy_timeout", options.busy_timeout.as_millis().to_string(), "timeout"),
        ("locking_mode", "normal".to_owned(), "locking_mode"),
        flag("foreign_keys", options.foreign_keys),
        // Views, triggers and checks of a hostile database file may not call functions with side effects.
        flag("trusted_schema", false),
        flag("cell_size_check", true),
        // REPLACE then fires delete triggers: audit_log stays append-only.
        flag("recursive_triggers", true),
        flag("ignore_check_constraints", false),
        flag("writable_schema", false),
        ("cache_size", options.cache_size.to_string(), "cache_size"),
        ("temp_store", 2.to_string(), "temp_store"),
        // A reader may make checkpoints.
        ("synchronous", options.synchronous.level().to_string(), "synchronous"),
    ];
    settings.extend(if access.writes() {
        let limit = ("journal_size_limit", LOG_SIZE_LIMIT.to_string(), "journal_size_limit");
        vec![flag("query_only", false), flag("secure_delete", true), limit]
    } else {
        vec![flag("query_only", true)]
    });
    settings
}

/// Configures a connection for `access`.
pub(super) fn configure(
    connection: &mut SqliteConnection,
    options: &SqliteOptions,
    access: Access,
) -> Result<()> {
    for (pragma, wanted, column) in settings(options, access) {
        set(connection, pragma, &wanted, column)?;
    }
    if access.writes() { set_journal_mode(connection, options) } else { Ok(()) }
}

/// Fails if a setting is another than [`configure`] has made it, or if there is what it has not made.
///
/// # Errors
/// [`Error::Pragma`]
pub(super) fn ensure_configured(
    connection: &mut SqliteConnection,
    options: &SqliteOptions,
    access: Access,
) -> Result<()> {
    let journal_mode = || ("journal_mode", journal_mode(options).to_owned(), "journal_mode");
    let of_file = access.writes().then(journal_mode);
    for (pragma, wanted, column) in settings(options, access).into_iter().chain(of_file) {
        let found = read(connection, pragma, column)?;
        if found != wanted {
            return Err(PragmaFault::Changed { pragma, wanted, found }.into());
        }
    }
    let left: Option<Left> = diesel::sql_query(LEFT).get_result(connection).optional()?;
    left.map_or(Ok(()), |Left { name }| Err(PragmaFault::Left { name }.into()))
}

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Databases that a closure has attached, and what it has created for the connection: a temporary table stands for one
/// of its name.
const LEFT: &str = "SELECT name FROM temp.sqlite_schema
        WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name <> 'zenith_shared_transaction'
    UNION ALL SELECT name FROM temp.pragma_database_list WHERE name NOT IN ('main', 'temp') LIMIT 1";

const fn journal_mode(options: &SqliteOptions) -> &'static str {
    if options.wal { "wal" } else { "delete" }
}

/// Size in bytes to which a write-ahead log that grew is cut back when it is begun anew.
///
/// SQLite otherwise keeps the largest size that the log ever had. It begins the log anew after about
/// 1,000 pages (4 MB) if no reader needs the old ones. Four times that leaves ordinary logs alone, which
/// would otherwise be cut and extended again and again, and is little beside a database.
const LOG_SIZE_LIMIT: u64 = 16 * 1024 * 1024;

/// Size in bytes that a write-ahead log has only if something keeps it from being begun anew.
pub(crate) const MOST_BYTES: u64 = 2 * LOG_SIZE_LIMIT;

/// Forbids or allows writes on a connection.
///
/// # Errors
/// [`Error::Pragma`] if SQLite does not accept the setting.
pub fn set_query_only(connection: &mut SqliteConnection, on: bool) -> Result<()> {
    set(connection, "query_only", &i32::from(on).to_string(), "query_only")
}

fn set(
    connection: &mut SqliteConnection,
    pragma: &'static str,
    wanted: &str,
    column: &str,
) -> Result<()> {
    connection.batch_execute(&format!("PRAGMA {pragma} = {wanted}"))?;
    let found = read(connection, pragma, column)?;
    if found == wanted {
        Ok(())
    } else {
        Err(PragmaFault::NotAccepted { pragma, wanted: wanted.to_owned(), found }.into())
    }
}

/// Returns the value of a PRAGMA as text.
///
/// # Errors
/// [`Error::Query`] if the PRAGMA does not exist.
pub fn read(connection: &mut SqliteConnection, pragma: &str, column: &str) -> Result<String> {
    let query = format!("(SELECT CAST({column} AS TEXT) FROM temp.pragma_{pragma})");
    Ok(diesel::select(sql::<Text>(&query)).get_result(connection)?)
}

/// Sets the journal mode. It waits for locks itself, because changing the mode ignores
/// `busy_timeout`.
fn set_journal_mode(connection: &mut SqliteConnection, options: &SqliteOptions) -> Result<()> {
    let wanted = journal_mode(options);
    let begun = Instant::now();
    loop {
        let found = match read(connection, "journal_mode", "journal_mode") {
            Ok(mode) if mode == wanted => return Ok(()),
            _ => connection.batch_execute(&format!("PRAGMA journal_mode = {wanted}")),
        };
        match found {
            Err(source) if !is_busy(&source) => return Err(source.into()),
            Err(source) if begun.elapsed() >= options.busy_timeout => {
                let action = "setting the journal mode (DATABASE_WAL_MODE)";
                return Err(lock_owner::locked(
                    connection,
                    Wanted::Exclusive,
                    action,
                    begun,
                    source,
                ));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
            // In-memory and some network file systems answer with another mode and no error.
            Ok(()) => {
                let found = read(connection, "journal_mode", "journal_mode")?;
                if found == wanted {
                    return Ok(());
                }
                let wanted = wanted.to_owned();
                return Err(
                    PragmaFault::NotAccepted { pragma: "journal_mode", wanted, found }.into()
                );
            }
        }
    }
}

/// Whether the error is another connection's lock. Diesel keeps SQLite's message, not its code.
#[must_use]
pub fn is_busy(error: &diesel::result::Error) -> bool {
    matches!(
        error,
        diesel::result::Error::DatabaseError(_, info) if info.message().contains("is locked")
    )
}
