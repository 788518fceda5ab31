//! The cases: statements that are run on a former database, and what must become of it.

mod computed;
mod edited;
mod orphans;
mod sizes;
mod views;

use std::fmt::Write as _;

pub use self::computed::cases as computed;
pub use self::edited::cases as edited;
pub use self::orphans::cases as orphans;
pub use self::sizes::cases as sizes;
pub use self::views::cases as views;

pub enum Outcome {
    Adopted,
    /// Refused, with these words.
    Refused(&'static str),
    /// Adopted completely or refused: what counts is that it ends.
    Either,
}

pub struct Case {
    pub name: &'static str,
    pub statements: String,
    pub outcome: Outcome,
    /// Queries on the adopted database, with their results.
    pub then: Vec<(&'static str, &'static str)>,
}

fn case(name: &'static str, outcome: Outcome, statements: impl Into<String>) -> Case {
    Case { name, statements: statements.into(), outcome, then: Vec::new() }
}

/// Repeats a statement with the number in place of `{i}`, and the one before it in place of `{j}`.
fn each(range: std::ops::Range<u32>, statement: &str) -> String {
    range.fold(String::new(), |mut all, i| {
        let text = statement.replace("{i}", &i.to_string());
        let _ = writeln!(all, "{}", text.replace("{j}", &i.saturating_sub(1).to_string()));
        all
    })
}

/// Statements that put another text into the schema, as an editor of bytes can.
fn edit(table: &str, sql: &str) -> String {
    format!(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = '{}' WHERE name = '{table}';
         PRAGMA writable_schema = OFF;",
        sql.replace('\'', "''")
    )
}
