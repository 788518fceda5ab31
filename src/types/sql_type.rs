//! Rust types that are SQL types too, so that a column of a [`UserId`](super::UserId) compares with nothing but users'
//! keys.

/// Makes a type a SQL type, stored as `$base`, which it can be read from and written to: `FromSql<$type, _>` and
/// `ToSql<$type, _>` are for the caller to implement.
#[doc(hidden)]
#[macro_export]
macro_rules! __sql_type {
    ($type:ident over $base:ident $(, $ordered:ident)?) => {
        impl $crate::diesel::sql_types::SqlType for $type {
            type IsNull = $crate::diesel::sql_types::is_nullable::NotNull;
        }

        impl $crate::diesel::sql_types::SingleValue for $type {}

        impl $crate::diesel::query_builder::QueryId for $type {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        $crate::__stored_as!($type, $base, $crate::diesel::sqlite::Sqlite);
        $crate::__stored_on_postgres!($type, $base);

        impl $crate::diesel::sql_types::HasSqlType<$type> for $crate::MultiBackend {
            fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
                Self::lookup_sql_type::<$type>(lookup)
            }
        }

        $($crate::__sql_order!($type, $ordered);)?
    };
}

/// Gives a SQL type an order, for `max` and `min`.
#[doc(hidden)]
#[macro_export]
macro_rules! __sql_order {
    ($type:ident, ordered) => {
        impl $crate::diesel::sql_types::SqlOrd for $type {}
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __stored_as {
    ($type:ident, $base:ident, $backend:ty) => {
        impl $crate::diesel::sql_types::HasSqlType<$type> for $backend {
            fn metadata(
                lookup: &mut <Self as $crate::diesel::sql_types::TypeMetadata>::MetadataLookup,
            ) -> <Self as $crate::diesel::sql_types::TypeMetadata>::TypeMetadata {
                <Self as $crate::diesel::sql_types::HasSqlType<$crate::diesel::sql_types::$base>>::metadata(
                    lookup,
                )
            }
        }
    };
}

// The feature is this crate's: that of the calling crate may have another name.
#[cfg(feature = "postgres")]
#[doc(hidden)]
#[macro_export]
macro_rules! __stored_on_postgres {
    ($type:ident, $base:ident) => {
        $crate::__stored_as!($type, $base, $crate::diesel::pg::Pg);
    };
}

#[cfg(not(feature = "postgres"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __stored_on_postgres {
    ($type:ident, $base:ident) => {};
}

pub(super) use crate::__sql_type as sql_type;
