//! The table that marks the target of an unfinished transfer.

#[cfg(feature = "postgres")]
use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::{Array, Text};

use super::objects::{columns, table_exists};
use crate::backend::DbConnection;
use crate::error::Result;

/// Name of the table that marks the target of an unfinished transfer.
pub const TRANSFER_TABLE: &str = "zenith_transfer";

/// Columns of that table on a server. It counts if it belongs to the user, to whom the ledger belongs, or to somebody who
/// could do anything in the schema: everybody who may create tables there can create one of this name, and nothing
/// would run any more.
#[cfg(feature = "postgres")]
const TRANSFER_COLUMNS: &str = "array(
    SELECT attname::text FROM pg_attribute
    JOIN pg_class AS c ON c.oid = attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relname = 'zenith_transfer' AND attnum > 0 AND NOT attisdropped
        AND (pg_has_role(c.relowner, n.nspowner, 'MEMBER')
            OR c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
            OR c.relowner = (SELECT ledger.relowner FROM pg_class AS ledger
                WHERE ledger.relnamespace = n.oid AND ledger.relname = '__diesel_schema_migrations'))
    ORDER BY attnum)";

/// Whether the database has that table. An application may have one of the same name with other columns.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn has_transfer_table(connection: &mut DbConnection) -> Result<bool> {
    if !table_exists(connection, TRANSFER_TABLE)? {
        return Ok(false);
    }
    let columns = match connection {
        DbConnection::Sqlite(inner) => columns(inner, TRANSFER_TABLE)?,
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(inner) => {
            let names = diesel::dsl::sql::<Array<Text>>(TRANSFER_COLUMNS);
            diesel::select(names).get_result(inner)?
        }
    };
    Ok(columns == ["id", "run", "state"])
}
