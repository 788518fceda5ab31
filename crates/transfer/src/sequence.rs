//! Last key that a table's sequence has generated. The key of a deleted row is never generated again.

#[cfg(feature = "postgres")]
use diesel::dsl::sql;
use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::{BigInt, Nullable, Text};
use zenith_db::DbConnection;
use zenith_db::internal::catalog::literal;
#[cfg(feature = "postgres")]
use zenith_db::internal::catalog::table_path;

use super::error::Result;
use super::table::TransferTable;

diesel::table! {
    /// SQLite's table of `AUTOINCREMENT` keys.
    sqlite_sequence (name) {
        /// Name of the table.
        name -> Text,
        /// Last generated key.
        seq -> BigInt,
    }
}

/// Returns the last key of a table: the last generated one or the greatest existing one.
pub(super) fn last_key(
    connection: &mut DbConnection,
    table: &dyn TransferTable,
) -> Result<Option<i64>> {
    let given: Option<i64> = match connection {
        DbConnection::Sqlite(inner) => sqlite_sequence::table
            .filter(sqlite_sequence::name.eq(table.name()))
            .select(sqlite_sequence::seq)
            .get_result(inner)
            .optional()?,
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(_) => {
            let path = table_path(connection, table.name())?;
            let last = sql::<Nullable<BigInt>>("pg_sequence_last_value(pg_get_serial_sequence(")
                .bind::<Text, _>(path)
                .sql(", 'id')::regclass)");
            diesel::select(last).get_result(connection.postgres()?)?
        }
    };
    Ok(given.max(table.last_id(connection)?))
}

/// Sets the last generated key of a table. `None` means that no key has been generated.
pub(super) fn continue_after(
    connection: &mut DbConnection,
    table: &dyn TransferTable,
    last: Option<i64>,
) -> Result<()> {
    match connection {
        DbConnection::Sqlite(inner) => {
            if !has_sequence(inner, table)? {
                return Ok(());
            }
            // Copying the rows has set it already.
            diesel::delete(sqlite_sequence::table.filter(sqlite_sequence::name.eq(table.name())))
                .execute(inner)?;
            if let Some(last) = last {
                let row = (sqlite_sequence::name.eq(table.name()), sqlite_sequence::seq.eq(last));
                diesel::insert_into(sqlite_sequence::table).values(row).execute(inner)?;
            }
        }
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(_) => {
            let path = table_path(connection, table.name())?;
            // A sequence begins at 1; `false` means that 1 has not been generated yet.
            let last = last.filter(|last| *last >= 1);
            let set = sql::<Nullable<BigInt>>("setval(pg_get_serial_sequence(")
                .bind::<Text, _>(path)
                .sql(", 'id')::regclass, ")
                .bind::<BigInt, _>(last.unwrap_or(1))
                .sql(if last.is_some() { ", true)" } else { ", false)" });
            diesel::select(set).execute(connection.postgres()?)?;
        }
    }
    Ok(())
}

/// Whether the key of a table of SQLite is `AUTOINCREMENT`; that of an application's table may not be.
fn has_sequence(connection: &mut SqliteConnection, table: &dyn TransferTable) -> Result<bool> {
    let query = format!(
        "(SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = {}
            AND sql LIKE '%AUTOINCREMENT%')",
        literal(table.name())
    );
    let found: i64 = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(&query))
        .get_result(connection)?;
    Ok(found > 0)
}
