//! Quoting of names and texts for SQL.

/// Returns the name as an SQL identifier in double quotes. Double quotes in it are escaped.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the text as an SQL literal in single quotes. Single quotes in it are escaped.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Returns the columns as a list for a `SELECT`, each name in double quotes.
#[must_use]
pub fn column_list(columns: &[String]) -> String {
    columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

/// Whether the name is in the list. Ignores the case of ASCII letters, as SQLite does.
#[must_use]
pub fn is_one_of(name: &str, names: &[String]) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}
