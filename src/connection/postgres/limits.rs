//! The limits of an operator's work on a server.

use std::fmt::Write as _;

use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::config::ServerOptions;
use crate::error::Result;

/// Returns statements that begin with `set`, for the form in which this program writes texts and reads names.
pub(super) fn language(set: &str) -> String {
    format!("{set} standard_conforming_strings = on; {set} quote_all_identifiers = off;")
}

/// Whether the server has the setting `transaction_timeout`, as PostgreSQL 17 and later.
pub(in crate::connection) fn limits_transactions(connection: &mut PgConnection) -> Result<bool> {
    let query = "pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL";
    Ok(diesel::select(diesel::dsl::sql::<Bool>(query)).get_result(connection)?)
}

/// Returns the limits of an operator's work, as statements that begin with `set`. Where policies hide rows from the user,
/// they fail: an operator's work is about all rows, and a policy of another's table runs functions of that owner.
pub(super) fn operator_limits(
    set: &str,
    options: &ServerOptions,
    limits_transactions: bool,
) -> String {
    // To PostgreSQL, 0 is without end; to this setting, as on SQLite, it is not at all.
    let lock_timeout = options.lock_timeout.as_millis().max(1);
    let mut limits = format!(
        "{} {set} row_security = off; {set} statement_timeout = 0; {set} idle_in_transaction_session_timeout = 0; \
         {set} idle_session_timeout = 0; {set} lock_timeout = {lock_timeout};",
        language(set)
    );
    if limits_transactions {
        let _ = write!(limits, "{set} transaction_timeout = 0;");
    }
    limits
}
