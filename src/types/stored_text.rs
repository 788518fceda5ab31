//! Writing a value that is text in the database but not in memory, once for each backend.

/// `ToSql<Text, _>` for a type whose text form is made on the fly by `Display`.
///
/// Each backend takes owned text in its own way, so this cannot be one generic implementation.
macro_rules! to_sql_as_text {
    ($type:ty, $sql_type:ty, |$value:ident| $text:expr) => {
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

        impl diesel::serialize::ToSql<$sql_type, crate::connection::MultiBackend> for $type {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, crate::connection::MultiBackend>,
            ) -> diesel::serialize::Result {
                out.set_value((<$sql_type>::default(), self));
                Ok(diesel::serialize::IsNull::No)
            }
        }
    };
}
pub(super) use to_sql_as_text;
