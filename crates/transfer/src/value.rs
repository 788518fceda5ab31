//! What the columns of any table hold, named as `schema.rs` names the types, and the canonical
//! encoding of each value.

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
pub(super) type Timestamp = UtcTime;

/// Text to the byte. SQLite stores what is not UTF-8, and BLOBs, in columns of text; Diesel would
/// read the first with replacement characters and the second as if it were text, and a copy would
/// differ unseen.
#[derive(Clone, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Text)]
pub(super) struct Text(pub(super) String);

impl FromSql<sql_types::Text, Sqlite> for Text {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        if value.value_type() != Some(SqliteType::Text) {
            return Err("a column of text holds something else".into());
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

/// A value as bytes, the same from whichever database it was read. Of two values of one column, none
/// is the beginning of another.
pub(super) trait Encode {
    fn encode(&self, out: &mut Vec<u8>);
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
        // SQLite keeps a whole number in a column of this type as an integer, which has no -0.0. Both
        // databases hold the two zeros for equal, and so does this. NaN cannot be stored.
        let bits = if *self == 0.0 { 0 } else { self.to_bits() };
        out.extend_from_slice(&bits.to_be_bytes());
    }
}

impl Encode for Text {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.0.len() as u64).to_be_bytes());
        out.extend_from_slice(self.0.as_bytes());
    }
}

impl Encode for UtcTime {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_datetime().timestamp_micros().encode(out);
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }
}
