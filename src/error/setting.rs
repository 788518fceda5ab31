//! Errors of settings that are stored in the database.

use crate::types::ValueType;

/// Reason why a setting cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingFault {
    /// The setting does not exist.
    #[error("the setting does not exist")]
    Unknown,
    /// The setting has no value.
    #[error("it has no value")]
    Empty,
    /// The setting is read-only.
    #[error("it is read-only")]
    ReadOnly,
    /// The setting is not one that a user may set: `is_user_settable` is false.
    #[error("it is not for users to set")]
    NotUserSettable,
    /// The setting is a secret: its value is stored encrypted.
    #[error("it is a secret: its value is stored encrypted")]
    Secret,
    /// The setting is not a secret, but was read or written as one.
    #[error("it is not a secret")]
    NotSecret,
    /// The setting holds another type.
    #[error("it holds a value of type {stored}, not {asked}")]
    WrongType {
        /// Type of the stored setting.
        stored: ValueType,
        /// Requested type.
        asked: ValueType,
    },
    /// The text is not a value of its type.
    #[error("{text:?} is not a value of type {value_type}")]
    NotOfType {
        /// The text.
        text: String,
        /// Type of the setting.
        value_type: ValueType,
    },
    /// The stored number does not fit into the type that the program reads it as.
    #[error("{value} does not fit into {asked}")]
    OutOfRange {
        /// The number, as text.
        value: String,
        /// Rust type that was asked for, such as `u32`.
        asked: &'static str,
    },
    /// The value does not satisfy the setting's validation rule.
    #[error("{value:?} does not satisfy its rule `{rule}`")]
    BreaksRule {
        /// The value.
        value: String,
        /// Text of the rule.
        rule: String,
    },
    /// The setting's validation rule cannot be parsed.
    #[error("its rule `{rule}` is not valid: {reason}")]
    BadRule {
        /// Text of the rule.
        rule: String,
        /// Error of the parser.
        reason: String,
    },
}
