//! How a row of a former table is told from the others.

use diesel::prelude::*;
use zenith_db::internal::catalog::{column_list, literal, names};

use super::super::error::Result;
use super::super::tables::TABLES;

/// What a row is named by.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    /// A number: `id` where the table is known, and otherwise SQLite's own, by a name that no column
    /// has.
    Number(&'static str),
    /// The place of the row in the order of these columns, where SQLite gives it no number.
    Place(Vec<String>),
    /// There is a number, but columns have all of its names.
    Hidden,
}

impl Key {
    pub(crate) fn of(connection: &mut SqliteConnection, table: &str) -> Result<Self> {
        if TABLES.iter().any(|known| known.name.eq_ignore_ascii_case(table)) {
            return Ok(Self::Number("id"));
        }
        let of = literal(table);
        let unnumbered = format!(
            "SELECT x.name FROM pragma_table_list({of}) AS t, pragma_table_xinfo({of}) AS x
             WHERE t.schema = 'main' AND t.wr AND x.pk > 0 ORDER BY x.pk"
        );
        let key = names(connection, &unnumbered)?;
        if !key.is_empty() {
            return Ok(Self::Place(key));
        }
        let columns = names(connection, &format!("SELECT name FROM pragma_table_xinfo({of})"))?;
        let free = ["rowid", "_rowid_", "oid"]
            .into_iter()
            .find(|number| !columns.iter().any(|column| column.eq_ignore_ascii_case(number)));
        Ok(free.map_or(Self::Hidden, Self::Number))
    }

    /// The number in a SELECT.
    pub(crate) fn expression(&self) -> String {
        match self {
            Self::Number(name) => (*name).to_owned(),
            Self::Place(key) => format!("row_number() OVER (ORDER BY {})", column_list(key)),
            // Nothing is ever told by it: see `orphans`.
            Self::Hidden => "0".into(),
        }
    }
}
