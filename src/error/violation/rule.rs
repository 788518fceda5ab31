//! Kinds of rules.

use serde::Serialize;

/// Kind of a rule of the schema. It serialises as its name in snake case, such as `unknown_reference`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// Another row has the same value in a unique column, or the same values in unique columns.
    Duplicate,
    /// The value refers to a row that does not exist. Also, unless the database says which of both it is
    /// or a query of this crate looks it up, [`Rule::StillReferenced`]: SQLite does not say it.
    UnknownReference,
    /// Rows of the table that [`Violation::table`](super::Violation::table) names still refer to the row
    /// that was to be deleted.
    StillReferenced,
    /// The value is required.
    Required,
    /// The text is too short or too long, or contains a NUL.
    Length,
    /// The text contains a NUL, which PostgreSQL refuses without naming the column.
    Text,
    /// The count is negative or too large.
    Count,
    /// The number is out of range.
    Range,
    /// The end is before the start.
    Order,
    /// The text is not in canonical form: in lower case, composed (Unicode NFC), without surrounding
    /// white space.
    Canonical,
    /// The name contains a control character or an invisible character, with which it could look like
    /// another name.
    Invisible,
    /// The text is not a UUID in canonical form: 36 characters, lower case, with hyphens.
    Uuid,
    /// The table is append-only: its rows cannot be changed, deleted or inserted out of order.
    AppendOnly,
    /// Any other check; [`Violation::constraint`](super::Violation::constraint) names it.
    Check,
}

impl Rule {
    /// Returns a short phrase for people, which follows the name of a field: "is already taken". It
    /// contains neither the value nor names of tables, columns and constraints.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Duplicate => "is already taken",
            Self::UnknownReference => "refers to something that does not exist",
            Self::StillReferenced => "is still in use",
            Self::Required => "must have a value",
            Self::Length => "is too short or too long",
            Self::Text => "contains a character that cannot be stored",
            Self::Count => "is negative or too large",
            Self::Range => "is out of range",
            Self::Order => "ends before it starts",
            Self::Canonical => "must be in lower case, without spaces around it",
            Self::Invisible => "contains an invisible character",
            Self::Uuid => "is not a valid identifier",
            Self::AppendOnly => "cannot be changed",
            Self::Check => "is not allowed",
        }
    }

    /// Returns the kind of a check by the last word of its constraint's name.
    pub(super) fn of_kind(word: &str) -> Self {
        match word {
            "length" => Self::Length,
            "text" => Self::Text,
            "count" => Self::Count,
            "range" | "positive" | "finite" => Self::Range,
            "order" => Self::Order,
            "canonical" => Self::Canonical,
            "uuid" => Self::Uuid,
            _ => Self::Check,
        }
    }
}
