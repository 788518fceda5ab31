//! `ToSql` for types that are stored as text, for each backend.

/// Implements `ToSql` for a type whose text is computed: as the SQL type by which it is stored, of which the
/// multi-backend connection wants a value, and as itself.
///
/// Each backend takes owned values in its own way, so this cannot be one generic implementation.
/// The last argument is the value for PostgreSQL, where that is not text.
macro_rules! to_sql_as_text {
    ($type:ty, $sql_type:ty, |$value:ident| $text:expr) => {
        $crate::types::stored_text::to_sql_as_text!($type, $sql_type, |$value| $text, $text);
    };
    ($type:ty, $sql_type:ty, |$value:ident| $text:expr, $stored:expr) => {
        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<$type, DB> for $type
        where
            Self: diesel::serialize::ToSql<$sql_type, DB>,
        {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, DB>,
            ) -> diesel::serialize::Result {
                diesel::serialize::ToSql::<$sql_type, DB>::to_sql(self, out)
            }
        }

        impl diesel::serialize::ToSql<$sql_type, diesel::sqlite::Sqlite> for $type {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::sqlite::Sqlite>,
            ) -> diesel::serialize::Result {
                let $value = self;
                out.set_value($text);
                Ok(diesel::serialize::IsNull::No)
            }
        }

        #[cfg(feature = "postgres")]
        impl diesel::serialize::ToSql<$sql_type, diesel::pg::Pg> for $type {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                let $value = self;
                let stored = $stored;
                diesel::serialize::ToSql::<$sql_type, diesel::pg::Pg>::to_sql(
                    &stored,
                    &mut out.reborrow(),
                )
            }
        }

        impl diesel::serialize::ToSql<$sql_type, crate::backend::MultiBackend> for $type {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, crate::backend::MultiBackend>,
            ) -> diesel::serialize::Result {
                out.set_value((<$sql_type>::default(), self));
                Ok(diesel::serialize::IsNull::No)
            }
        }
    };
}
pub(super) use to_sql_as_text;
