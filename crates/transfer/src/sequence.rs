//! The last key that a table has given out. A key is never used again, though its row be deleted.

#[cfg(feature = "postgres")]
use diesel::dsl::sql;
use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::{BigInt, Nullable, Text};
use zenith_db::DbConnection;

use super::error::Result;
use super::table::Table;

diesel::table! {
    /// SQLite's own.
    sqlite_sequence (name) {
        /// The table.
        name -> Text,
        /// The last key.
        seq -> BigInt,
    }
}

/// The last key of the table: given out by its sequence, or chosen by whoever inserted the row.
pub(super) fn last_key(connection: &mut DbConnection, table: &dyn Table) -> Result<Option<i64>> {
    let given: Option<i64> = match connection {
        DbConnection::Sqlite(inner) => sqlite_sequence::table
            .filter(sqlite_sequence::name.eq(table.name()))
            .select(sqlite_sequence::seq)
            .get_result(inner)
            .optional()?,
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(inner) => {
            let last = sql::<Nullable<BigInt>>("pg_sequence_last_value(pg_get_serial_sequence(")
                .bind::<Text, _>(table.name())
                .sql(", 'id')::regclass)");
            diesel::select(last).get_result(inner)?
        }
    };
    Ok(given.max(table.last_id(connection)?))
}

/// Makes the next key follow this one.
pub(super) fn continue_after(
    connection: &mut DbConnection,
    table: &dyn Table,
    last: Option<i64>,
) -> Result<()> {
    match connection {
        DbConnection::Sqlite(inner) => {
            // SQLite has its own idea, from the rows that were copied.
            diesel::delete(sqlite_sequence::table.filter(sqlite_sequence::name.eq(table.name())))
                .execute(inner)?;
            if let Some(last) = last {
                let row = (sqlite_sequence::name.eq(table.name()), sqlite_sequence::seq.eq(last));
                diesel::insert_into(sqlite_sequence::table).values(row).execute(inner)?;
            }
        }
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(inner) => {
            // Its sequences begin at 1, and have given out nothing until told otherwise.
            let last = last.filter(|last| *last >= 1);
            let set = sql::<BigInt>("setval(pg_get_serial_sequence(")
                .bind::<Text, _>(table.name())
                .sql(", 'id')::regclass, ")
                .bind::<BigInt, _>(last.unwrap_or(1))
                .sql(if last.is_some() { ", true)" } else { ", false)" });
            diesel::select(set).execute(inner)?;
        }
    }
    Ok(())
}
