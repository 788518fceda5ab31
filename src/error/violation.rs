//! Broken rules of the schema, recognised in the errors of SQLite and PostgreSQL.

use std::fmt;

use diesel::debug_query;
use diesel::query_builder::QueryFragment;
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};
use diesel::sqlite::Sqlite;

use super::constraints::{CHECKS, TABLES, UNIQUE};

/// Kind of a rule of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Another row has the same value in a unique column, or the same values in unique columns.
    Duplicate,
    /// The value refers to a row that does not exist.
    UnknownReference,
    /// Rows of the table that [`Violation::table`] names still refer to the row that was to be deleted.
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
    /// Any other check; [`Violation::constraint`] names it.
    Check,
}

/// Rule of the schema that a statement broke. The statement changed nothing.
#[derive(Debug, thiserror::Error)]
pub struct Violation {
    rule: Rule,
    table: Option<&'static str>,
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

    /// Returns the table of the rule, if it is known. SQLite does not name a broken foreign key, so
    /// it is known only for the queries of this crate, which look it up.
    #[must_use]
    pub const fn table(&self) -> Option<&'static str> {
        self.table
    }

    /// Returns the name of the constraint or unique index in the migrations, if known.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }

    /// Returns the names of the rule's columns; empty if they are not known.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether the column is one of the columns of the rule.
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
        // Diesel shows a column as `table`.`column`.
        let shown = debug_query::<Sqlite, _>(&column).to_string();
        let mut names = shown.split('`').skip(1).step_by(2);
        let (table, column) = (names.next(), names.next());
        self.table == table && self.columns.iter().any(|name| Some(name.as_str()) == column)
    }

    /// Returns a violation that was found before the statement was sent to the database.
    pub(crate) fn new(rule: Rule, constraint: &str) -> Self {
        let Found { table, columns, constraint, .. } = check(constraint);
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
        use DatabaseErrorKind as Kind;
        let DieselError::DatabaseError(kind, info) = &error else { return Err(error) };
        let message = info.message();
        let subject = message.rsplit_once("failed: ").map_or("", |(_, subject)| subject);
        let found = match kind {
            Kind::UniqueViolation => unique(info.constraint_name(), subject),
            Kind::NotNullViolation => required(info.as_ref(), subject),
            Kind::ForeignKeyViolation => reference(info.constraint_name()),
            // What ON DELETE RESTRICT raises on SQLite has a code that Diesel does not know.
            Kind::Unknown if message == "FOREIGN KEY constraint failed" => reference(None),
            Kind::CheckViolation => check(info.constraint_name().unwrap_or(subject)),
            // Raised before SQLite checks the unique index.
            _ if message == "audit_log is append-only: this event_id exists" => {
                unique(Some("idx_audit_log_event_id"), "")
            }
            // Raised before SQLite evaluates the check.
            _ if message.starts_with("audit_log: id must") => check("audit_log_id_range"),
            // PostgreSQL refuses a NUL before it knows the column.
            Kind::Unknown if message.contains(r#"for encoding "UTF8": 0x00"#) => {
                Found { rule: Rule::Text, ..Found::default() }
            }
            _ if message.starts_with("audit_log") => {
                Found { rule: Rule::AppendOnly, table: Some("audit_log"), ..Found::default() }
            }
            _ => return Err(error),
        };
        let Found { rule, table, columns, constraint } = found;
        Ok(Self { rule, table, columns, constraint, source: error })
    }

    /// Returns the violation with its reference, once that is known.
    pub(crate) fn with_reference(self, rule: Rule, constraint: &str) -> Self {
        let Found { table, columns, constraint, .. } = reference(Some(constraint));
        Self { rule, table, columns, constraint, ..self }
    }

    /// Whether it is a broken reference whose constraint is unknown.
    pub(crate) fn is_unidentified_reference(&self) -> bool {
        self.rule == Rule::UnknownReference && self.constraint.is_none()
    }
}

struct Found {
    rule: Rule,
    table: Option<&'static str>,
    columns: Vec<String>,
    constraint: Option<String>,
}

impl Default for Found {
    fn default() -> Self {
        Self { rule: Rule::Check, table: None, columns: Vec::new(), constraint: None }
    }
}

fn known_table(name: &str) -> Option<&'static str> {
    TABLES.iter().copied().find(|table| *table == name)
}

/// Finds the unique index. `subject` is SQLite's `table.column, table.column`.
fn unique(constraint: Option<&str>, subject: &str) -> Found {
    let named: Vec<_> = subject.split(", ").filter_map(|path| path.split_once('.')).collect();
    let is_it = |(index, table, columns): &&(&'static str, &'static str, &[&str])| {
        constraint == Some(*index)
            || (named.len() == columns.len()
                && named.iter().all(|(t, column)| t == table && columns.contains(column)))
    };
    let rule = Rule::Duplicate;
    match UNIQUE.iter().find(is_it) {
        Some((index, table, columns)) => Found {
            rule,
            table: Some(table),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            constraint: Some((*index).to_owned()),
        },
        // A primary key, or an index that is not ours.
        None => Found {
            rule,
            table: named.first().and_then(|(table, _)| known_table(table)),
            columns: named.iter().map(|(_, column)| (*column).to_owned()).collect(),
            constraint: constraint.map(str::to_owned),
        },
    }
}

fn required(info: &dyn DatabaseErrorInformation, subject: &str) -> Found {
    let (table, column) = subject.split_once('.').unwrap_or_default();
    Found {
        rule: Rule::Required,
        table: known_table(info.table_name().unwrap_or(table)),
        columns: vec![info.column_name().unwrap_or(column).to_owned()],
        constraint: None,
    }
}

fn reference(constraint: Option<&str>) -> Found {
    let found = constraint.map(check).unwrap_or_default();
    Found { rule: Rule::UnknownReference, ..found }
}

/// Finds the check. Constraints are called `<table>_<column>_<kind>`.
fn check(constraint: &str) -> Found {
    let of_table =
        |table: &&&str| constraint.strip_prefix(**table).is_some_and(|rest| rest.starts_with('_'));
    let table = TABLES.iter().filter(of_table).max_by_key(|table| table.len()).copied();
    let rest = table.and_then(|table| constraint.get(table.len() + 1..)).unwrap_or_default();
    let (column, kind) = rest.rsplit_once('_').unwrap_or_default();
    let rule = match kind {
        "length" => Rule::Length,
        "text" => Rule::Text,
        "count" => Rule::Count,
        "range" | "positive" | "finite" => Rule::Range,
        "order" => Rule::Order,
        "canonical" => Rule::Canonical,
        "uuid" => Rule::Uuid,
        _ => Rule::Check,
    };
    let several = CHECKS.iter().find(|(name, _)| *name == constraint);
    let named = [column];
    let columns = several.map_or(&named[..], |(_, columns)| columns);
    let columns = columns.iter().map(|&column| column.to_owned()).collect();
    Found { rule, table, columns, constraint: Some(constraint.to_owned()) }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table.unwrap_or("a value");
        let columns = self.columns.join(" and ");
        let path = if columns.is_empty() { table.to_owned() } else { format!("{table}.{columns}") };
        match self.rule {
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
