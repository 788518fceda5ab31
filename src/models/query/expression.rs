//! Expressions that many queries have. Macros, because their types are as long as the queries.

/// The row of `Self` for which every condition holds, or `None`.
///
/// There is no LIMIT, which SQLite would prepare anew each time: the conditions name a unique index.
macro_rules! find_one {
    ($connection:expr, $table:ident, $($condition:expr),+ $(,)?) => {
        Ok($crate::dispatch!($connection, |connection| $table::table
            .select(Self::as_select())
            $(.filter($condition))+
            .get_result(connection)
            .optional())?)
    };
}

/// The time, or the column's where that is later: another machine's clock may be ahead, and an end
/// is never before its start.
macro_rules! not_before {
    ($column:expr, $time:expr) => {{
        use diesel::sql_types::{Nullable, Timestamp};
        let time: $crate::types::UtcTime = $time;
        diesel::dsl::case_when($column.gt(time), $column.nullable())
            .otherwise(time.into_sql::<Nullable<Timestamp>>())
    }};
}

pub(in crate::models) use {find_one, not_before};
