//! Broken rules of the schema, recognised in the errors of SQLite and PostgreSQL.

mod found;
mod rule;

use std::fmt;

use diesel::debug_query;
use diesel::query_builder::QueryFragment;
use diesel::result::Error as DieselError;
use diesel::sqlite::Sqlite;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use found::Found;
pub use rule::Rule;

/// Rule of the schema that a statement broke, of this crate's tables or an application's own. The
/// statement changed nothing.
///
/// # Tables of an application's own
/// Both databases name the table and the columns of a broken `UNIQUE` and `NOT NULL`. Of a `CHECK`, SQLite
/// names only the constraint, and of a foreign key nothing; PostgreSQL names the table and the constraint
/// of both. What they do not say is derived from the constraint's name, if it is that of this crate's own,
/// `<table>_<column>_<kind>`: `notes_title_length` concerns `notes::title` and breaks [`Rule::Length`].
///
/// | kind | rule |
/// | --- | --- |
/// | `length`, `text`, `count`, `range`, `order`, `canonical`, `uuid` | the [`Rule`] of this name |
/// | `positive`, `finite` | [`Rule::Range`] |
/// | any other, such as `check` | [`Rule::Check`] |
///
/// PostgreSQL gives these names with the kinds `check`, `fkey` and `key` to constraints without a name. A
/// unique index of expressions is called `idx_<table>_<column>`.
///
/// It serialises as an object with `rule`, `table`, `columns`, `constraint` and `message`, without the value
/// that was refused.
#[derive(Debug, thiserror::Error)]
pub struct Violation {
    rule: Rule,
    table: Option<String>,
    columns: Vec<String>,
    constraint: Option<String>,
    source: DieselError,
}

impl Violation {
    /// Returns the kind of the rule.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// Returns a short phrase for people, which follows the name of a field: that of the
    /// [rule](Rule::message).
    #[must_use]
    pub const fn message(&self) -> &'static str {
        self.rule.message()
    }

    /// Returns the table of the rule, if it is known. SQLite does not name the table of a `CHECK` or a
    /// foreign key: it is known only for the checks of this crate's tables, and for the references that
    /// queries of this crate look up.
    #[must_use]
    pub fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    /// Returns the name of the constraint or unique index, if it is known.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }

    /// Returns the names of the rule's columns; empty if they are not known.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether the column is one of the columns of the rule. If these are not known, whether the constraint
    /// is [named after the column](Self#tables-of-an-applications-own).
    ///
    /// ```
    /// # use zenith_db::prelude::*;
    /// use zenith_db::schema::users;
    ///
    /// fn explain(violation: &Violation) -> &'static str {
    ///     match violation.rule() {
    ///         Rule::Duplicate if violation.concerns(users::username) => "that name is taken",
    ///         Rule::Duplicate if violation.concerns(users::email) => "that address is taken",
    ///         _ => "that cannot be saved",
    ///     }
    /// }
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "columns are unit structs")]
    pub fn concerns(&self, column: impl diesel::Column + QueryFragment<Sqlite>) -> bool {
        // Diesel shows a column as `table`.`column`, after the name of its schema if it has one.
        let shown = debug_query::<Sqlite, _>(&column).to_string();
        let mut names = shown.rsplit('`').skip(1).step_by(2);
        let (Some(column), Some(table)) = (names.next(), names.next()) else {
            return false;
        };
        if self.columns.is_empty() {
            return self.table().is_none_or(|known| known == table)
                && self
                    .constraint()
                    .is_some_and(|name| found::is_named_after(name, table, column));
        }
        self.table() == Some(table) && self.columns.iter().any(|name| name == column)
    }

    /// Returns a violation that was found before the statement was sent to the database.
    pub(crate) fn new(rule: Rule, constraint: &str) -> Self {
        let Found { table, columns, constraint, .. } = found::named(constraint, None);
        Self { rule, table, columns, constraint, source: DieselError::NotFound }
    }

    /// Returns a violation that was found before there was a statement, and what it was found by.
    pub(crate) fn found_by(
        rule: Rule,
        constraint: &str,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        let source = DieselError::SerializationError(Box::new(cause));
        Self { source, ..Self::new(rule, constraint) }
    }

    /// Returns the violation that the error is, or the error if it is not one.
    #[doc(hidden)]
    pub fn of(error: DieselError) -> Result<Self, DieselError> {
        let Some(Found { rule, table, columns, constraint }) = found::find(&error) else {
            return Err(error);
        };
        Ok(Self { rule, table, columns, constraint, source: error })
    }

    /// Returns the violation with its reference, once that is known.
    pub(crate) fn with_reference(self, rule: Rule, constraint: &str) -> Self {
        let Found { table, columns, constraint, .. } = found::named(constraint, None);
        Self { rule, table, columns, constraint, ..self }
    }

    /// Whether it is a broken reference whose constraint is unknown.
    pub(crate) fn is_unidentified_reference(&self) -> bool {
        self.rule == Rule::UnknownReference && self.constraint.is_none()
    }
}

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Violation", 5)?;
        object.serialize_field("rule", &self.rule)?;
        object.serialize_field("table", &self.table)?;
        object.serialize_field("columns", &self.columns)?;
        object.serialize_field("constraint", &self.constraint)?;
        object.serialize_field("message", self.message())?;
        object.end()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table().unwrap_or("a value");
        let columns = self.columns.join(" and ");
        let path = if columns.is_empty() { table.to_owned() } else { format!("{table}.{columns}") };
        match self.rule {
            Rule::Duplicate if columns.is_empty() => {
                write!(f, "{table}: another row has the same value")
            }
            Rule::Duplicate => write!(f, "{table}: another row has the same {columns}"),
            Rule::UnknownReference => write!(f, "{path} refers to a row that does not exist"),
            Rule::StillReferenced => write!(f, "{path} still refers to this row"),
            Rule::Required => write!(f, "{path} must have a value"),
            Rule::Length => write!(f, "{path} is too short, too long, or contains a NUL"),
            Rule::Text => write!(f, "{path} contains a NUL"),
            Rule::Count => write!(f, "{path} is negative or too large"),
            Rule::Range => write!(f, "{path} is outside its range"),
            Rule::Order => write!(f, "{path}: the end is before the start"),
            Rule::Canonical => {
                write!(
                    f,
                    "{path} is not in lower case and composed (NFC), or has surrounding white space"
                )
            }
            Rule::Invisible => write!(f, "{path} has a control or an invisible character"),
            Rule::Uuid => write!(f, "{path} is not a UUID in lower case with hyphens"),
            Rule::AppendOnly => write!(f, "{table} is append-only"),
            Rule::Check => write!(f, "{path} breaks a rule"),
        }?;
        self.constraint.as_ref().map_or(Ok(()), |name| write!(f, " (rule {name})"))
    }
}
