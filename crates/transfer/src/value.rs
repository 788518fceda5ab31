//! Values of columns, under the names of the types in `schema.rs`, and their canonical encoding.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types;
use diesel::sqlite::{Sqlite, SqliteType};
use zenith_db::types::UtcTime;

pub(super) type BigInt = i64;
pub(super) type Bool = bool;
pub(super) type Double = f64;
pub(super) type Integer = i32;
pub(super) type Nullable<T> = Option<T>;

/// Text that is read byte by byte. A text column of SQLite can hold invalid UTF-8 and BLOBs. Diesel
/// would read the former with replacement characters and the latter as text, and the copy would differ
/// without an error.
#[derive(Clone, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Text)]
pub(super) struct Text(pub(super) String);

impl FromSql<sql_types::Text, Sqlite> for Text {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        if value.value_type() != Some(SqliteType::Text) {
            return Err("a text column holds a value of another type".into());
        }
        let text = std::str::from_utf8(value.read_blob())?;
        Ok(Self(text.to_owned()))
    }
}

#[cfg(feature = "postgres")]
impl FromSql<sql_types::Text, diesel::pg::Pg> for Text {
    fn from_sql(value: <diesel::pg::Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <String as FromSql<sql_types::Text, diesel::pg::Pg>>::from_sql(value).map(Self)
    }
}

impl<DB: Backend> ToSql<sql_types::Text, DB> for Text
where
    str: ToSql<sql_types::Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.as_str().to_sql(out)
    }
}

/// Time, in a column of the type by which times are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Timestamp)]
pub(super) struct Timestamp(UtcTime);

impl<DB: Backend> FromSql<sql_types::Timestamp, DB> for Timestamp
where
    UtcTime: FromSql<UtcTime, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        UtcTime::from_sql(value).map(Self)
    }
}

impl<DB: Backend> ToSql<sql_types::Timestamp, DB> for Timestamp
where
    UtcTime: ToSql<UtcTime, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        <UtcTime as ToSql<UtcTime, DB>>::to_sql(&self.0, out)
    }
}

/// Encoding of a value as bytes, which does not depend on the backend. No encoded value of a column is
/// a prefix of another value of that column.
pub(super) trait Encode {
    /// Appends the encoded value.
    fn encode(&self, out: &mut Vec<u8>);

    /// Whether it is a text with the character NUL.
    fn has_nul(&self) -> bool {
        false
    }
}

impl Encode for i64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
}

impl Encode for i32 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
}

impl Encode for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl Encode for f64 {
    fn encode(&self, out: &mut Vec<u8>) {
        // SQLite stores a whole number in a column of this type as an integer, which has no -0.0. Both
        // backends treat the two zeros as equal, and so does this encoding. NaN cannot be stored.
        let bits = if *self == 0.0 { 0 } else { self.to_bits() };
        out.extend_from_slice(&bits.to_be_bytes());
    }
}

impl Encode for Text {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.0.len() as u64).to_be_bytes());
        out.extend_from_slice(self.0.as_bytes());
    }

    fn has_nul(&self) -> bool {
        self.0.contains('\0')
    }
}

impl Encode for Timestamp {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.as_datetime().timestamp_micros().encode(out);
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }

    fn has_nul(&self) -> bool {
        self.as_ref().is_some_and(T::has_nul)
    }
}
