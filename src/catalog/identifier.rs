//! Names and texts as SQL takes them.

/// A name in double quotes, whatever is in it.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in single quotes.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Columns for a SELECT.
#[must_use]
pub fn column_list(columns: &[String]) -> String {
    columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

/// Whether a name is one of these. SQLite compares names without regard to the case of ASCII letters.
#[must_use]
pub fn is_one_of(name: &str, names: &[String]) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}
