//! Values of settings: Rust types, and the text of each [`ValueType`].

use std::fmt;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::rule::ValidationRule;
use crate::error::{Error, Result, SettingFault};
use crate::types::{Ciphertext, ValueType};

/// Rust type of a setting's value: there is one for each [`ValueType`]. Other crates cannot implement
/// this trait.
pub trait SettingValue: Sized + sealed::Sealed {
    /// Type of the settings that have such values.
    const TYPE: ValueType;

    /// Returns the text to store; `None` for NaN and infinity, which cannot be stored.
    fn to_text(&self) -> Option<String>;

    /// Parses the stored text; `None` if it is not of this type.
    fn from_text(text: &str) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for String {}
    impl Sealed for i64 {}
    impl Sealed for f64 {}
    impl Sealed for bool {}
    impl Sealed for serde_json::Value {}
}

impl SettingValue for String {
    const TYPE: ValueType = ValueType::String;

    fn to_text(&self) -> Option<String> {
        Some(self.clone())
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl SettingValue for i64 {
    const TYPE: ValueType = ValueType::Integer;

    fn to_text(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl SettingValue for f64 {
    const TYPE: ValueType = ValueType::Float;

    fn to_text(&self) -> Option<String> {
        // `Debug` is the shortest text that reads back as the same number.
        self.is_finite().then(|| format!("{self:?}"))
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number: &Self| number.is_finite())
    }
}

impl SettingValue for bool {
    const TYPE: ValueType = ValueType::Boolean;

    fn to_text(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl SettingValue for Value {
    const TYPE: ValueType = ValueType::Json;

    fn to_text(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Stored text of a setting's value. The ciphertext of a secret is neither shown by `Debug` nor
/// serialised.
#[derive(Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
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
    T::from_text(text).ok_or_else(|| {
        faulty(key, SettingFault::NotOfType { text: text.to_owned(), value_type: stored })
    })
}

/// Returns the text to store for a value, after checking it against the rule.
pub(super) fn write<T: SettingValue>(key: &str, rule: Option<&str>, value: &T) -> Result<String> {
    let text = value.to_text().ok_or_else(|| {
        faulty(key, SettingFault::NotOfType { text: "NaN or infinity".into(), value_type: T::TYPE })
    })?;
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
    if readable {
        Ok(())
    } else {
        Err(faulty(key, SettingFault::NotOfType { text: text.to_owned(), value_type }))
    }
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
