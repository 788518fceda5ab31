//! JSON columns, with a Rust type for their content.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::json_input::JsonInput;
use super::sql_type::sql_type;

/// SQL type of the columns that hold JSON, whatever its shape: [`JsonText`] is read from them and written to them.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonColumn;

sql_type!(JsonColumn over Text);

/// JSON text of a `T`, as a column holds it.
///
/// `T` is the type of the content where it is known (`JsonText<Vec<String>>` for tags), and [`serde_json::Value`]
/// where it is not. A value that was read has exactly the text that is stored, and is written back unchanged;
/// [`JsonText::get`] decodes it. So a row is read whatever JSON another program has stored in it, and no digit of it
/// is lost. Two values are equal if their texts are.
///
/// ```
/// use serde_json::json;
/// use zenith_db::types::JsonText;
///
/// let tags: JsonText<Vec<String>> = ["draft", "2026"].into_iter().collect();
/// assert_eq!(tags.as_str(), r#"["draft","2026"]"#);
/// assert_eq!(tags.get()?, ["draft", "2026"]);
///
/// let metadata = JsonText::of(&json!({ "pages": 3 }))?;
/// assert_eq!(metadata.get()?["pages"], 3);
/// # Ok::<_, zenith_db::types::JsonFault>(())
/// ```
///
/// With serde it is the JSON itself, not a text in it. In a field with `#[serde(flatten)]`, and in an enum that is tagged
/// inside or not at all, serde hands over values and not the text: a number beyond 64 bits loses digits there.
#[derive(AsExpression, FromSqlRow)]
#[diesel(sql_type = JsonColumn)]
pub struct JsonText<T = Value> {
    text: Cow<'static, str>,
    content: PhantomData<fn() -> T>,
}

/// Why a value cannot be stored as JSON, or stored JSON cannot be decoded. It repeats nothing of the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonFault {
    /// The text is not JSON, or not of the expected type.
    #[error("the JSON is not a {expected}, at line {line}, column {column}")]
    Decoding {
        /// Rust type that was expected.
        expected: &'static str,
        /// Line of the fault; the first is 1.
        line: usize,
        /// Column of the fault, in bytes; the first is 1.
        column: usize,
    },
    /// The value cannot be written as JSON, such as a map whose keys are not texts.
    #[error("a {actual} cannot be written as JSON")]
    Encoding {
        /// Rust type of the value.
        actual: &'static str,
    },
    /// Arrays and objects are nested more deeply than can be read.
    #[error("the JSON is nested more than {DEEPEST} levels deep")]
    TooDeep,
    /// An integer is beyond 64 bits, and would lose digits when it is decoded.
    #[error("the JSON has an integer beyond 64 bits, which would lose digits")]
    LargeInteger,
}

/// Deepest nesting that `serde_json` reads.
const DEEPEST: usize = 127;

impl<T: Serialize> JsonText<T> {
    /// Returns the JSON text of a value.
    ///
    /// # Errors
    /// [`JsonFault`] if the value cannot be written as JSON that can be read again.
    pub fn of(value: &T) -> Result<Self, JsonFault> {
        let fault = |_| JsonFault::Encoding { actual: type_name::<T>() };
        let text = serde_json::to_string(value).map_err(fault)?;
        scan(&text)?;
        Ok(Self::new(text))
    }
}

impl<T: DeserializeOwned> JsonText<T> {
    /// Decodes the text.
    ///
    /// # Errors
    /// [`JsonFault`] if another program has stored JSON that is not a `T`, or that `T` might not hold without loss.
    pub fn get(&self) -> Result<T, JsonFault> {
        scan(&self.text)?;
        decode(&self.text)
    }
}

impl<T> JsonText<T> {
    fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), content: PhantomData }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl JsonText {
    /// Returns an empty object, the default of the columns called `metadata`.
    #[must_use]
    pub fn empty_object() -> Self {
        Self::new("{}")
    }
}

impl JsonText<Vec<String>> {
    /// Returns an empty list.
    #[must_use]
    pub fn empty_list() -> Self {
        Self::new("[]")
    }
}

/// List of texts.
impl<S: AsRef<str>> FromIterator<S> for JsonText<Vec<String>> {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        let quoted = texts.into_iter().map(|text| Value::from(text.as_ref()).to_string());
        Self::new(format!("[{}]", quoted.collect::<Vec<_>>().join(",")))
    }
}

/// Object of texts.
impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for JsonText {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entry = |(key, text): (K, V)| (key.as_ref().to_owned(), Value::from(text.as_ref()));
        Self::new(Value::Object(entries.into_iter().map(entry).collect()).to_string())
    }
}

/// Checks a text and keeps it as it is, spaces included.
impl<T: DeserializeOwned> FromStr for JsonText<T> {
    type Err = JsonFault;

