//! Servers, databases and users that take no writes.

use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::config::ServerUrl;
use crate::error::{Error, Result};

const READ_ONLY: &str = "SELECT pg_is_in_recovery() AS is_replica,
    current_setting('default_transaction_read_only')::bool AS is_read_only";

#[derive(QueryableByName)]
struct ReadOnly {
    #[diesel(sql_type = Bool)]
    is_replica: bool,
    #[diesel(sql_type = Bool)]
    is_read_only: bool,
}

/// Refuses a server that is a replica, and a user whose transactions only read by default in the database of `connection`.
/// What the database of `url` has set counts only if that is the one: another may take its place.
///
/// # Errors
/// [`Error::ReadOnly`].
pub(super) fn ensure_writable(connection: &mut PgConnection, url: &ServerUrl) -> Result<()> {
    let ReadOnly { is_replica, is_read_only } =
        diesel::sql_query(READ_ONLY).get_result(connection)?;
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
        (false, true) => Some(
            "default_transaction_read_only is on for this database or user; \
             PGOPTIONS='-c default_transaction_read_only=off' overrides it for a command",
        ),
        (false, false) => None,
    }
}
