//! What is wrong with a setting that is kept in the database.

use crate::types::ValueType;

/// Why a setting cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingFault {
    /// There is no setting of this name.
    #[error("there is no such setting")]
    Unknown,
    /// It has no value.
    #[error("it has no value")]
    Empty,
    /// Only the system writes it.
    #[error("it is read-only")]
    ReadOnly,
    /// Its value is encrypted, or would have to be.
    #[error("it is a secret: its value is kept encrypted")]
    Secret,
    /// It is no secret, and was asked for or written as one.
    #[error("it is not a secret")]
    NotSecret,
    /// It holds another type.
    #[error("it holds a value of type {stored}, not {asked}")]
    WrongType {
        /// The type that it holds.
        stored: ValueType,
        /// The type that was asked for or offered.
        asked: ValueType,
    },
    /// The text is not a value of its type.
    #[error("{text:?} is not a value of type {value_type}")]
    NotOfType {
        /// The text.
        text: String,
        /// The type.
        value_type: ValueType,
    },
    /// The value breaks the setting's rule.
    #[error("{value:?} breaks its rule `{rule}`")]
    BreaksRule {
        /// The value.
        value: String,
        /// The rule.
        rule: String,
    },
    /// The setting's rule cannot be understood.
    #[error("its rule `{rule}` cannot be understood: {reason}")]
    BadRule {
        /// The rule.
        rule: String,
        /// What is wrong with it.
        reason: String,
    },
}