    fn from_str(text: &str) -> Result<Self, JsonFault> {
        decode::<T>(text)?;
        scan(text)?;
        Ok(Self::new(text.to_owned()))
    }
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, JsonFault> {
    serde_json::from_str(text).map_err(|fault| JsonFault::Decoding {
        expected: type_name::<T>(),
        line: fault.line(),
        column: fault.column(),
    })
}

/// Finds what valid JSON has that `serde_json` does not read, or reads with loss.
fn scan(text: &str) -> Result<(), JsonFault> {
    let mut depth = 0_usize;
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => rest = after_string(after),
            b'[' | b'{' => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(JsonFault::TooDeep);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let more = after.iter().take_while(|byte| is_of_number(**byte)).count();
                let (digits, after) = after.split_at(more);
                if is_large(byte, digits) {
                    return Err(JsonFault::LargeInteger);
                }
                rest = after;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Returns what follows a string, of which the quote that begins it was read.
fn after_string(mut rest: &[u8]) -> &[u8] {
    loop {
        match rest {
            [b'"', after @ ..] => return after,
            [b'\\', _, after @ ..] | [_, after @ ..] => rest = after,
            [] => return rest,
        }
    }
}

const fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')
}

/// Whether a number of this first byte and these others is an integer beyond 64 bits.
fn is_large(first: u8, others: &[u8]) -> bool {
    // Of these every integer has 64 bits.
    if others.len() < 18 || !others.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let number = [&[first], others].concat();
    let number = std::str::from_utf8(&number).unwrap_or_default();
    number.parse::<i64>().is_err() && number.parse::<u64>().is_err()
}

impl<T> Clone for JsonText<T> {
    fn clone(&self) -> Self {
        Self::new(self.text.clone())
    }
}

impl<T> PartialEq for JsonText<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> Eq for JsonText<T> {}

impl<T> fmt::Debug for JsonText<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonText({})", self.text)
    }
}

impl<T> Serialize for JsonText<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(&self.text) {
            Ok(json) => json.serialize(serializer),
            // No check of a database takes it for JSON.
            Err(_) => self.text.serialize(serializer),
        }
    }
}

impl<'de, T> Deserialize<'de> for JsonText<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonInput::deserialize(deserializer).map(|JsonInput(text)| Self::new(text))
    }
}

impl<T, DB: Backend> FromSql<JsonColumn, DB> for JsonText<T>
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        String::from_sql(value).map(Self::new)
    }
}

impl<T, DB: Backend> ToSql<JsonColumn, DB> for JsonText<T>
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.as_str().to_sql(out)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<JsonText, JsonFault> {
        text.parse()
    }

    #[test]
    fn the_text_is_kept_to_the_byte() {
        for text in ["{}", " [1, 2.50] ", r#"{"a":"\u00e4"}"#, "18446744073709551615", "1e3"] {
            assert_eq!(parse(text).expect("JSON").as_str(), text);
        }
    }

    #[test]
    fn integers_beyond_64_bits_are_refused_and_nothing_else_is() {
        for text in
            ["18446744073709551616", "[-9223372036854775809]", r#"{"a":123456789012345678901}"#]
        {
            assert_eq!(parse(text), Err(JsonFault::LargeInteger), "{text}");
            assert_eq!(JsonText::<Value>::new(text).get(), Err(JsonFault::LargeInteger));
        }
        assert_eq!(JsonText::of(&u128::MAX), Err(JsonFault::LargeInteger));
        for text in [
            "18446744073709551615",
            "-9223372036854775808",
            "123456789012345678901.0",
            "123456789012345678901e1",
            r#"{"123456789012345678901":"123456789012345678901\"123456789012345678901"}"#,
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_was_nested_too_deeply_is_refused_before_it_is_stored() {
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        assert!(JsonText::of(&nested(DEEPEST)).expect("JSON").get().is_ok());
        assert_eq!(JsonText::of(&nested(DEEPEST + 1)), Err(JsonFault::TooDeep));
        let brackets = json!("[".repeat(DEEPEST + 1) + "\\\"[");
        assert!(JsonText::of(&brackets).is_ok());
    }

    #[test]
    fn what_others_stored_is_passed_on_as_it_is() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for text in ["1e400", r#""\ud800""#, deep.as_str()] {
            let stored = JsonText::<Value>::new(text.to_owned());
            assert!(stored.get().is_err(), "{text}");
            assert_eq!(serde_json::to_string(&stored).expect("JSON"), text);
        }
        let no_json = JsonText::<Value>::new("{a");
        assert_eq!(serde_json::to_string(&no_json).expect("a text"), r#""{a""#);
    }

    #[test]
    fn a_fault_names_the_place_and_not_the_content() {
        let fault = JsonText::<Vec<String>>::new(r#"["a", {"secret": 1}]"#).get();
        let text = fault.expect_err("no list of texts").to_string();
        assert!(text.ends_with("at line 1, column 6"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
