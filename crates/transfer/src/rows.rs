//! Row types of all tables, generated from `schema.rs`: a column or a table that is added there is
//! transferred too, and a column of an unknown type does not compile.

use super::table::TransferTable;

/// Replaces Diesel's `table!`: defines the row type of a table, its queries and its encoding.
macro_rules! row {
    // Its triggers require the rows in this order.
    (audit_log (id) $columns:tt) => { row!(audit_log by seq $columns $columns); };
    ($table:ident (id) $columns:tt) => { row!($table by id $columns $columns); };
    ($table:ident by $key:ident {
        $($(#[$attribute:meta])* $column:ident -> $type:ident $(<$inner:ident>)?,)*
    } $columns:tt) => {
        pub(super) mod $table {
            use ::diesel::connection::DefaultLoadingMode;
            use ::diesel::dsl::max;
            use ::diesel::prelude::*;

            use crate::table::{Keys, RowTable, is_each_databases_own};
            use crate::value::{self, Encode};
            use crate::error::Result;
            use zenith_db::{DbConnection, dispatch};

            // With the types by which columns are stored: what is copied is bytes, whatever they mean.
            ::diesel::table! { $table (id) $columns }
            use self::$table as in_schema;

            /// Name of the table.
            pub(crate) const NAME: &str = stringify!($table);

            #[derive(Queryable, Insertable)]
            #[diesel(table_name = $table, treat_none_as_default_value = false)]
            pub(crate) struct Row {
                $(pub(crate) $column:
                    value::$type $(<value::$inner>)?,)*
            }

            /// The table.
            pub(crate) struct Table;

            impl RowTable for Table {
                type Row = Row;

                fn table(&self) -> &'static str {
                    NAME
                }

                fn key(row: &Row) -> i64 {
                    row.$key
                }

                fn encode(&self, row: &Row, out: &mut Vec<u8>) {
                    $(if !is_each_databases_own(NAME, stringify!($column)) {
                        row.$column.encode(out);
                    })*
                }

                fn column_with_nul(&self, row: &Row) -> Option<&'static str> {
                    $(if row.$column.has_nul() {
                        return Some(stringify!($column));
                    })*
                    None
                }

                fn read(
                    &self,
                    connection: &mut DbConnection,
                    keys: Keys,
                    limit: i64,
                    each: &mut dyn FnMut(Row) -> Result<()>,
                ) -> Result<()> {
                    let within = in_schema::$key.ge(*keys.start()).and(in_schema::$key.le(*keys.end()));
                    let query = in_schema::table.filter(within).order(in_schema::$key).limit(limit);
                    match connection {
                        DbConnection::Sqlite(inner) => {
                            let mut rows = query.load_iter::<Row, DefaultLoadingMode>(inner)?;
                            rows.try_for_each(|row| each(row?))
                        }
                        #[cfg(feature = "postgres")]
                        DbConnection::Postgres(inner) => {
                            use ::diesel::pg::PgRowByRowLoadingMode;
                            let mut rows = query.load_iter::<Row, PgRowByRowLoadingMode>(inner)?;
                            rows.try_for_each(|row| each(row?))
                        }
                    }
                }

                fn write(&self, connection: &mut DbConnection, rows: &[Row]) -> Result<()> {
                    match connection {
                        DbConnection::Sqlite(inner) => {
                            for row in rows {
                                ::diesel::insert_into(in_schema::table).values(row).execute(inner)?;
                            }
                        }
                        #[cfg(feature = "postgres")]
                        DbConnection::Postgres(inner) => {
                            ::diesel::copy_from(in_schema::table)
                                .from_insertable(rows)
                                .execute(inner)?;
                        }
                    }
                    Ok(())
                }

                fn delete_all(&self, connection: &mut DbConnection) -> Result<()> {
                    dispatch!(connection, |inner| ::diesel::delete(in_schema::table).execute(inner))?;
                    Ok(())
                }

                fn rows(&self, connection: &mut DbConnection) -> Result<i64> {
                    Ok(dispatch!(connection, |inner| in_schema::table.count().get_result(inner))?)
                }

                fn greatest_id(&self, connection: &mut DbConnection) -> Result<Option<i64>> {
                    let last = in_schema::table.select(max(in_schema::id));
                    Ok(dispatch!(connection, |inner| last.get_result(inner))?)
                }
            }
        }
    };
}

/// Replaces Diesel's `allow_tables_to_appear_in_same_query!`, which lists the tables.
macro_rules! list {
    ($($table:ident,)*) => {
        /// Every table, sorted by name.
        pub(super) static ALL: &[&dyn TransferTable] = &[$(&$table::Table,)*];
    };
}

macro_rules! nothing {
    ($($ignored:tt)*) => {};
}

/// Macros under the names that `schema.rs` uses.
mod diesel {
    pub(super) use {
        list as allow_tables_to_appear_in_same_query, nothing as joinable, row as table,
    };
}

include!(env!("ZENITH_DB_SCHEMA"));

/// Name of the table with the history of migrations, which is not copied row by row.
pub(super) const HISTORY: &str = schema_version::NAME;
