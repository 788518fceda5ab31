//! Expressions that many queries have. They are macros, because their types are as long as the
//! queries.

/// Returns the row of `Self` for which every condition holds, or `None`.
///
/// There is no LIMIT, which SQLite would prepare again each time: the conditions name a unique
/// index.
macro_rules! find_one {
    ($connection:expr, $table:ident, $($condition:expr),+ $(,)?) => {
        Ok($crate::dispatch!($connection, |connection| $table::table
            .select(Self::as_select())
            $(.filter($condition))+
            .get_result(connection)
            .optional())?)
    };
}

/// The later of the column's value and the time: the clock of another machine may be ahead, and an
/// end must not be before its start.
macro_rules! not_before {
    ($column:expr, $time:expr) => {{
        use diesel::sql_types::Nullable;
        let time: $crate::types::UtcTime = $time;
        diesel::dsl::case_when($column.gt(time), $column.nullable())
            .otherwise(time.into_sql::<Nullable<$crate::types::UtcTime>>())
    }};
}

pub(in crate::models) use {find_one, not_before};
