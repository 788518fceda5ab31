//! Text of a column to which other programs may write, read without failing.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::sql_types::{Binary, Nullable, Text};
use diesel::sqlite::Sqlite;

use crate::backend::MultiBackend;

/// Text in which bytes that are not UTF-8 are replaced by U+FFFD. SQLite does not check what it stores as
/// text, and no `CHECK` can.
#[derive(Debug, FromSqlRow)]
pub struct LossyText(String);

impl FromSql<Text, Sqlite> for LossyText {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|invalid| String::from_utf8_lossy(invalid.as_bytes()).into_owned());
        Ok(Self(text))
    }
}

#[cfg(feature = "postgres")]
impl FromSql<Text, diesel::pg::Pg> for LossyText {
    fn from_sql(value: <diesel::pg::Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <String as FromSql<Text, diesel::pg::Pg>>::from_sql(value).map(Self)
    }
}

impl FromSql<Text, MultiBackend> for LossyText {
    fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, Text>()
    }
}

impl From<LossyText> for String {
    fn from(text: LossyText) -> Self {
        text.0
    }
}

/// [`LossyText`] or NULL.
#[derive(Debug, FromSqlRow)]
pub struct OptionalLossyText(Option<String>);

impl<DB> FromSql<Nullable<Text>, DB> for OptionalLossyText
where
    DB: Backend,
    LossyText: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        LossyText::from_sql(value).map(|text| Self(Some(text.into())))
    }

    fn from_nullable_sql(value: Option<DB::RawValue<'_>>) -> deserialize::Result<Self> {
        value.map_or(Ok(Self(None)), Self::from_sql)
    }
}

impl From<OptionalLossyText> for Option<String> {
    fn from(text: OptionalLossyText) -> Self {
        text.0
    }
}
