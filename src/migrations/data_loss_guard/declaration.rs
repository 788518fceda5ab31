//! Declarations of lost or changed rows, as comments of a script:
//!
//! ```sql
//! -- loses-rows: chat_history messages without a text are of no use
//! -- loses-columns: users (nickname) nobody used it
//! -- changes-rows: users (email, updated_at) addresses become lower case
//! -- changes-rows: notifications every one is marked as read
//! ```

use super::super::statement::line_comments;
use crate::backend::Backend;

/// Effect on a table that a script declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Rows may be deleted. The remaining rows are not compared.
    LosesRows,
    /// These columns may be dropped with their values.
    LosesColumns,
    /// Rows may change in these columns, or in any column if none is named.
    ChangesRows,
}

/// Comment that declares an effect on a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Effect that is declared.
    pub intent: Intent,
    /// Name of the table.
    pub table: String,
    /// Names of the columns; empty if none is named.
    pub columns: Vec<String>,
    /// Reason for the effect.
    pub reason: String,
    /// Line of the script, from 1.
    pub line: usize,
}

/// Words that begin a declaration, and the effect that each declares.
pub const INTENTS: [(&str, Intent); 3] = [
    ("loses-rows:", Intent::LosesRows),
    ("loses-columns:", Intent::LosesColumns),
    ("changes-rows:", Intent::ChangesRows),
];

/// Returns the declarations of a script, and the malformed ones as line number and problem. A malformed
/// declaration declares nothing.
#[must_use]
pub fn declarations(
    script: &str,
    backend: Backend,
) -> (Vec<Declaration>, Vec<(usize, &'static str)>) {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for (line, comment) in line_comments(script, backend) {
        let comment = comment.strip_prefix("--").unwrap_or(comment).trim();
        for (word, intent) in INTENTS {
            match comment.strip_prefix(word).map(|rest| declaration(intent, rest, line)) {
                Some(Ok(declaration)) => found.push(declaration),
                Some(Err(fault)) => faults.push((line, fault)),
                None => {}
            }
        }
    }
    (found, faults)
}

fn declaration(intent: Intent, text: &str, line: usize) -> Result<Declaration, &'static str> {
    let (table, rest) = text.trim().split_once(char::is_whitespace).ok_or("a reason is missing")?;
    let rest = rest.trim_start();
    let (columns, reason) = match rest.strip_prefix('(') {
        None => ("", rest),
        Some(rest) => rest.split_once(')').ok_or("the list of columns has no end")?,
    };
    let columns: Vec<String> =
        columns.split(',').map(str::trim).filter(|c| !c.is_empty()).map(str::to_owned).collect();
    let reason = reason.trim().to_owned();
    match intent {
        _ if reason.is_empty() => Err("a reason is missing"),
        Intent::LosesColumns if columns.is_empty() => Err("the columns are missing: table (a, b)"),
        Intent::LosesRows if !columns.is_empty() => Err("rows are lost whole: name no columns"),
        _ => Ok(Declaration { intent, table: table.to_owned(), columns, reason, line }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_has_a_table_and_a_reason_and_may_have_columns() {
        let script = "-- loses-rows: a they are old\nSELECT 1; -- loses-rows: b not at the beginning\n\
            --changes-rows: c (x, y) both wrong\n-- loses-columns: d (z) unused";
        let (found, faults) = declarations(script, Backend::Sqlite);
        let all: Vec<_> = found
            .iter()
            .map(|d| (d.intent, d.table.as_str(), d.columns.join(" "), d.reason.as_str()))
            .collect();
        let expected = [
            (Intent::LosesRows, "a", String::new(), "they are old"),
            (Intent::ChangesRows, "c", "x y".into(), "both wrong"),
            (Intent::LosesColumns, "d", "z".into(), "unused"),
        ];
        assert_eq!(all, expected);
        assert!(faults.is_empty());
    }

    #[test]
    fn a_declaration_without_a_reason_declares_nothing() {
        for line in [
            "-- loses-rows: a",
            "-- loses-rows:",
            "-- changes-rows: a (b)",
            "-- changes-rows: a (b why",
            "-- loses-columns: a because",
            "-- loses-rows: a (b) because",
        ] {
            let (found, faults) = declarations(line, Backend::Sqlite);
            assert!(found.is_empty() && faults.len() == 1, "{line}");
        }
    }
}
