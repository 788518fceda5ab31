//! Servers, databases and users that take no writes.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};

use crate::config::ServerUrl;
use crate::error::{Error, Result};

/// The settings of the user in the database `$1`, in the order in which they take precedence over each other. Those of
/// the connection take precedence over all.
const READ_ONLY: &str = "
    SELECT pg_is_in_recovery() AS is_replica, coalesce((
        SELECT split_part(setting, '=', 2)::bool FROM pg_db_role_setting, unnest(setconfig) AS setting
        WHERE split_part(setting, '=', 1) = s.name AND s.source <> 'client'
            AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = coalesce($1, current_database())))
            AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))
        ORDER BY setrole = 0, setdatabase = 0 LIMIT 1), current_setting(s.name)::bool) AS is_read_only
    FROM pg_settings AS s WHERE name = 'default_transaction_read_only'";

#[derive(QueryableByName)]
struct ReadOnly {
    #[diesel(sql_type = Bool)]
    is_replica: bool,
    #[diesel(sql_type = Bool)]
    is_read_only: bool,
}

/// Refuses a server that is a replica, and a database or user whose transactions only read by default. `connection` may
/// be one to another database of the server, because that of `url` may not exist, or nobody may be connected to it.
///
/// # Errors
/// [`Error::ReadOnly`].
pub(super) fn ensure_writable(connection: &mut PgConnection, url: &ServerUrl) -> Result<()> {
    let query = diesel::sql_query(READ_ONLY).bind::<Nullable<Text>, _>(url.database());
    let ReadOnly { is_replica, is_read_only } = query.get_result(connection)?;
    refuse(url, is_replica, is_read_only)
}

/// Returns an error if one of these holds for the database.
pub(super) fn refuse(url: &ServerUrl, is_replica: bool, is_read_only: bool) -> Result<()> {
    fault(is_replica, is_read_only)
        .map_or(Ok(()), |reason| Err(Error::ReadOnly { database: url.to_string(), reason }))
}

/// Returns the reason why a server takes no writes, if one of these holds.
pub(super) const fn fault(is_replica: bool, is_read_only: bool) -> Option<&'static str> {
    match (is_replica, is_read_only) {
        (true, _) => Some("it is a replica; give the URL of the primary"),
        (false, true) => Some("default_transaction_read_only is on for this database or user"),
        (false, false) => None,
    }
}
