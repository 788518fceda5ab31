//! What the databases say about a broken rule.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind as Kind, Error as DieselError};

use super::rule::Rule;
use crate::error::constraints::{CHECKS, NAMED, TABLES, UNIQUE};

/// Broken rule, as far as it is known.
pub(super) struct Found {
    pub(super) rule: Rule,
    pub(super) table: Option<String>,
    pub(super) columns: Vec<String>,
    pub(super) constraint: Option<String>,
}

impl Default for Found {
    fn default() -> Self {
        Self { rule: Rule::Check, table: None, columns: Vec::new(), constraint: None }
    }
}

/// Last words of the constraints that are named after one column.
const OF_A_COLUMN: &[&str] = &[
    "length",
    "text",
    "count",
    "range",
    "positive",
    "finite",
    "canonical",
    "uuid",
    "check",
    "fkey",
    "key",
];

/// Finds the rule that an error says was broken; `None` if it says something else.
pub(super) fn find(error: &DieselError) -> Option<Found> {
    let DieselError::DatabaseError(kind, info) = error else { return None };
    let info = info.as_ref();
    let message = info.message();
    let subject = message.rsplit_once("failed: ").map_or("", |(_, subject)| subject);
    let found = match kind {
        Kind::UniqueViolation => unique(info, subject),
        Kind::NotNullViolation => required(info, subject),
        Kind::ForeignKeyViolation => reference(info),
        // What ON DELETE RESTRICT raises on SQLite has a code that Diesel does not know.
        Kind::Unknown if message == "FOREIGN KEY constraint failed" => reference(info),
        Kind::CheckViolation => match info.constraint_name() {
            Some(name) => named(name, info.table_name()),
            // SQLite shows the expression of a check without a name.
            None if is_name(subject) => named(subject, None),
            None => Found::default(),
        },
        // Raised before SQLite checks the unique index.
        _ if message == "audit_log is append-only: this event_id exists" => {
            listed_index("idx_audit_log_event_id")
        }
        // Raised before SQLite evaluates the check.
        _ if message.starts_with("audit_log: id must") => named("audit_log_id_range", None),
        // PostgreSQL refuses a NUL before it knows the column.
        Kind::Unknown if message.contains(r#"for encoding "UTF8": 0x00"#) => {
            Found { rule: Rule::Text, ..Found::default() }
        }
        _ if message.starts_with("audit_log") => {
            Found { rule: Rule::AppendOnly, table: Some("audit_log".into()), ..Found::default() }
        }
        _ => return None,
    };
    Some(found)
}

/// Finds a check or reference by its name, `<table>_<column>_<kind>`. `table` is what the database says.
pub(super) fn named(constraint: &str, table: Option<&str>) -> Found {
    let ours = NAMED.binary_search(&constraint).is_ok();
    let prefix = |table: &&&str| constraint.starts_with(&format!("{table}_"));
    let table = match table {
        None if ours => TABLES.iter().filter(prefix).max_by_key(|table| table.len()).copied(),
        table => table,
    };
    let rest = table.and_then(|table| constraint.strip_prefix(table)?.strip_prefix('_'));
    let column = rest.and_then(|rest| rest.rsplit_once('_'));
    let column = column.filter(|(_, kind)| ours || OF_A_COLUMN.contains(kind));
    let several = CHECKS.iter().find(|(name, _)| ours && *name == constraint);
    Found {
        rule: constraint.rsplit_once('_').map_or(Rule::Check, |(_, kind)| Rule::of_kind(kind)),
        table: table.map(str::to_owned),
        columns: match several {
            Some((_, columns)) => owned(columns),
            None => column.into_iter().map(|(column, _)| column.to_owned()).collect(),
        },
        constraint: Some(constraint.to_owned()),
    }
}

/// Whether a constraint or unique index is named after the column by the naming convention.
pub(super) fn is_named_after(constraint: &str, table: &str, column: &str) -> bool {
    let path = format!("{table}_{column}");
    constraint.strip_prefix("idx_") == Some(&path)
        || constraint.rsplit_once('_').is_some_and(|(named, _kind)| named == path)
}

/// Finds the unique index. `subject` is SQLite's `table.column, table.column`, or `index 'name'` for an
/// index of expressions.
fn unique(info: &dyn DatabaseErrorInformation, subject: &str) -> Found {
    let parts: Vec<_> = subject.split(", ").filter_map(|path| path.split_once('.')).collect();
    let index = subject.strip_prefix("index '").and_then(|name| name.strip_suffix('\''));
    let index = info.constraint_name().or(index);
    let table = info.table_name().or_else(|| parts.first().map(|(table, _)| *table));
    let is_it = |(listed, of, columns): &&(&str, &str, &[&str])| {
        let same_columns = parts.len() == columns.len()
            && parts.iter().all(|(_, column)| columns.contains(column));
        table == Some(*of) && (index == Some(*listed) || same_columns)
    };
    if let Some((listed, ..)) = UNIQUE.iter().find(is_it) {
        return listed_index(listed);
    }
    // A primary key, or an index of an application's own table.
    let mut columns: Vec<_> = parts.iter().map(|(_, column)| (*column).to_owned()).collect();
    columns.extend(info.details().into_iter().flat_map(key_columns));
    let by_name = index.map(|name| named(name, table)).unwrap_or_default();
    Found {
        rule: Rule::Duplicate,
        table: table.map(str::to_owned),
        columns: if columns.is_empty() { by_name.columns } else { columns },
        constraint: by_name.constraint,
    }
}

/// Finds a unique index of this crate by its name.
fn listed_index(name: &str) -> Found {
    let listed = UNIQUE.iter().find(|(listed, ..)| *listed == name);
    Found {
        rule: Rule::Duplicate,
        table: listed.map(|(_, table, _)| (*table).to_owned()),
        columns: listed.map(|(.., columns)| owned(columns)).unwrap_or_default(),
        constraint: Some(name.to_owned()),
    }
}

/// Returns the columns that PostgreSQL names in `Key (column, column)=(value, value) already exists.`, in
/// whatever language. Expressions are omitted.
fn key_columns(details: &str) -> Vec<String> {
    let key = details.split_once('(').and_then(|(_, rest)| rest.split_once(")=("));
    let listed = key.map_or("", |(listed, _values)| listed).split(", ");
    listed.filter(|name| is_name(name)).map(str::to_owned).collect()
}

fn required(info: &dyn DatabaseErrorInformation, subject: &str) -> Found {
    let path = subject.split_once('.');
    let table = info.table_name().or(path.map(|(table, _)| table));
    let column = info.column_name().or(path.map(|(_, column)| column));
    Found {
        rule: Rule::Required,
        table: table.map(str::to_owned),
        columns: column.into_iter().map(str::to_owned).collect(),
        constraint: None,
    }
}

/// Finds the reference. PostgreSQL names the table that refers, whichever of the two rows is written.
fn reference(info: &dyn DatabaseErrorInformation) -> Found {
    let found = info.constraint_name().map(|name| named(name, info.table_name()));
    // A server with messages in another language does not say it.
    let deleted = info.message().starts_with("update or delete on table");
    let rule = if deleted { Rule::StillReferenced } else { Rule::UnknownReference };
    Found { rule, ..found.unwrap_or_default() }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Whether the text is a name that needs no quotes in SQL.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}
