//! Values of settings: Rust types, and the text of each [`ValueType`].

use std::fmt;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::rule::ValidationRule;
use crate::error::{Error, Result, SettingFault};
use crate::types::{Ciphertext, ValueType};

/// Rust type of a setting's value: `bool`, `i32`, `u32`, `i64`, `f64`, `String` or
/// `serde_json::Value`. Other crates cannot implement this trait.
pub trait SettingValue: Sized + sealed::Sealed {
    /// Type of the settings that have such values.
    const TYPE: ValueType;

    /// Form in which a constant declares the default: the value itself, `&'static str` for a
    /// `String`, and a JSON text for a `serde_json::Value`.
    type Declared: Copy + 'static;

    /// Form in which a value is given: the value itself, or a reference to a text or JSON value.
    type Given<'a>: Copy;

    /// Returns the value as it is given to a call.
    fn given(&self) -> Self::Given<'_>;

    /// Returns the text of a declared default.
    fn declared_text(default: Self::Declared) -> String;

    /// Returns the text to store; `None` for NaN and infinity, which cannot be stored.
    fn to_text(value: Self::Given<'_>) -> Option<String>;

    /// Parses the stored text; `None` if it is not of this type.
    fn from_text(text: &str) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for String {}
    impl Sealed for serde_json::Value {}
}

/// Values that are declared, given and read as themselves.
macro_rules! plain_values {
    ($($type:ty: $value_type:ident, |$value:ident| $text:expr, |$parsed:ident| $valid:expr;)+) => {$(
        impl sealed::Sealed for $type {}

        impl SettingValue for $type {
            const TYPE: ValueType = ValueType::$value_type;
            type Declared = Self;
            type Given<'a> = Self;

            fn given(&self) -> Self {
                *self
            }

            fn declared_text(default: Self) -> String {
                Self::to_text(default).unwrap_or_else(|| "NaN or infinity".to_owned())
            }

            fn to_text($value: Self) -> Option<String> {
                $text
            }

            fn from_text(text: &str) -> Option<Self> {
                text.parse().ok().filter(|$parsed: &Self| $valid)
            }
        }
    )+};
}

plain_values! {
    bool: Boolean, |flag| Some(flag.to_string()), |_flag| true;
    i32: Integer, |number| Some(number.to_string()), |_number| true;
    u32: Integer, |number| Some(number.to_string()), |_number| true;
    i64: Integer, |number| Some(number.to_string()), |_number| true;
    // `Debug` is the shortest text that reads back as the same number.
    f64: Float, |number| number.is_finite().then(|| format!("{number:?}")), |number| number.is_finite();
}

impl SettingValue for String {
    const TYPE: ValueType = ValueType::String;
    type Declared = &'static str;
    type Given<'a> = &'a str;

    fn given(&self) -> &str {
        self
    }

    fn declared_text(default: &'static str) -> Self {
        default.to_owned()
    }

    fn to_text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl SettingValue for Value {
    const TYPE: ValueType = ValueType::Json;
    type Declared = &'static str;
    type Given<'a> = &'a Self;

    fn given(&self) -> &Self {
        self
    }

    fn declared_text(default: &'static str) -> String {
        default.to_owned()
    }

    fn to_text(value: &Self) -> Option<String> {
        Some(value.to_string())
    }

    fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Stored text of a setting's value. The ciphertext of a secret is neither shown by `Debug` nor
/// serialised.
#[derive(Clone, PartialEq, Eq, Deserialize, AsExpression, FromSqlRow)]
#[serde(transparent)]
#[diesel(sql_type = Text)]
pub struct SettingText(String);

impl SettingText {
    /// Returns the text, even the ciphertext of a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the text, or `None` if it is the ciphertext of a secret.
    #[must_use]
    pub fn as_public(&self) -> Option<&str> {
        // The database refuses a secret setting that has not this form.
        self.0.parse::<Ciphertext>().is_err().then_some(&self.0)
    }
}

impl fmt::Debug for SettingText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_public().unwrap_or("***"), f)
    }
}

impl Serialize for SettingText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_public().serialize(serializer)
    }
}

impl<DB: Backend> FromSql<Text, DB> for SettingText
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        String::from_sql(value).map(Self)
    }
}

/// Returns the error of a setting.
pub(super) fn faulty(key: &str, fault: SettingFault) -> Error {
    Error::Setting { key: key.to_owned(), fault }
}

pub(super) fn not_of_type(key: &str, text: &str, value_type: ValueType) -> Error {
    faulty(key, SettingFault::NotOfType { text: text.to_owned(), value_type })
}

/// Parses the stored text as a value of type `T`.
pub(super) fn read<T: SettingValue>(
    key: &str,
    stored: ValueType,
    text: Option<&SettingText>,
) -> Result<T> {
    if stored != T::TYPE {
        return Err(faulty(key, SettingFault::WrongType { stored, asked: T::TYPE }));
    }
    let text = text.ok_or_else(|| faulty(key, SettingFault::Empty))?.expose();
    if let Some(value) = T::from_text(text) {
        return Ok(value);
    }
    check_readable(key, stored, text)?;
    let (value, asked) = (text.to_owned(), std::any::type_name::<T>());
    Err(faulty(key, SettingFault::OutOfRange { value, asked }))
}

/// Returns the text to store for a value, after checking it against the rule.
pub(super) fn write<T: SettingValue>(
    key: &str,
    rule: Option<&str>,
    value: T::Given<'_>,
) -> Result<String> {
    let text = T::to_text(value).ok_or_else(|| not_of_type(key, "NaN or infinity", T::TYPE))?;
    // JSON may be nested deeper than can be read.
    check_readable(key, T::TYPE, &text)?;
    check_rule(key, rule, &text)?;
    Ok(text)
}

/// Checks that the text can be read as a value of this type.
pub(super) fn check_readable(key: &str, value_type: ValueType, text: &str) -> Result<()> {
    let readable = match value_type {
        ValueType::String => true,
        ValueType::Integer => i64::from_text(text).is_some(),
        ValueType::Float => f64::from_text(text).is_some(),
        ValueType::Boolean => bool::from_text(text).is_some(),
        ValueType::Json => Value::from_text(text).is_some(),
    };
    if readable { Ok(()) } else { Err(not_of_type(key, text, value_type)) }
}

/// Checks that the rule can be parsed and that the text passes it.
pub(super) fn check_rule(key: &str, rule: Option<&str>, text: &str) -> Result<()> {
    let Some(rule) = rule else { return Ok(()) };
    let parsed: ValidationRule = rule.parse().map_err(|reason: super::BadRule| {
        faulty(key, SettingFault::BadRule { rule: rule.to_owned(), reason: reason.to_string() })
    })?;
    if parsed.allows(text) {
        Ok(())
    } else {
        let (value, rule) = (text.to_owned(), rule.to_owned());
        Err(faulty(key, SettingFault::BreaksRule { value, rule }))
    }
}
