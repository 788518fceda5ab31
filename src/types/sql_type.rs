//! Rust types that are SQL types too, so that a column of a [`UserId`](super::UserId) compares with nothing but users'
//! keys.

/// Makes a type a SQL type, stored as `$base`, which it can be read from and written to: `FromSql<$type, _>` and
/// `ToSql<$type, _>` are for the caller to implement.
macro_rules! sql_type {
    ($type:ident over $base:ident $(, $ordered:ident)?) => {
        impl diesel::sql_types::SqlType for $type {
            type IsNull = diesel::sql_types::is_nullable::NotNull;
        }

        impl diesel::sql_types::SingleValue for $type {}

        impl diesel::query_builder::QueryId for $type {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        $crate::types::sql_type::stored_as!($type, $base, diesel::sqlite::Sqlite);
        #[cfg(feature = "postgres")]
        $crate::types::sql_type::stored_as!($type, $base, diesel::pg::Pg);

        impl diesel::sql_types::HasSqlType<$type> for $crate::backend::MultiBackend {
            fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
                Self::lookup_sql_type::<$type>(lookup)
            }
        }

        $($crate::types::sql_type::$ordered!($type);)?
    };
}

/// Gives a SQL type an order, for `max` and `min`.
macro_rules! ordered {
    ($type:ident) => {
        impl diesel::sql_types::SqlOrd for $type {}
    };
}

macro_rules! stored_as {
    ($type:ident, $base:ident, $backend:ty) => {
        impl diesel::sql_types::HasSqlType<$type> for $backend {
            fn metadata(
                lookup: &mut Self::MetadataLookup,
            ) -> <Self as diesel::sql_types::TypeMetadata>::TypeMetadata {
                <Self as diesel::sql_types::HasSqlType<$base>>::metadata(lookup)
            }
        }
    };
}

pub(super) use {ordered, sql_type, stored_as};
