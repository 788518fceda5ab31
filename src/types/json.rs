//! JSON columns, with a Rust type for their content.

use std::fmt::Debug;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::backend::MultiBackend;

/// Value that is stored as JSON text.
///
/// `T` is the type of the content where it is known (`Json<Vec<String>>` for tags), and
/// [`serde_json::Value`] where it is not. Reading JSON that does not fit `T` is an error,
/// which gives the position of the fault. JSON nested more than 127 levels deep cannot be written.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = Text)]
#[serde(transparent)]
pub struct Json<T: Debug>(pub T);

impl Json<serde_json::Value> {
    /// Returns an empty JSON object, the default of the columns called `metadata`.
    pub(crate) fn empty_object() -> Self {
        Self(serde_json::Value::Object(serde_json::Map::new()))
    }
}

impl<T: Debug + DeserializeOwned, DB: Backend> FromSql<Text, DB> for Json<T>
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let text = String::from_sql(value)?;
        serde_json::from_str(&text).map(Self).map_err(|cause| {
            format!("stored JSON is not a {}: {cause}", std::any::type_name::<T>()).into()
        })
    }
}

impl<T: Debug + Serialize> Json<T> {
    /// Returns the text to store, or an error if it is nested more deeply than `serde_json` can
    /// read.
    pub(crate) fn to_text(&self) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        const DEEPEST: usize = 127;
        let text = serde_json::to_string(&self.0)?;
        if depth(&text) > DEEPEST {
            return Err(format!("JSON is nested more than {DEEPEST} deep").into());
        }
        Ok(text)
    }
}

/// Returns the depth to which arrays and objects are nested in valid JSON.
fn depth(text: &str) -> usize {
    let (mut deepest, mut depth) = (0, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

impl<T: Debug + Serialize> ToSql<Text, Sqlite> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.to_text()?);
        Ok(IsNull::No)
    }
}

#[cfg(feature = "postgres")]
impl<T: Debug + Serialize> ToSql<Text, diesel::pg::Pg> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::pg::Pg>) -> serialize::Result {
        ToSql::<Text, diesel::pg::Pg>::to_sql(&self.to_text()?, &mut out.reborrow())
    }
}

impl<T: Debug + Serialize + Send + Sync + 'static> ToSql<Text, MultiBackend> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Text, self));
        Ok(IsNull::No)
    }
}
