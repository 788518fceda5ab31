//! The table that marks the target of an unfinished transfer.

#[cfg(feature = "postgres")]
use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::{Array, Text};

use super::objects::{columns, table_exists};
#[cfg(feature = "postgres")]
use super::owner::is_ours;
use crate::backend::DbConnection;
use crate::error::Result;

/// Name of the table that marks the target of an unfinished transfer.
pub const TRANSFER_TABLE: &str = "zenith_transfer";

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
            // Everybody who may create tables can create one of this name, and nothing would run any more.
            let query = format!(
                "array(SELECT attname::text FROM pg_attribute
                    JOIN pg_class AS c ON c.oid = attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
                    WHERE n.nspname = current_schema() AND c.relname = 'zenith_transfer'
                        AND attnum > 0 AND NOT attisdropped AND {}
                    ORDER BY attnum)",
                is_ours("c.relowner")
            );
            diesel::select(diesel::dsl::sql::<Array<Text>>(&query)).get_result(inner)?
        }
    };
    Ok(columns == ["id", "run", "state"])
}
