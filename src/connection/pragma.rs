//! SQLite's settings of a connection. Each is read back after it is set, because SQLite silently
//! ignores what it does not accept.

use std::fmt::Display;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::access::Access;
use super::lock_owner;
use crate::config::SqliteOptions;
use crate::error::{Error, Result};
use crate::locks::Wanted;

/// Configures a connection for `access`.
pub(super) fn configure(
    connection: &mut SqliteConnection,
    options: &SqliteOptions,
    access: Access,
) -> Result<()> {
    // First, so that everything after it waits for locks instead of failing.
    set(connection, "busy_timeout", options.busy_timeout.as_millis(), "timeout")?;
    set_flag(connection, "foreign_keys", options.foreign_keys)?;
    // Views, triggers and checks of a hostile database file may not call functions with side effects.
    set_flag(connection, "trusted_schema", false)?;
    set_flag(connection, "cell_size_check", true)?;
    // REPLACE then fires delete triggers: audit_log stays append-only.
    set_flag(connection, "recursive_triggers", true)?;
    set(connection, "cache_size", options.cache_size, "cache_size")?;
    set(connection, "temp_store", 2, "temp_store")?;
    if access.writes() {
        set_journal_mode(connection, options)?;
        set(connection, "synchronous", options.synchronous.level(), "synchronous")?;
        set_flag(connection, "secure_delete", true)?;
        set(connection, "journal_size_limit", LOG_SIZE_LIMIT, "journal_size_limit")?;
    } else {
        set_flag(connection, "query_only", true)?;
    }
    Ok(())
}

/// Size in bytes to which a write-ahead log that grew is cut back when it is begun anew.
///
/// SQLite otherwise keeps the largest size that the log ever had. It begins the log anew after about
/// 1,000 pages (4 MB) if no reader needs the old ones. Four times that leaves ordinary logs alone, which
/// would otherwise be cut and extended again and again, and is little beside a database.
const LOG_SIZE_LIMIT: u64 = 16 * 1024 * 1024;

/// Forbids or allows writes on a connection.
///
/// # Errors
/// [`Error::Pragma`] if SQLite does not accept the setting.
pub fn set_query_only(connection: &mut SqliteConnection, on: bool) -> Result<()> {
    set_flag(connection, "query_only", on)
}

fn set_flag(connection: &mut SqliteConnection, pragma: &'static str, on: bool) -> Result<()> {
    set(connection, pragma, i32::from(on), pragma)
}

fn set(
    connection: &mut SqliteConnection,
    pragma: &'static str,
    value: impl Display,
    column: &str,
) -> Result<()> {
    let wanted = value.to_string();
    connection.batch_execute(&format!("PRAGMA {pragma} = {wanted}"))?;
    let found = read(connection, pragma, column)?;
    if found == wanted { Ok(()) } else { Err(Error::Pragma { pragma, wanted, found }) }
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
    let wanted = if options.wal { "wal" } else { "delete" };
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
                return Err(Error::Pragma { pragma: "journal_mode", wanted, found });
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
